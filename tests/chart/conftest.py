"""Each variant is rendered once, and by each helm that is there alike."""

import pytest
from tests.chart.helm import VARIANTS, Helm, found

HELMS = found()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needs = pytest.mark.needs(
        "helm", bool(HELMS), "Linux on x86-64: make tools; elsewhere install helm 4 or 3"
    )
    for item in items:
        if {"helm", "each_helm"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(needs)


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The first there is, the newest; `each_helm` must render the same."""
    return HELMS[0]


@pytest.fixture(
    params=HELMS or [None], ids=lambda helm: f"helm{helm.version}" if helm else "no-helm", scope="session"
)
def each_helm(request: pytest.FixtureRequest) -> Helm:
    return request.param


@pytest.fixture(params=sorted(path.stem for path in VARIANTS.glob("*.yaml")))
def variant(request: pytest.FixtureRequest) -> str:
    return request.param
