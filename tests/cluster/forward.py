"""A port of this machine that leads to a Service, also after the pod at its end has gone."""

import re
import socket
import subprocess
import threading
import time
from types import TracebackType
from typing import Self

from tests.cluster.cluster import until

START_SECONDS = 30.0
AGAIN_SECONDS = 0.3


class Forward:
    """`kubectl port-forward`, started again whenever it ends. kubectl itself stays with one pod for good."""

    def __init__(self, namespace: str, service: str, port: int) -> None:
        self._target = (namespace, service, port)
        self._local = free_port()
        self._enough = threading.Event()
        self._open = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._said = ""
        self._thread = threading.Thread(target=self._keep, name="forward", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._local}"

    def __enter__(self) -> Self:
        self.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it listens."""
        until(self._open.is_set, f"the forward listens; kubectl said: {self._said}", seconds)

    def renew(self) -> None:
        """Go to a pod chosen anew."""
        self._open.clear()
        if self._process is not None:
            self._process.terminate()

    def close(self) -> None:
        """End it."""
        self._enough.set()
        self.renew()
        self._thread.join(10)

    def _keep(self) -> None:
        namespace, service, port = self._target
        while not self._enough.is_set():
            command = [
                "kubectl",
                "port-forward",
                "--namespace",
                namespace,
                f"service/{service}",
                f"{self._local}:{port}",
            ]
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._said = line.strip()
                if re.match(r"Forwarding from ", line):
                    self._open.set()
                if "lost connection to pod" in line or "error forwarding port" in line:
                    self._process.terminate()  # some versions stay, and refuse every connection
            self._open.clear()
            self._process.stdout.close()
            self._process.wait()
            time.sleep(AGAIN_SECONDS)  # between two tries


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
