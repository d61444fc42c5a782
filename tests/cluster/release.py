"""Corral installed by its chart: one release in one namespace."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.forward import Forward
from tests.cluster.images import Images
from tests.cluster.load.client import Client
from tests.cluster.namespace import Namespace
from tests.cluster.node import ROOT
from tests.cluster.program import run

Json = Any
CHART = ROOT / "charts" / "corral"
CRDS = CHART / "crds"
NAME = "corral"
WAIT_SECONDS = 240

SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
"""Asked for, so that what a test starts is scheduled on a small node; the chart's limits stay."""


def values(images: Images, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What every test installs with; `more` goes over it, maps into maps."""
    basis: dict[str, Any] = {
        "image": {"registry": images.registry, "tag": images.tag, "pullPolicy": "IfNotPresent"},
        "publisher": {"replicas": 1, "webWorkers": 1, "resources": SMALL},
        "poolDefaults": {"resources": SMALL},
        "operator": {"resources": SMALL},
        "postgres": {"resources": SMALL, "persistence": {"size": "1Gi"}},
        "redis": {"resources": SMALL, "persistence": {"size": "1Gi"}},
        "jobs": {"resources": SMALL, "waitSeconds": 120},
    }
    return merged(basis, more or {})


def pool(name: str, queues: list[str], **more: Any) -> dict[str, Any]:
    """One of the values' pools."""
    return {"name": name, "queues": queues, "resources": SMALL} | more


def merged(basis: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """As helm merges values."""
    result = dict(basis)
    for key, value in more.items():
        below = result.get(key)
        result[key] = (
            merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return result


def written(images: Images, more: Mapping[str, Any] | None = None) -> str:
    """The same as a file of values."""
    return json.dumps(values(images, more))


class Release:
    """A release, named `corral` unless said otherwise; its objects are named after it."""

    def __init__(
        self, namespace: Namespace, images: Images, helm: str | None = None, name: str = NAME
    ) -> None:
        self.namespace = namespace
        self.images = images
        self.name = name
        self._helm = helm or os.environ.get("CORRAL_TEST_HELM", "helm")
        self._forward: Forward | None = None
        self._client: Client | None = None

    def install(self, more: Mapping[str, Any] | None = None, *, wait: bool = True) -> float:
        """Install it; the seconds that took, with everything ready where it waits."""
        began = time.monotonic()
        there = run("kubectl", "get", "--ignore-not-found", "-o", "name", "-f", str(CRDS))
        self._with_values("install", more, *(("--skip-crds",) if there else ()), wait=wait)
        if wait:
            self.namespace.wait_jobs(WAIT_SECONDS)
        return time.monotonic() - began

    def upgrade(
        self, more: Mapping[str, Any] | None = None, *, wait: bool = True, seconds: int = WAIT_SECONDS
    ) -> float:
        """Upgrade it to exactly these values; the seconds that took."""
        began = time.monotonic()
        self._with_values("upgrade", more, "--reset-values", wait=wait, seconds=seconds)
        return time.monotonic() - began

    def rollback(self, *, wait: bool = True) -> float:
        """Back to the revision before; the seconds that took."""
        began = time.monotonic()
        self.helm("rollback", self.name, *(("--wait", f"--timeout={WAIT_SECONDS}s") if wait else ()))
        return time.monotonic() - began

    def uninstall(self) -> float:
        """Remove it; the seconds until helm was done."""
        self.close()
        began = time.monotonic()
        self.helm("uninstall", self.name, "--wait", f"--timeout={WAIT_SECONDS}s")
        return time.monotonic() - began

    def test(self) -> str:
        """`helm test`."""
        return self.helm(
            "test", self.name, "--timeout=180s"
        )  # with --logs helm 3 misses the pod that it removed

    def helm(self, *arguments: str, seconds: float = WAIT_SECONDS + 60) -> str:
        """Any command of helm in its namespace."""
        return run(self._helm, "--namespace", self.namespace.name, *arguments, seconds=seconds)

    @property
    def client(self) -> Client:
        """The API with the admin's key, over a port-forward."""
        if self._client is None:
            self._forward = Forward(self.namespace.name, f"{self.name}-publisher", 80)
            self._forward.wait()
            self._client = Client(self._forward.url, self.admin_key())
        return self._client

    @property
    def forward(self) -> Forward:
        """The port-forward that the client uses."""
        assert self.client
        assert self._forward is not None
        return self._forward

    def admin_key(self) -> str:
        """As the notes say it is got."""
        return self.namespace.secret(f"{self.name}-credentials", "admin-key")

    def redis_pod(self) -> str:
        """Its name."""
        return f"{self.name}-redis-0"

    def deployment(self, pool: str) -> str:
        """The name of a pool's Deployment."""
        return f"{self.name}-worker-{pool}"

    def replicas(self, pool: str) -> int:
        """What the Deployment of a pool is asked for."""
        return int(self.namespace.get("deployments", self.deployment(pool))["spec"]["replicas"])

    def close(self) -> None:
        """End the port-forward."""
        if self._client is not None:
            self._client.close()
        if self._forward is not None:
            self._forward.close()
        self._client = self._forward = None

    def _with_values(
        self,
        command: str,
        more: Mapping[str, Any] | None,
        *options: str,
        wait: bool,
        seconds: int = WAIT_SECONDS,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "values.json"
            file.write_text(written(self.images, more))
            waiting = ("--wait", f"--timeout={seconds}s") if wait else ()
            self.helm(
                command,
                self.name,
                str(CHART),
                "--values",
                str(file),
                *options,
                *waiting,
                seconds=seconds + 60,
            )
