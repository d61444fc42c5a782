"""Silence is what one's own clock measured between successful looks (protocol rule 22)."""

import hypothesis.strategies as st
from hypothesis import given

from corral.maintenance.observation import LeaseObservation

LEASE = 20.0
PERIOD = 2.0


def observation() -> LeaseObservation[str]:
    return LeaseObservation(LEASE, longest_gap=3 * PERIOD)


def looks(
    watch: LeaseObservation[str], counters: list[int], start: float = 0.0
) -> list[list[tuple[str, int]]]:
    return [watch.look([("w", counter)], start + PERIOD * i) for i, counter in enumerate(counters)]


def test_a_worker_is_silent_only_after_a_whole_lease_of_looks():
    answers = looks(observation(), [7] * 12)
    assert answers[:10] == [[]] * 10
    assert answers[10] == [("w", 7)]


def test_any_movement_begins_a_new_lease():
    answers = looks(observation(), [7] * 9 + [8] * 11)
    assert answers[:19] == [[]] * 19
    assert answers[19] == [("w", 8)]


def test_a_failed_look_begins_anew():
    watch = observation()
    looks(watch, [7] * 10)
    watch.begin_anew()
    assert looks(watch, [7] * 10, start=20.0) == [[]] * 10


def test_two_looks_far_apart_observe_nothing_between_them():
    watch = observation()
    watch.look([("w", 7)], 0.0)
    assert watch.look([("w", 7)], 1000.0) == []
    assert looks(watch, [7] * 10, start=1002.0)[-1] == [("w", 7)]


def test_a_worker_that_left_and_came_back_is_new():
    watch = observation()
    watch.look([("w", 7)], 0.0)
    watch.look([], 2.0)
    assert looks(watch, [7] * 10, start=4.0) == [[]] * 10


@given(st.lists(st.tuples(st.floats(0.1, 10.0), st.booleans()), max_size=60))
def test_a_worker_that_moves_within_every_lease_is_never_taken(steps: list[tuple[float, bool]]):
    watch, now, counter, moved_at = observation(), 0.0, 0, 0.0
    for seconds, moves in steps:
        now += seconds
        if moves or now - moved_at >= LEASE:
            counter, moved_at = counter + 1, now
        assert watch.look([("w", counter)], now) == []
