"""An API server that KUBECONFIG names, a namespace for each test, and the operator with the chart's Role."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.cluster.operator.kube import CRD, Kube, role_documents
from tests.cluster.operator.operator_process import OperatorProcess
from tests.cluster.operator.stage import Stage

from corral.dispatch import Dispatch

MISSING = (
    "NOT TESTED: the operator against a real API server. Set KUBECONFIG, and have kubectl and helm in PATH"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("KUBECONFIG") and shutil.which("kubectl") and shutil.which("helm"):
        return
    for item in items:
        if "tests/cluster/operator" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def definition() -> None:
    """The WorkerPool definition of this checkout. Stays: others may use it."""
    apply = ["kubectl", "apply", "--server-side", "--force-conflicts", "-f", str(CRD)]
    subprocess.run(apply, check=True, capture_output=True)
    wait = ["kubectl", "wait", "--for=condition=Established", "--timeout=30s", "crd/workerpools.corral.dev"]
    subprocess.run(wait, check=True, capture_output=True)


@pytest.fixture
def kube(definition: None) -> Iterator[Kube]:
    """A namespace of the test's own, removed without waiting."""
    kube = Kube.create()
    yield kube
    kube.remove()


@pytest.fixture
async def stage(kube: Kube, dispatch: Dispatch) -> AsyncIterator[Stage]:
    """A Deployment of stand-in workers, and what the leader and the workers would say of them."""
    stage = Stage(kube, dispatch)
    await asyncio.to_thread(stage.deploy)
    playing = asyncio.create_task(stage.play())
    yield stage
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)


@pytest.fixture
def account(kube: Kube) -> str:
    """A kubeconfig of the operator's service account, with the chart's Role and nothing more."""
    kube.apply(*role_documents(kube.namespace))
    return kube.kubeconfig_of("corral-operator")


@pytest.fixture
def operator(kube: Kube, account: str, redis_url: str) -> Iterator[OperatorProcess]:
    """The operator as a process of its own; a test starts it."""
    process = OperatorProcess(kube, account, redis_url)
    yield process
    process.stop()
    sys.stdout.write(process.log[-20_000:])
