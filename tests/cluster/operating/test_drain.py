"""Result 12. A node is drained: one pod of a kind at a time, no job shorter than the grace is interrupted."""

import subprocess
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.load.load import Load
from tests.cluster.namespace import ready
from tests.cluster.node import Node
from tests.cluster.program import run
from tests.cluster.release import Release, pool
from tests.cluster.watch import Watch

Json = Any
LABEL = "corral-tests/release"
"""On every pod of the release: no other pod of the node may be taken."""
WORKERS, PUBLISHERS = 3, 2
RATE, SECONDS, GRACE = 2.0, 5, 30
ALONE_SECONDS = 8
"""Of the jobs that run on the only worker when it is evicted."""
DRAIN_SECONDS = 240
RECOVERY_SECONDS = 60


def values(release: Release, publishers: int, workers: int) -> dict[str, Any]:
    """So many of both."""
    io = pool("io", ["demo"], minReplicas=workers, maxReplicas=workers, slots=5, grace=GRACE)
    labels = {LABEL: release.namespace.name}
    return {"pods": {"labels": labels}, "publisher": {"replicas": publishers}, "pools": [io]}


class Drain:
    """`kubectl drain` of the node, of this release's workers and publishers alone; it can be scheduled on at the end."""

    def __init__(self, release: Release) -> None:
        self._name = release.namespace.pods("worker")[0]["spec"]["nodeName"]
        mine = f"{LABEL}={release.namespace.name},app.kubernetes.io/component in (worker,publisher)"
        self._command = ["kubectl", "drain", self._name, "--pod-selector", mine, "--delete-emptydir-data",
                         "--ignore-daemonsets", f"--timeout={DRAIN_SECONDS}s"]  # fmt: skip
        self._said: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.uncordon()
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def uncordon(self) -> None:
        """New pods find their place again."""
        run("kubectl", "uncordon", self._name)

    @property
    def said(self) -> str:
        """By kubectl, until now."""
        return "".join(self._said)

    def wait(self) -> None:
        """Until it is done, and well done."""
        code = self._process.wait(DRAIN_SECONDS + 30)
        assert code == 0, self.said

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self._said.extend(lines)


@pytest.fixture(scope="module")
def installed(release: Release, hurtable: Node) -> Iterator[Watch]:
    """Two publishers and three workers, watched."""
    release.install(values(release, PUBLISHERS, WORKERS))
    with Watch(release.namespace.cluster, "pods", release.namespace.name) as pods:
        yield pods


def test_a_drain_takes_one_at_a_time_and_interrupts_nothing(
    release: Release, installed: Watch, goals: Goals
) -> None:
    what = "drain"
    components = {"worker": WORKERS, "publisher": PUBLISHERS}
    for component, count in components.items():
        release.namespace.wait_ready(component, count, 120)
    before = {pod["metadata"]["uid"] for one in components for pod in release.namespace.pods(one)}
    with Load(release, what, "demo.sleep", f'{{"seconds": {SECONDS}}}', RATE) as load:
        release.client.wait_running("demo", int(RATE * SECONDS / 2), 60)
        began = time.monotonic()
        with Drain(release) as drain:
            for component in components:
                until(lambda of=component: pending(release, of), f"a new {component} finds no place", 90)
            until(lambda: "disruption budget" in drain.said, "the next one is refused for now", 60)
            release.client.wait_running("demo", 2, 30)  # by the workers that are left
            drain.uncordon()
            drain.wait()
        seconds = time.monotonic() - began
        for component, count in components.items():
            release.namespace.wait_ready(component, count, 120)
    goals.at_most(f"{what}: all workers and publishers moved after, seconds", seconds, DRAIN_SECONDS)
    left = before & {pod["metadata"]["uid"] for one in components for pod in release.namespace.pods(one)}
    goals.none(f"{what}: pods that stayed", len(left))
    for component, count in components.items():
        least = fewest(installed, component, began)
        goals.at_least(f"{what}: {component}s ready at the worst moment", least, count - 1)
    answers = load.answers
    goals.note(f"{what}: {len(answers.accepted)} jobs accepted")
    for line in (answers.refused + answers.broken)[:3]:
        goals.note(f"{what}: not accepted: {line}")
    goals.none(f"{what}: requests refused or without an answer", len(answers.refused) + len(answers.broken))
    release.client.wait_quiet("demo", 120)
    Ledger.of(release.client, what, answers.accepted).check(goals, what)


def test_a_drain_is_not_held_up_by_the_only_pod_of_a_kind(
    release: Release, installed: Watch, goals: Goals
) -> None:
    what = "drain of the only ones"
    release.upgrade(values(release, 1, 1))
    for component in ("worker", "publisher"):
        release.namespace.wait_ready(component, 1, 180)
    release.close()
    jobs = release.client.submit_many("demo.sleep", [{"seconds": ALONE_SECONDS}] * 12, what)
    release.client.wait_running("demo", 5, 60)
    release.close()  # a publisher that stops waits for connections that are kept
    began = time.monotonic()
    with Drain(release) as drain:
        drain.wait()
        goals.at_most(f"{what}: done after, seconds", time.monotonic() - began, GRACE + 60)
        for component in ("worker", "publisher"):
            until(lambda of=component: pending(release, of), f"the {component} waits for a place", 30)
    back = time.monotonic()
    for component in ("worker", "publisher"):
        release.namespace.wait_ready(component, 1, 120)
    job = release.client.submit("demo.echo", "again", wait=30, priority="high")
    assert job["state"] == "completed", job
    goals.at_most(
        f"{what}: work flows after there is a place, seconds", time.monotonic() - back, RECOVERY_SECONDS
    )
    release.client.wait_quiet("demo", 120)
    Ledger.of(release.client, what, jobs).check(goals, what)


def pending(release: Release, component: str) -> bool:
    """Whether a pod of it waits for a node."""
    return any(pod["status"]["phase"] == "Pending" for pod in release.namespace.pods(component))


def fewest(watch: Watch, component: str, since: float) -> int:
    """The least number of pods of a component that were ready and not on their way out."""
    serving: set[str] = set()
    least: int | None = None
    for change in tuple(watch.changes):
        pod = change.object
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") != component:
            continue
        if change.at >= since and least is None:
            least = len(serving)
        if change.kind == "DELETED" or pod["metadata"].get("deletionTimestamp") or not ready(pod):
            serving.discard(pod["metadata"]["uid"])
        else:
            serving.add(pod["metadata"]["uid"])
        if least is not None:
            least = min(least, len(serving))
    assert least is not None, f"nothing was heard of {component}"
    return least
