"""Each variant is rendered once, and by each helm that is there alike."""

import os
from dataclasses import replace
from pathlib import Path

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
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all the processes of this run."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "rendered"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
def helm(shelf: Path) -> Helm:
    """The first there is, the newest; `each_helm` must render the same."""
    return replace(HELMS[0], shelf=shelf)


@pytest.fixture(
    params=HELMS or [None], ids=lambda helm: f"helm{helm.version}" if helm else "no-helm", scope="session"
)
def each_helm(request: pytest.FixtureRequest, shelf: Path) -> Helm:
    return replace(request.param, shelf=shelf)


@pytest.fixture(params=sorted(path.stem for path in VARIANTS.glob("*.yaml")))
def variant(request: pytest.FixtureRequest) -> str:
    return request.param
