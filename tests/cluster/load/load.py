"""A load from inside the cluster: a pod that posts jobs to the Service, as a web application would."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.cluster import apply, until
from tests.cluster.program import ProgramFailed
from tests.cluster.release import Release

SCRIPT = Path(__file__).parent / "poster.py"
Json = Any


@dataclass(frozen=True)
class Answers:
    """What became of the requests."""

    accepted: list[str]
    """Ids of stored jobs."""
    refused: list[str]
    """Answers of 400 and more."""
    broken: list[str]
    """Requests without an answer."""


class Load:
    """Posts one kind of job at a rate while its `with` lasts."""

    def __init__(self, release: Release, tag: str, type: str, payload: str, rate: float) -> None:
        self._release, self._tag = release, tag
        self._namespace = release.namespace
        self._pod = f"load-{tag}".lower()
        url = f"http://{release.name}-publisher"
        self._arguments = ["python", "/load/poster.py", url, type, payload, tag, str(rate)]
        self.answers = Answers([], [], [])
        """Once it has ended."""

    def __enter__(self) -> Self:
        name = {"name": self._pod, "namespace": self._namespace.name}
        script = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": name,
            "data": {SCRIPT.name: SCRIPT.read_text()},
        }
        apply(script, {"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": self._spec()})
        try:
            until(lambda: len(self._lines()) >= 5, "the load posts", 60)
        except AssertionError:  # it would post beside the tests that follow
            self._namespace.delete_pod(self._pod, force=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProgramFailed):  # 137 where the pod ended sooner than the command that asked it to
            self._namespace.exec(self._pod, "python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
        until(lambda: "end" in self._lines(), "the load ends", 60)
        lines = [line.partition(" ") for line in self._lines() if line != "end"]
        self.answers = Answers(
            [rest for status, _, rest in lines if status in {"200", "201"}],
            [f"{status} {rest}" for status, _, rest in lines if int(status) >= 400],
            [rest for status, _, rest in lines if status == "0"],
        )

    def _lines(self) -> list[str]:
        return self._namespace.logs(self._pod).splitlines()

    def _spec(self) -> Json:
        secret = {"name": f"{self._release.name}-credentials", "key": "admin-key"}
        container = {
            "name": "load",
            "image": self._release.images.name("publisher"),
            "command": self._arguments,
            "env": [{"name": "CORRAL_KEY", "valueFrom": {"secretKeyRef": secret}}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "load", "mountPath": "/load", "readOnly": True}],
        }
        return {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "load", "configMap": {"name": self._pod}}],
        }
