"""The operator as a process, with the rights of its service account."""

import os
import signal
import socket
import urllib.error
import urllib.request

from tests.cluster.operator.kube import Kube
from tests.fixtures.process import Process


class OperatorProcess:
    def __init__(self, kube: Kube, kubeconfig: str, redis_url: str, name: str = "operator-a") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._env = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": kubeconfig,
            "CORRAL_REDIS_URL": redis_url,
            "CORRAL_NAMESPACE": kube.namespace,
            "CORRAL_OPERATOR_NAME": name,
            "CORRAL_METRICS_PORT": str(self.port),
            "CORRAL_LOG_LEVEL": "debug",
        }
        self._folder = kube.folder / name
        self._folder.mkdir()
        self._process: Process | None = None

    def start(self) -> None:
        log = self._folder / "log"
        self._process = Process("corral_operator", environment=self._env, log=log, forked=False)

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.send(number)
        try:
            return process.wait(15)
        finally:
            process.kill()

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:  # it does not listen yet
            return 0, str(error)

    def metric(self, name: str) -> float:
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
