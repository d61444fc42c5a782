"""Images that were built, and a namespace to look at them in.

They need a cluster whose nodes see the images: KUBECONFIG names it, and k8s/build makes them unless CORRAL_IMAGE_TAG
says which there are. Without a cluster the suite is skipped, and says so; the locks are checked by tests/unit.
"""

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest
from tests.fixtures.terminal import line_writer
from tests.images.belonging import ROOT
from tests.images.rig import Failed, Namespace, kubectl


@pytest.fixture(scope="session")
def tag() -> str:
    """The tag of the images."""
    try:
        kubectl("get", "nodes", "--request-timeout=5s")
    except (Failed, FileNotFoundError) as error:
        pytest.skip(f"no cluster: {error}")
    if given := os.environ.get("CORRAL_IMAGE_TAG"):
        return given
    subprocess.run([ROOT / "k8s" / "build", "dev"], check=True, timeout=900)
    return "dev"


@pytest.fixture(scope="session")
def namespace(tag: str) -> Iterator[Namespace]:
    """A namespace in which every pod must be restricted."""
    namespace = Namespace("images")
    yield namespace
    namespace.delete()


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print a line whatever becomes of the test."""
    return line_writer(pytestconfig)
