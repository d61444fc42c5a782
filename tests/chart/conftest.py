"""Each variant is rendered once, and by each helm that is there alike."""

import pytest
from tests.chart.helm import VARIANTS, Helm, found

HELMS = found()
MISSING = "there is no helm here: install it, or run `make tools`"


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The first there is, the newest; `each_helm` must render the same."""
    if not HELMS:
        pytest.skip(MISSING)
    return HELMS[0]


@pytest.fixture(
    params=HELMS or [None], ids=lambda helm: f"helm{helm.version}" if helm else "no-helm", scope="session"
)
def each_helm(request: pytest.FixtureRequest) -> Helm:
    if request.param is None:
        pytest.skip(MISSING)
    return request.param


@pytest.fixture(params=sorted(path.stem for path in VARIANTS.glob("*.yaml")))
def variant(request: pytest.FixtureRequest) -> str:
    return request.param
