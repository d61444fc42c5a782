"""Result 5. Parts that die under load: work flows again within seconds, and no pool shrinks for want of knowledge."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.load.load import Load
from tests.cluster.node import Node
from tests.cluster.release import Release, pool
from tests.cluster.watch import Watch

from corral.client import ApiProblem, Unreachable

RECOVERY_SECONDS = 30
AWAY_SECONDS = 60
"""How long the API server is away."""
RATE, SECONDS, SLOTS = 4.0, 1.0, 2
NEEDED = 2
"""Workers that this load keeps busy: RATE x SECONDS / SLOTS. Fewer would be wrong."""
MOST = 10
"""More than the load asks for while it is caught up with, so that there is room to scale afterwards."""
LONG = 40.0


@pytest.fixture(scope="module")
def loaded(release: Release) -> Iterator[Watch]:
    """A pool that follows the load closely, watched."""
    io = pool("io", ["demo"], minReplicas=0, maxReplicas=MOST, slots=SLOTS, grace=30)
    io["scaleDown"] = {"stabilizationSeconds": 10, "drainTimeoutSeconds": 300}
    release.install({"pools": [io]})
    with Watch(release.namespace.cluster, "deployments", release.namespace.name) as deployments:
        yield deployments


class Outage:
    """A load, a part that dies meanwhile, and how long it takes until work flows once the part is back."""

    def __init__(self, release: Release, watch: Watch, what: str, goals: Goals) -> None:
        self._release, self._watch, self._what, self._goals = release, watch, what, goals
        self._load = Load(release, what.replace(" ", "-"), "demo.sleep", f'{{"seconds": {SECONDS}}}', RATE)

    def __enter__(self) -> Self:
        self._load.__enter__()
        release = self._release
        until(lambda: release.replicas("io") >= NEEDED, f"the load keeps {NEEDED} workers busy", 60)
        release.client.wait_running("demo", 2, 30)
        self._began = time.monotonic()
        return self

    def recovered(self, back: float) -> None:
        """Wait until a job that is submitted now completes; `back` is when the part was there again."""

        def flows() -> bool:
            job = self._release.client.submit("demo.echo", self._what, wait=5, priority="high")
            return bool(job["state"] == "completed")

        def at_last() -> bool:
            try:
                return flows()
            except (Unreachable, ApiProblem) as error:
                raise AssertionError(str(error)) from error

        until(at_last, f"work flows after {self._what}", 120)
        seconds = time.monotonic() - back
        self._goals.at_most(f"{self._what}: work flows after, seconds", seconds, RECOVERY_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._load.__exit__(kind, error, trace)
        if error is not None:
            return
        deployment = self._release.deployment("io")
        replicas = [count for _, count in self._watch.replicas(deployment, self._began)]
        self._goals.at_least(f"{self._what}: fewest workers asked for meanwhile", min(replicas), NEEDED)
        answers = self._load.answers
        self._goals.note(
            f"{self._what}: {len(answers.accepted)} jobs accepted, {len(answers.refused)} refused, "
            f"{len(answers.broken)} requests broken; replicas {replicas}"
        )
        self._release.client.wait_quiet("demo", 120)
        tag = self._what.replace(" ", "-")
        ledger = Ledger.of(self._release.client, tag, answers.accepted)
        self._goals.at_least(
            f"{self._what}: accepted jobs completed", len(ledger.accepted) - ledger.lost, len(ledger.accepted)
        )


def test_redis_comes_back_empty(release: Release, loaded: Watch, goals: Goals) -> None:
    namespace = release.namespace
    with Outage(release, loaded, "redis emptied", goals) as outage:
        namespace.exec(release.redis_pod(), "sh", "-c", 'rm -rf /data/* && test -z "$(ls /data)"')
        old = namespace.get("pods", release.redis_pod())["metadata"]["uid"]
        namespace.delete_pod(release.redis_pod(), force=True)
        until(lambda: replaced(release, release.redis_pod(), old), "Redis is back", 120)
        outage.recovered(time.monotonic())


def test_postgres_is_deleted(release: Release, loaded: Watch, goals: Goals) -> None:
    pod = f"{release.name}-postgres-0"
    with Outage(release, loaded, "postgres deleted", goals) as outage:
        old = release.namespace.get("pods", pod)["metadata"]["uid"]
        release.namespace.delete_pod(pod)
        until(lambda: replaced(release, pod, old), "Postgres is back", 180)
        outage.recovered(time.monotonic())


def test_the_operator_is_killed_while_it_drains(release: Release, loaded: Watch, goals: Goals) -> None:
    what = "operator killed"
    client = release.client
    lengths = [LONG] * 3 + [3.0] * 7
    accepted = client.submit_many("demo.sleep", [{"seconds": seconds} for seconds in lengths], what)
    until(lambda: client.pool("io")["draining"], "a worker is asked to drain", 120)
    (operator,) = release.namespace.pods("operator")
    release.namespace.delete_pod(operator["metadata"]["name"], force=True)
    release.namespace.wait_ready("operator", 1, 60)
    back, told = time.monotonic(), told_at(release)
    until(lambda: told_at(release) > told + 1, "the new operator tells of the pool", 60)
    goals.at_most(
        f"{what}: decides again after it is ready, seconds", time.monotonic() - back, RECOVERY_SECONDS
    )
    client.wait_quiet("demo", LONG + 60)
    Ledger.of(client, what, accepted).check(goals, what)
    until(lambda: release.replicas("io") == 0, "down to zero after all", 120)


def test_the_api_server_is_away(release: Release, loaded: Watch, goals: Goals, hurtable: Node) -> None:
    with Outage(release, loaded, "API server away", goals) as outage:
        before = release.replicas("io")
        assert before < MOST
        hurtable.kill("kube-apiserver")
        try:
            threading.Event().wait(AWAY_SECONDS)  # the fault itself
        finally:
            hurtable.start("kube-apiserver")
        until(lambda: release.replicas("io") >= 0, "the API server answers", 60)
        back = time.monotonic()
        assert release.replicas("io") == before
        outage.recovered(back)
        accepted = release.client.submit_many("demo.sleep", [{"seconds": 2.0}] * 150, "afterwards")
        until(lambda: release.replicas("io") > before, "the operator scales again", 60)
        goals.at_most(
            "API server away: scaled again after, seconds", time.monotonic() - back, RECOVERY_SECONDS
        )
    ledger = Ledger.of(release.client, "afterwards", accepted)
    ledger.check(goals, "API server away, jobs of afterwards")


def told_at(release: Release) -> float:
    """When an operator last said something of the pool, by its own clock."""
    return datetime.fromisoformat(release.client.pool("io")["at"]).timestamp()


def replaced(release: Release, pod: str, old: str) -> bool:
    """Whether another pod of that name is ready."""
    found = release.namespace.get("pods", pod)
    conditions = {one["type"]: one["status"] for one in found["status"].get("conditions", ())}
    return found["metadata"]["uid"] != old and conditions.get("Ready") == "True"
