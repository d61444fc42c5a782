"""skaffold on a copy of the project, in a namespace of its own: `run`, `verify`, and `dev` while code is edited."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.cluster import until
from tests.cluster.forward import free_port
from tests.cluster.node import ROOT, Node
from tests.cluster.program import ProgramFailed, run

COPIED = ("charts", "k8s", "requirements", "services", "skaffold.yaml", ".dockerignore", "Dockerfile.*")
CACHE = ROOT / "build" / "cluster" / "skaffold-cache"
"""Which images are there already, by the content of their sources."""
POLL = "100"
"""Milliseconds without a change, after which skaffold looks what changed; it waits 1,000 unless told otherwise."""
RUN_SECONDS = 400.0
START_SECONDS = 60.0
END_SECONDS = 90.0
DOCKER_SOCKET = Path("/var/run/docker.sock")


class Missing(Exception):
    """Something that skaffold needs is not here; the message says what."""


@dataclass(frozen=True)
class Tools:
    """What skaffold needs beside itself."""

    builder: tuple[str, ...]
    helm: str
    """A helm 3."""

    @classmethod
    def find(cls, builder: Sequence[str] | None) -> Self:
        """From PATH.

        Raises:
            Missing: one of them is not there.
        """
        if shutil.which("skaffold") is None:
            raise Missing("no skaffold in PATH")
        if builder is None:
            raise Missing("nothing here builds images: CORRAL_IMAGE_BUILD names what does")
        for name in (os.environ.get("CORRAL_TEST_HELM", "helm"), "helm", "helm3"):
            with contextlib.suppress(ProgramFailed):
                if run(name, "version", "--short").startswith("v3."):
                    return cls(tuple(builder), str(shutil.which(name)))
        raise Missing("skaffold works with helm 3, and neither helm nor helm3 in PATH is one")


@contextmanager
def docker_host(node: Node | None, folder: Path) -> Iterator[str]:
    """Where a Docker daemon knows the cluster's images: DOCKER_HOST, the usual socket, or the test cluster's own.

    Raises:
        Missing: none of them.
    """
    if named := os.environ.get("DOCKER_HOST"):
        yield named
    elif DOCKER_SOCKET.is_socket():
        yield f"unix://{DOCKER_SOCKET}"
    elif node is None:
        raise Missing("no Docker daemon that knows the cluster's images: DOCKER_HOST names one")
    else:
        path = folder / "docker.sock"
        process = subprocess.Popen(
            [node.command, "docker-api", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until(path.is_socket, "the Docker API listens", START_SECONDS)
            yield f"unix://{path}"
        finally:
            _end(process, signal.SIGTERM, 10)


class Checkout:
    """A copy of the project that skaffold works on, and that may be edited."""

    def __init__(self, folder: Path, namespace: str, tools: Tools, docker: str) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        for pattern in COPIED:
            for path in ROOT.glob(pattern):
                if path.is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                    shutil.copytree(path, self.folder / path.name, ignore=ignored)
                else:
                    shutil.copy(path, self.folder)
        self.port = free_port()
        """Of this machine; skaffold forwards it to the publisher."""
        self.edit("skaffold.yaml", "namespace: corral\n", f"namespace: {namespace}\n")
        self.edit("skaffold.yaml", "localPort: 8080\n", f"localPort: {self.port}\n")
        self.edit("k8s/skaffold/verify.yaml", "namespace: corral\n", f"namespace: {namespace}\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "helm").symlink_to(tools.helm)
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        self._environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "DOCKER_HOST": docker,
            "CORRAL_IMAGE_BUILD": " ".join(tools.builder),
            "SKAFFOLD_CONFIG": str(folder / "skaffold-config"),
            "SKAFFOLD_CACHE_FILE": str(CACHE),
            "SKAFFOLD_INTERACTIVE": "false",
            "SKAFFOLD_UPDATE_CHECK": "false",
        }

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text of a file, as an editor does that saves."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))

    def skaffold(self, *arguments: str) -> str:
        """A command of skaffold that ends by itself; what it printed to standard output."""
        script = 'cd "$1" && shift && exec skaffold "$@"'
        command = ("bash", "-c", script, "skaffold", str(self.folder), *arguments)
        return run(*command, seconds=RUN_SECONDS, environment=self._environment)

    def verify(self, profile: str) -> str:
        """`skaffold verify` with the images of a profile."""
        built = self.folder.parent / "built.json"
        built.write_text(self.skaffold("build", "--profile", profile, "--quiet"))
        assert len(json.loads(built.read_text())["builds"]) == 3
        return self.skaffold("verify", "--profile", profile, "--build-artifacts", str(built))

    def dev(self, profile: str) -> "Dev":
        """`skaffold dev`, for as long as its `with` lasts."""
        return Dev(self.folder, profile, self._environment)


class Dev:
    """`skaffold dev`, and what it has said."""

    def __init__(self, folder: Path, profile: str, environment: Mapping[str, str]) -> None:
        self._said: list[tuple[float, str]] = []
        command = ["skaffold", "dev", "--profile", profile, "--watch-poll-interval", POLL]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="skaffold dev", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        try:
            self.wait_for("Watching for changes", RUN_SECONDS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for(self, text: str, seconds: float, since: float = 0.0) -> None:
        """Wait until it has said that since then, by the monotonic clock."""

        until(
            lambda: self._process.poll() is not None or self.when(text, since) is not None,
            f"skaffold dev says {text!r}",
            seconds,
        )
        if self.when(text, since) is None:
            raise ProgramFailed("skaffold dev", "has ended", self.end())

    def when(self, text: str, since: float = 0.0) -> float | None:
        """When it first said that since then, by the same clock."""
        return next((at for at, line in self._said if at >= since and text in line), None)

    def end(self) -> str:
        """The end of what it said."""
        return "".join(line for _, line in self._said[-40:])

    def close(self) -> None:
        """Interrupt it, as a user does: it removes the release. Nothing that it started is left."""
        _end(self._process, signal.SIGINT, END_SECONDS)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while it was read
            for line in self._process.stdout:
                self._said.append((time.monotonic(), line))


def _end(
    process: "subprocess.Popen[str] | subprocess.Popen[bytes]", how: signal.Signals, seconds: float
) -> None:
    """Ask the leader of a group to end, then end what is left of the group."""
    process.send_signal(how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
