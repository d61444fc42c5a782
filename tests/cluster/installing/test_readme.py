"""The six lines of README.md that install Corral by hand, run as they stand there."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.cluster.cluster import until
from tests.cluster.forward import free_port
from tests.cluster.images import Images
from tests.cluster.namespace import Namespace
from tests.cluster.node import ROOT
from tests.cluster.program import run

PAGE = ROOT / "README.md"
FORWARDED_SECONDS = 60
SCALED_SECONDS = 120


def lines() -> list[str]:
    """What stands in the block under the heading."""
    text = PAGE.read_text().split("## On Kubernetes\n", 1)[1]
    block = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1].splitlines()


class Reader:
    """Somebody who types the lines. Only names and ports that belong to the tests' own cluster are put in place."""

    def __init__(self, namespace: Namespace, images: Images) -> None:
        self._namespace, self._images = namespace.name, images
        self._port = str(free_port())
        self._beside: list[subprocess.Popen[str]] = []

    def type(self, line: str) -> str:
        """Run a line to its end, and answer what it prints."""
        here = f"cd {shlex.quote(str(ROOT))}; set -euo pipefail; {self._here(line)}"
        return run("bash", "-c", here, seconds=420)

    def type_beside(self, line: str) -> "subprocess.Popen[str]":
        """Start a line that goes on until Ctrl-C."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self._here(line).removesuffix('&')}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._beside.append(process)
        return process

    def ctrl_c(self) -> None:
        """End what goes on."""
        while self._beside:
            process = self._beside.pop()
            process.terminate()  # Ctrl-C; a command that was started in the background ignores that one
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()

    def _here(self, line: str) -> str:
        helm = shlex.quote(os.environ.get("CORRAL_TEST_HELM", "helm"))
        registry = f",image.registry={self._images.registry}" if self._images.registry else ""
        line = re.sub(r"--namespace corral\b", f"--namespace {self._namespace}", line)
        line = line.replace("image.tag=dev", f"image.tag={self._images.tag}{registry}")
        line = line.replace("8000", self._port)
        line = line.replace(".venv/bin/corral", f"{shlex.quote(sys.executable)} -m corral.cli")
        return re.sub(r"^helm ", f"{helm} ", line)


@pytest.fixture(scope="module")
def reader(namespace: Namespace, images: Images) -> Iterator[Reader]:
    """Whoever reads the page."""
    reader = Reader(namespace, images)
    yield reader
    reader.ctrl_c()


def test_a_reader_installs_loads_and_watches_the_workers_scale(reader: Reader, namespace: Namespace) -> None:
    make, kind, helm, forward, load, watch = lines()
    # The images are there, and this cluster is none of kind's: what these two lines do is tested where CI makes the
    # images by the first one, and in tests/unit/docs/test_readme.py and test_kind.py.
    assert make == "make images TAG=dev"
    assert kind.startswith("kind create cluster --config kind-config.yaml && kind load docker-image ")
    reader.type(helm)
    resting = len(namespace.pods("worker"))
    reader.type_beside(forward)
    until(lambda: "1,000" in reader.type(load), "the load is submitted", FORWARDED_SECONDS)
    watching = reader.type_beside(watch)
    assert watching.stdout is not None
    assert watching.stdout.readline().startswith("NAME")
    until(lambda: len(namespace.pods("worker")) > resting, "the workers scale", SCALED_SECONDS)
    reader.ctrl_c()
