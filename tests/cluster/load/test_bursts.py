"""Result 2. Bursts on a pool that rests at zero: workers within seconds, and none left afterwards."""

import math
import time
from collections.abc import Iterator

import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.release import Release, pool
from tests.cluster.watch import Watch

JOBS = 2_000
MAXIMUM = 10
SLOTS = 4
WINDOW = 10
"""Seconds of stabilization: short, because the way down to zero is waited for."""
FULL = 3
"""Bursts that are waited for to their end."""
SHORT = 2
"""Bursts in a row of which only the first answer is measured; their jobs are short, so that the next can begin."""


@pytest.fixture(scope="module")
def burst_pool(release: Release) -> Iterator[Watch]:
    """A pool as the result describes it, at zero, watched."""
    io = pool("io", ["demo"], minReplicas=0, maxReplicas=MAXIMUM, slots=SLOTS)
    io["scaleDown"] = {"stabilizationSeconds": WINDOW}
    release.install({"pools": [io]})
    with Watch(release.namespace.cluster, "deployments", release.namespace.name) as deployments:
        yield deployments


@pytest.fixture(scope="module")
def answers() -> list[float]:
    """Seconds from a burst's commit to the first patch of replicas, over the module."""
    return []


@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.ci), *range(1, FULL)])
def test_a_burst_is_worked_off_as_predicted_and_leaves_nothing(
    release: Release, burst_pool: Watch, answers: list[float], goals: Goals, number: int
) -> None:
    at_rest(release)
    tag = f"burst-{number}"
    accepted = release.client.submit_many("demo.sleep", [{"seconds": 1}] * JOBS, tag)
    began = time.monotonic()
    answers.append(first_patch(release, burst_pool, began))
    release.client.wait_quiet("demo", 300)
    took = time.monotonic() - began
    steps = burst_pool.replicas(release.deployment("io"), began)
    goals.note(
        f"burst {number}: replicas "
        + ", ".join(f"{at - began:.1f} s: {replicas}" for at, replicas in steps[1:])
    )
    peak = max(replicas for _, replicas in steps)
    goals.at_least(f"burst {number}: replicas", peak, 5)
    expected = predicted(burst_pool, release.deployment("io"), began)
    goals.at_most(f"burst {number}: backlog gone, seconds (bound: 1.25 x prediction)", took, 1.25 * expected)
    Ledger.of(release.client, tag, accepted).check(goals, f"burst {number}")
    reasons_are_told(release, peak)
    down = until(lambda: rested(release, burst_pool, began), "down to zero", 180)
    goals.note(f"burst {number}: back at zero {down - began - took:.0f} s after the last job")


@pytest.mark.parametrize("series", [pytest.param("first", marks=pytest.mark.ci), "second"])
def test_the_first_scale_up_follows_a_burst_within_seconds(
    release: Release, burst_pool: Watch, answers: list[float], goals: Goals, series: str
) -> None:
    for number in range(SHORT):
        at_rest(release)
        tag = f"short-{series}-{number}"
        accepted = release.client.submit_many("demo.sleep", [{"seconds": 0.05}] * JOBS, tag)
        answers.append(first_patch(release, burst_pool, time.monotonic()))
        release.client.wait_quiet("demo", 180)
        ledger = Ledger.of(release.client, tag, accepted)
        assert (ledger.lost, ledger.repeated, ledger.interrupted) == (0, [], [])
    worst = sorted(answers)[math.ceil(0.95 * len(answers)) - 1]
    shown = ", ".join(f"{seconds:.2f}" for seconds in answers)
    goals.note(f"bursts: seconds from commit to first patch: {shown}")
    goals.at_most(f"bursts: commit to first patch, p95 of {len(answers)}, seconds", worst, 3)


def at_rest(release: Release) -> None:
    """Wait until the pool has neither replicas nor pods."""

    def resting() -> bool:
        assert release.replicas("io") == 0
        assert release.namespace.pods("worker", "io") == []
        return True

    until(resting, "the pool rests at zero", 180)


def first_patch(release: Release, watch: Watch, began: float) -> float:
    """Seconds until the Deployment was given replicas."""

    def grown() -> float | None:
        return next(
            (at for at, replicas in watch.replicas(release.deployment("io"), began)[1:] if replicas > 0), None
        )

    return until(grown, "the first patch of replicas", 30) - began


def rested(release: Release, watch: Watch, began: float) -> float | None:
    """When the Deployment was given zero replicas again."""
    at, replicas = watch.replicas(release.deployment("io"), began)[-1]
    return at if replicas == 0 else None


def predicted(watch: Watch, deployment: str, began: float) -> float:
    """Seconds in which the workers, each from when it was ready, have done the burst's work, as the law counts it."""
    left, capacity, since = float(JOBS), 0, began
    for change in watch.of(deployment, began):
        done = capacity * (change.at - since)
        if done >= left:
            break
        left, since = left - done, change.at
        capacity = SLOTS * int(change.object["status"].get("readyReplicas", 0))
    assert capacity, "no worker was ever ready"
    return since - began + left / capacity


def reasons_are_told(release: Release, peak: int) -> None:
    """The API shows the pool and each decision, with its reason in words and numbers."""
    decisions = release.client.decisions("io")
    grown = [decision for decision in decisions if decision["after"] > decision["before"]]
    assert grown, decisions[:3]
    assert max(decision["after"] for decision in grown) >= peak
    for decision in grown:
        assert f"{decision['before']} → {decision['after']}" in decision["reason"], decision
    shown = release.client.pool("io")
    assert shown["maximum"] == MAXIMUM, shown
    assert shown["reason"]
