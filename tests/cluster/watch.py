"""What happened to objects, in order, with this process's own clock: no time of the cluster is asked."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx2
from tests.cluster.cluster import GROUPS, Cluster

Json = Any
AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Change:
    """One object as it became, and when this process heard of it (monotonic seconds)."""

    at: float
    kind: str
    object: Json

    @property
    def name(self) -> str:
        """The object's."""
        return str(self.object["metadata"]["name"])


@dataclass
class Watch:
    """Watches a kind in a namespace while its `with` lasts, across restarts of the API server."""

    cluster: Cluster
    kind: str
    namespace: str
    told: Callable[[Change], None] | None = None
    changes: list[Change] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._enough = threading.Event()
        self._listed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {self.kind}", daemon=True)
        self._thread.start()
        assert self._listed.wait(20), f"{self.kind} can't be listed"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()  # the thread ends with the next change, or with the process

    def of(self, name: str, since: float = 0.0) -> list[Change]:
        """Changes of one object."""
        return [change for change in tuple(self.changes) if change.name == name and change.at >= since]

    def replicas(self, deployment: str, since: float = 0.0) -> list[tuple[float, int]]:
        """When a Deployment was given another number of replicas, with what came before as the first."""
        steps: list[tuple[float, int]] = []
        for change in self.of(deployment):
            replicas = int(change.object["spec"].get("replicas", 0))
            if change.at < since:
                steps = [(change.at, replicas)]
            elif not steps or steps[-1][1] != replicas:
                steps.append((change.at, replicas))
        return steps

    def _run(self) -> None:
        while not self._enough.is_set():
            with contextlib.suppress(httpx2.HTTPError, AssertionError):
                page = self.cluster.ask(f"/{GROUPS[self.kind]}/namespaces/{self.namespace}/{self.kind}")
                for item in page["items"]:
                    self._note("LISTED", item)
                self._listed.set()
                with self.cluster.watching(
                    self.kind, self.namespace, page["metadata"]["resourceVersion"]
                ) as events:
                    for event in events:
                        if self._enough.is_set():
                            return
                        if event["type"] == "ERROR":
                            break
                        if event["type"] != "BOOKMARK":
                            self._note(event["type"], event["object"])
            time.sleep(AGAIN_SECONDS)  # between two tries

    def _note(self, kind: str, item: Json) -> None:
        change = Change(time.monotonic(), kind, item)
        self.changes.append(change)
        if self.told is not None:
            self.told(change)
