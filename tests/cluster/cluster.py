"""The cluster that KUBECONFIG names, asked over `kubectl proxy`: looks are cheap, and credentials are kubectl's affair."""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from tests.cluster.program import ProgramFailed, run
from tests.fixtures.waiting import eventually

T = TypeVar("T")
Json = Any

LOOK = 0.25
"""Seconds between two looks at a condition."""
START_SECONDS = 30.0
GROUPS = {
    "pods": "api/v1",
    "services": "api/v1",
    "secrets": "api/v1",
    "configmaps": "api/v1",
    "events": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "endpoints": "api/v1",
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "workerpools": "apis/corral.dev/v1alpha1",
}
"""Kinds that the tests look at, by the path of their API group."""


class NotThere(AssertionError):
    """The API server knows no such object."""


def until(condition: Callable[[], T | None], what: str, seconds: float) -> T:
    """The first true value of `condition`; an API server that is away means not yet.

    Raises:
        AssertionError: names `what` and the last value, after so many seconds.
    """
    found = eventually(condition, what, timeout=seconds, interval=LOOK, ignoring=(httpx2.TransportError,))
    assert found is not None
    return found


class Cluster:
    """One `kubectl proxy`, for as long as the tests run."""

    def __init__(self) -> None:
        self._proxy = subprocess.Popen(
            ["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._http = httpx2.Client()
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(self._proxy, said), daemon=True).start()
        try:
            line = said.get(timeout=START_SECONDS)
        except queue.Empty:
            self.close()
            raise ProgramFailed("kubectl proxy", f"said nothing for {START_SECONDS:g} s", "") from None
        if not line.startswith("Starting to serve on "):
            self.close()
            raise ProgramFailed("kubectl proxy", "does not serve", line)
        self._url = "http://" + line.removeprefix("Starting to serve on ").strip()
        # Connections that are kept would come and go beside the tests, which are asked what they leave open.
        self._http = httpx2.Client(
            base_url=self._url, timeout=10, limits=httpx2.Limits(max_keepalive_connections=0)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the proxy."""
        self._proxy.terminate()
        self._proxy.wait(10)
        if self._proxy.stdout is not None:
            self._proxy.stdout.close()
        self._http.close()

    def ask(self, path: str, **params: str) -> Json:
        """GET of the API server.

        Raises:
            NotThere: 404.
            AssertionError: another refusal.
        """
        response = self._http.get(path, params=params)
        if response.status_code == 404:
            raise NotThere(path)
        assert response.is_success, f"{path}: {response.status_code} {response.text[:500]}"
        return response.json()

    def get(self, kind: str, namespace: str, name: str) -> Json:
        """One object."""
        return self.ask(f"/{GROUPS[kind]}/namespaces/{namespace}/{kind}/{name}")

    def every(self, kind: str, namespace: str, selector: str = "") -> list[Json]:
        """Objects of a kind."""
        found: list[Json] = self.ask(
            f"/{GROUPS[kind]}/namespaces/{namespace}/{kind}", labelSelector=selector
        )["items"]
        return found

    def replace(self, kind: str, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """A merge patch of one object."""
        path = f"/{GROUPS[kind]}/namespaces/{namespace}/{kind}/{name}{subresource and '/' + subresource}"
        response = self._http.patch(
            path, content=json.dumps(patch), headers={"Content-Type": "application/merge-patch+json"}
        )
        assert response.is_success, f"{path}: {response.status_code} {response.text[:500]}"
        return response.json()

    @contextmanager
    def watching(self, kind: str, namespace: str, version: str) -> Iterator[Iterator[Json]]:
        """What the API server tells of a kind, from that version on, as it tells it."""
        path = f"/{GROUPS[kind]}/namespaces/{namespace}/{kind}"
        params = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        with (
            httpx2.Client(base_url=self._url, timeout=httpx2.Timeout(10, read=None)) as http,
            http.stream("GET", path, params=params) as response,
        ):
            yield (json.loads(line) for line in response.iter_lines() if line)


def apply(*objects: Json) -> str:
    """Make or change them, as `kubectl apply` does.

    Raises:
        ProgramFailed: refused; the message is what the user would read.
    """
    return run(
        "kubectl",
        "apply",
        "-f",
        "-",
        given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
    )


def _read(process: "subprocess.Popen[str]", said: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    with contextlib.suppress(ValueError):  # closed while it was read
        for line in process.stdout:
            said.put(line)
