"""Result 3. Long jobs while the pool shrinks, with Redis wiped in the worst moment; and workers that die."""

import random
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from tests.cluster.cluster import apply, until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.namespace import ready, tell
from tests.cluster.release import Release, pool
from tests.cluster.watch import Change, Watch

MAXIMUM = 8
SLOTS = 4
JOBS = MAXIMUM * SLOTS
SHORTEST, LONGEST = 10.0, 60.0
"""Seconds of the jobs: most end between 10 and 20, and three keep their workers for 60. The law remembers what was
needed for as long as such jobs take on average, 20 s: workers leave between 30 and 50."""
GRACE = 10
TRIALS = {
    "__init__.py": '"""Jobs that only these tests have."""\n',
    "jobs.py": '''"""Their types."""

from corral.catalog import job_type

hoard = job_type("trial.hoard", queue="demo", retries=0, max_stalls=3)
''',
    "handlers.py": '''"""Their handlers."""

from trial.jobs import hoard


@hoard.handler
async def take_it_all(payload, ctx):
    """The first time, more memory than the container may have, at once."""
    if ctx.attempt == 1:
        hoarded = [bytearray(b"x") * (64 * 2**20) for _ in range(64)]
        return len(hoarded)
    return ctx.attempt
''',
}
"""Modules that a ConfigMap puts into /app of the workers."""


class Wiper:
    """Wipes Redis whenever a worker has just turned not ready: after its seal, before the patch."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._ready: set[str] = set()
        self._leaving: set[str] = set()
        self._lock = threading.Lock()
        self.wiped: list[float] = []
        """When, by the monotonic clock, a wipe followed a worker's seal."""

    def __enter__(self) -> Self:
        namespace = self._release.namespace
        self._session = namespace.session(self._release.redis_pod(), "redis-cli")
        assert tell(self._session, "PING") == "PONG"
        self._watch = Watch(namespace.cluster, "pods", namespace.name, self._look)
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)
        with self._lock:
            self._session.terminate()
            self._session.communicate()

    def _look(self, change: Change) -> None:
        pod = change.object
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") != "worker":
            return
        if pod["metadata"].get("deletionTimestamp") or change.kind == "DELETED":
            self._leaving.add(change.name)
        elif ready(pod):
            self._ready.add(change.name)
        elif change.name in self._ready - self._leaving:
            self._ready.discard(change.name)
            with self._lock:
                if self._session.poll() is None and tell(self._session, "FLUSHALL") == "OK":
                    self.wiped.append(time.monotonic())


@pytest.fixture(scope="module")
def shrinking(release: Release) -> Iterator[Watch]:
    """A pool that shrinks soon, and workers that know how to run out of memory."""
    namespace = release.namespace
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "trial", "namespace": namespace.name},
        "data": TRIALS,
    }
    apply(config)
    io = pool("io", ["demo"], minReplicas=0, maxReplicas=MAXIMUM, slots=SLOTS, grace=GRACE)
    io |= {
        "scaleDown": {"stabilizationSeconds": 5, "drainTimeoutSeconds": 300},
        "objectives": {"waitSeconds": 5, "drainSeconds": 30},
        "jobs": ["trial.jobs"],
        "handlers": ["trial.handlers"],
        "volumes": [{"name": "trial", "configMap": {"name": "trial"}}],
        "volumeMounts": [{"name": "trial", "mountPath": "/app/trial", "readOnly": True}],
    }
    release.install({"pools": [io]})
    with Watch(namespace.cluster, "deployments", namespace.name) as deployments:
        yield deployments


@pytest.mark.parametrize("wipe", [False, True], ids=["in peace", "with Redis wiped after each seal"])
def test_scaling_down_interrupts_no_long_job(
    release: Release, shrinking: Watch, goals: Goals, wipe: bool
) -> None:
    what = "scale-down, Redis wiped" if wipe else "scale-down"
    dice = random.Random(4)
    lengths = [LONGEST] * 3 + [dice.uniform(SHORTEST, SHORTEST + 10) for _ in range(JOBS - 3)]
    minimum(release, MAXIMUM)
    release.namespace.wait_ready("worker", MAXIMUM, 180, pool="io")
    accepted = release.client.submit_many("demo.sleep", [{"seconds": seconds} for seconds in lengths], what)
    release.client.wait_running("demo", JOBS, 15)
    began = time.monotonic()
    minimum(release, 0)
    wiper = Wiper(release) if wipe else None
    if wiper is None:
        while_running = shrunk_until_zero(release, shrinking, began)
    else:
        with wiper:
            while_running = shrunk_until_zero(release, shrinking, began)
    steps = shrinking.replicas(release.deployment("io"), began)
    goals.note(f"{what}: replicas " + ", ".join(f"{at - began:.0f} s: {count}" for at, count in steps[1:]))
    if not while_running:
        for one in release.client.decisions("io")[:10]:
            goals.note(f"{what}: decided at {one['at']}: {one['before']} to {one['after']}: {one['reason']}")
    goals.at_least(f"{what}: workers that left while others ran jobs", while_running, 1)
    if wiper is not None:
        goals.note(f"{what}: wipes " + ", ".join(f"{at - began:.0f} s" for at in wiper.wiped))
        goals.at_least(f"{what}: wipes between seal and patch", len(wiper.wiped), 1)
    Ledger.of(release.client, what, accepted).check(goals, what)


def minimum(release: Release, workers: int) -> None:
    """Ask for so many workers at least, as an operator of the cluster would by hand."""
    spec = {"spec": {"minReplicas": workers}}
    release.namespace.cluster.replace("workerpools", release.namespace.name, release.deployment("io"), spec)


def shrunk_until_zero(release: Release, watch: Watch, began: float) -> int:
    """Wait for quiet, then for zero; how many workers were taken away before the quiet."""
    deployment = release.deployment("io")
    release.client.wait_quiet("demo", LONGEST + 90)
    steps = [count for _, count in watch.replicas(deployment, began)]
    left = max(steps) - steps[-1]
    until(lambda: release.replicas("io") == 0, "down to zero", 120)
    return left


def busy_worker(release: Release, tag: str, seconds: float) -> tuple[str, list[str]]:
    """A worker's pod with all its jobs, which take so long; their ids."""
    accepted = release.client.submit_many("demo.sleep", [{"seconds": seconds}] * SLOTS, tag)
    release.client.wait_running("demo", SLOTS, 60)
    workers = {str(worker["id"]): str(worker["name"]) for worker in release.client.get("/workers")["items"]}
    held = [workers[job["worker"]] for job in release.client.jobs(tag) if job["worker"] in workers]
    assert held
    return max(held, key=held.count), accepted


def ended_with(release: Release, tag: str, accepted: list[str], seconds: float) -> tuple[Ledger, list[Any]]:
    """Wait until all have ended; what became of them, and the earlier attempts that they had."""
    release.client.wait_quiet("demo", seconds)
    ledger = Ledger.of(release.client, tag, accepted)
    return ledger, [attempt for id in accepted for attempt in release.client.attempts(id)]


@pytest.mark.parametrize(("length", "outcomes"), [(5.0, set()), (25.0, {"released"})], ids=["short", "long"])
def test_a_deleted_worker_finishes_what_it_can_and_gives_the_rest_back(
    release: Release, shrinking: Watch, goals: Goals, length: float, outcomes: set[str]
) -> None:
    what = f"worker deleted, jobs of {length:g} s, grace {GRACE} s"
    pod, accepted = busy_worker(release, what, length)
    release.namespace.delete_pod(pod)
    ledger, attempts = ended_with(release, what, accepted, length + 60)
    ledger.check(goals, what, undisturbed=not outcomes)
    assert {attempt["outcome"] for attempt in attempts} == outcomes, attempts


def test_jobs_of_a_worker_that_was_removed_by_force_run_again(
    release: Release, shrinking: Watch, goals: Goals
) -> None:
    what = "worker removed by force"
    pod, accepted = busy_worker(release, what, 15)
    release.namespace.delete_pod(pod, force=True)
    ledger, attempts = ended_with(release, what, accepted, 120)
    ledger.check(goals, what, undisturbed=False)
    assert {attempt["outcome"] for attempt in attempts} <= {"stalled", "released"}, attempts
    assert attempts, "nothing was interrupted: the fault missed"


def test_neighbours_of_a_job_that_takes_all_memory_complete(
    release: Release, shrinking: Watch, goals: Goals
) -> None:
    what = "out of memory"
    accepted = release.client.submit_many("demo.sleep", [{"seconds": 12}] * (SLOTS - 1), what)
    release.client.wait_running("demo", SLOTS - 1, 60)
    accepted += release.client.submit_many("trial.hoard", [None], what)
    killed = until(lambda: out_of_memory(release), "the kernel killed a worker", 60)
    ledger, attempts = ended_with(release, what, accepted, 180)
    ledger.check(goals, what, undisturbed=False)
    assert {attempt["outcome"] for attempt in attempts} == {"stalled"}, attempts
    goals.note(
        f"out of memory: {killed} was killed; {len(attempts)} attempts were lost with it and made up for"
    )


def out_of_memory(release: Release) -> str | None:
    """The pod that the kernel killed for its memory."""
    for pod in release.namespace.pods("worker", "io"):
        for status in pod["status"].get("containerStatuses", ()):
            states = (status.get("lastState", {}), status.get("state", {}))
            if any(state.get("terminated", {}).get("reason") == "OOMKilled" for state in states):
                return str(pod["metadata"]["name"])
    return None
