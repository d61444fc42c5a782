"""Workers leave however slowly they answer, and whenever each was chosen: `step` over time, in a slow world.

The bound: where an answer to a question, or to a later one, is there within `FRESH` seconds less the longest time
between two looks, every idle worker leaves. `FRESH` is the seal's 30 seconds less the 10 that its removal may take.
"""

import random
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.operator.slow_world import POLL_SECONDS, STARTS_SECONDS, SlowWorld

from corral_operator.scale_down.victim import ANSWER_VALID_SECONDS, Victim

LONGEST_TICK = 1.5
"""Seconds between two looks of the operator: one, and what a look takes."""
LONGEST_WAY = (ANSWER_VALID_SECONDS - LONGEST_TICK - POLL_SECONDS) / 4
"""Seconds to a worker, or back, at most. In the worst case a worker has just looked when it is asked: what it
read is heard and answered, half a second passes, and then the question goes the same way."""
KUBELET = 2.0
"""Seconds until Kubernetes sees a seal, at most."""


def test_eight_victims_of_different_seconds_leave_though_answers_take_their_time():
    """As on a busy node: their questions run out at different moments, and there is always one that is open."""
    dice = random.Random(7)
    world = SlowWorld(
        8, hears=lambda: dice.uniform(0.3, 0.6), tells=lambda: dice.uniform(0.3, 0.6), dice=dice
    )
    world.conflicts = 8
    for number in range(8):
        world.desired = 7 - number
        world.run(lambda: False, 1)
    assert world.run(lambda: not world.workers, 60), world.last
    assert world.wrongs == []


def rounds_for(way: float, tick: float) -> int:
    """Within so many looks all that are idle have gone: the first answer, the kubelet, and the taking itself."""
    return ceil((4 * way + POLL_SECONDS + KUBELET) / tick) + 4


WAYS = st.floats(0.0, LONGEST_WAY)
TROUBLES = st.sampled_from(["conflict", "conflicts", "restart operator", "lose a pod", "restart a container"])


@given(
    workers=st.integers(1, 12),
    way=WAYS,
    jitter=st.floats(0.0, 1.0),
    tick=st.floats(0.8, LONGEST_TICK),
    kubelet=st.floats(0.0, KUBELET),
    gaps=st.lists(st.integers(0, 6), max_size=12),
    troubles=st.lists(st.tuples(TROUBLES, st.integers(0, 12)), max_size=6),
    left=st.integers(0, 3),
    seed=st.integers(0, 2**16),
)
def test_a_scale_down_ends_within_bounded_rounds_and_never_with_an_unsealed_victim(  # noqa: PLR0917
    workers: int,
    way: float,
    jitter: float,
    tick: float,
    kubelet: float,
    gaps: list[int],
    troubles: list[tuple[str, int]],
    left: int,
    seed: int,
):
    dice = random.Random(seed)

    def takes(most: float) -> float:
        return most * (1 - jitter * dice.random())

    world = SlowWorld(
        workers,
        hears=lambda: takes(way),
        tells=lambda: takes(way),
        tick=lambda: takes(tick) if jitter < 0.5 else tick,
        kubelet=lambda: takes(kubelet),
        dice=dice,
    )
    goal = min(left, workers)
    for gap in gaps:  # each victim of a second of its own
        world.desired = max(goal, world.desired - 1)
        world.run(lambda: False, gap)
    world.desired = goal
    for trouble, after in troubles:
        world.run(lambda: False, after)
        names = sorted(world.workers)
        match trouble:
            case "conflict":
                world.conflicts += 1
            case "conflicts":
                world.conflicts += 5
            case "restart operator":
                world.restart_operator()
            case "lose a pod" if names:
                world.lose(dice.choice(names))
            case "restart a container" if names:
                world.restart_container(dice.choice(names))
    # From here on nothing else happens; what is under way may take its time first: a pod that starts, a job.
    settling = ceil((STARTS_SECONDS + 6.0 + KUBELET) / (0.5 * tick)) + world.conflicts
    rounds = settling + 2 * rounds_for(way, 0.5 * tick)
    assert world.run(lambda: world.replicas == goal == len(world.workers), rounds), world.last
    assert world.wrongs == []


@given(
    workers=st.integers(1, 8), seed=st.integers(0, 2**16), desired=st.lists(st.integers(0, 8), max_size=20)
)
def test_whatever_is_wanted_meanwhile_nobody_unsealed_is_taken(workers: int, seed: int, desired: list[int]):
    """Also by answers that are much too late for a scale-down to end, and by an operator that changes its mind."""
    dice = random.Random(seed)
    world = SlowWorld(
        workers,
        hears=lambda: dice.choice([0.1, 2.0, 15.0, 40.0]),
        tells=lambda: dice.choice([0.1, 2.0, 15.0, 40.0]),
        kubelet=lambda: dice.choice([0.1, 3.0, 12.0]),
        dice=dice,
    )
    for wanted in desired:
        world.desired = wanted
        world.run(lambda: False, dice.randint(1, 25))
        if dice.random() < 0.2:
            world.restart_operator()
        if dice.random() < 0.2 and world.workers:
            world.restart_container(dice.choice(sorted(world.workers)))
    assert world.wrongs == []


@pytest.mark.parametrize(("answered", "sealed"), [("c", 30.0), ("a", 10.0), ("z", None), (None, None)])
def test_an_answer_counts_from_when_its_question_was_asked(answered: str | None, sealed: float | None):
    victim = Victim(0.0, "a", 10.0).asked_anew("b", 20.0).asked_anew("c", 30.0)
    heard = victim.heard(answered)
    assert heard.sealed_at == sealed
    assert heard.heard("a" if answered == "c" else None).sealed_at == sealed, (
        "an older answer takes nothing back"
    )


def test_a_question_that_is_too_old_is_forgotten():
    victim = (
        Victim(0.0, "a", 10.0)
        .asked_anew("b", 10.0 + ANSWER_VALID_SECONDS)
        .asked_anew("c", 11.0 + ANSWER_VALID_SECONDS)
    )
    assert set(victim.earlier) == {"b"}
