"""Each helm that is there renders each variant once."""

import pytest
from tests.chart.helm import VARIANTS, Helm, found

HELMS = found()


@pytest.fixture(
    params=HELMS or [None], ids=lambda helm: f"helm{helm.version}" if helm else "no-helm", scope="session"
)
def helm(request: pytest.FixtureRequest) -> Helm:
    if request.param is None:
        pytest.skip("there is no helm here: install it, or run `make tools`")
    return request.param


@pytest.fixture(params=sorted(path.stem for path in VARIANTS.glob("*.yaml")))
def variant(request: pytest.FixtureRequest) -> str:
    return request.param
