"""What limits let start and run, from who waits and the room there is."""

import math

import pytest

from corral.scaling.limited_jobs import Room, RunningJobs, WaitingJobs, limited_jobs
from corral.scaling.limited_signal import Bound


def waits(jobs: int, *names: str, queue: str = "ai", age: float = 1.0, cost: float = 1.0) -> WaitingJobs:
    return WaitingJobs(queue, "ask", jobs, age, dict.fromkeys(names, cost))


def runs(jobs: int, *names: str, queue: str = "ai") -> RunningJobs:
    return RunningJobs(queue, "ask", jobs, frozenset(names))


def test_a_backlog_before_a_total_starts_what_there_is_room_for_and_holds_the_rest():
    rooms = {"openai": Room("openai", left=5, bound=25)}
    found = limited_jobs([waits(4000, "openai")], [runs(20, "openai")], rooms)["ai"]
    assert (found.queued, found.held, found.running) == (5, 3995, 20)
    assert (found.ceiling, found.shared) == (25, "openai")
    assert found.binding is not None
    assert (found.binding.name, found.binding.bound, found.binding.lets) == ("openai", Bound.TOTAL, 25)


def test_a_total_bounds_what_runs_also_while_nobody_waits_for_it():
    rooms = {"openai": Room("openai", left=5, bound=25)}
    found = limited_jobs([], [runs(20, "openai")], rooms)["ai"]
    assert (found.ceiling, found.held, found.binding) == (25, 0, None)


def test_room_that_two_groups_share_is_counted_once():
    rooms = {"openai": Room("openai", left=3, bound=3)} | {
        name: Room("customer", name[-1], left=2, bound=2) for name in ("customer=a", "customer=b")
    }
    found = limited_jobs([waits(4, "openai", "customer=a"), waits(4, "openai", "customer=b")], [], rooms)[
        "ai"
    ]
    assert (found.queued, found.held, found.ceiling) == (3, 5, 3)


def test_keys_that_are_full_bound_what_runs_only_while_jobs_wait_for_them():
    rooms = {
        f"customer={key}": Room("customer", key, left=left, bound=2) for key, left in (("a", 0), ("b", 1))
    }
    held = limited_jobs([waits(90, "customer=a")], [runs(2, "customer=a"), runs(1, "customer=b")], rooms)[
        "ai"
    ]
    assert (held.queued, held.held, held.ceiling, held.shared) == (0, 90, 3, "")
    assert held.binding is not None
    assert (held.binding.bound, held.binding.lets, held.binding.keys) == (Bound.KEY, 2, 1)
    free = limited_jobs([], [runs(2, "customer=a"), runs(1, "customer=b")], rooms)["ai"]
    assert free.ceiling == math.inf


def test_a_rate_that_is_used_up_bounds_how_many_start_and_one_with_room_nothing():
    used = {"day": Room("day", left=4, rate=10, per=2.0)}
    found = limited_jobs([waits(1000, "day", cost=2.0)], [runs(30, "day")], used)["ai"]
    assert (found.queued, found.held, found.rate, found.ceiling) == (2, 998, 2.5, math.inf)
    assert found.binding is not None
    assert (found.binding.bound, found.binding.lets, found.binding.per) == (Bound.RATE, 10, 2.0)
    room = limited_jobs([waits(1, "day", cost=2.0)], [], used)["ai"]
    assert (room.queued, room.rate, room.binding) == (1, math.inf, None)


@pytest.mark.parametrize("cost", [1e-306, 5e-324])
def test_costs_of_almost_nothing_that_were_stored_once_are_no_errors(cost: float):
    """Their quotients would be beyond what a floating-point number can be."""
    rooms = {"day": Room("day", left=1e15, rate=1e15, per=1.0)}
    found = limited_jobs([waits(3, "day", cost=cost)], [], rooms)["ai"]
    assert (found.queued, found.held) == (3, 0)
    held = {"day": Room("day", left=-1.0, rate=1e15, per=0.001)}
    found = limited_jobs([waits(3, "day", cost=cost)], [], held)["ai"]
    assert (found.queued, found.held, math.isfinite(found.rate)) == (0, 3, True)


def test_each_queue_is_told_of_all_the_room():
    rooms = {"openai": Room("openai", left=5, bound=25)}
    waiting = [waits(90, "openai"), waits(90, "openai", queue="mail")]
    found = limited_jobs(waiting, [runs(10, "openai"), runs(10, "openai", queue="mail")], rooms)
    assert {name: (one.queued, one.ceiling) for name, one in found.items()} == {
        "ai": (5, 15),
        "mail": (5, 15),
    }


def test_nothing_starts_of_what_is_paused_parked_or_unknown():
    for room, bound in (
        (Room("openai", left=-1, bound=25, paused=True), Bound.PAUSED),
        (Room("openai", left=-1, bound=25, parked=True), Bound.PARKED),
        (Room("openai", left=-1, declared=False), Bound.UNKNOWN),
    ):
        found = limited_jobs([waits(7, "openai")], [runs(2, "openai")], {"openai": room})["ai"]
        assert (found.queued, found.held, found.ceiling) == (0, 7, 2)
        assert found.binding is not None
        assert found.binding.bound is bound


def test_after_a_wait_that_a_provider_asked_for_one_job_goes_first():
    rooms = {"openai": Room("openai", left=25, bound=25, parked=True, probing=True)}
    found = limited_jobs([waits(7, "openai"), waits(7, "openai", age=2.0)], [], rooms)["ai"]
    assert (found.queued, found.held, found.ceiling) == (1, 13, 1)
    assert found.binding is not None
    assert found.binding.bound is Bound.PARKED


def test_what_each_worker_may_run_is_told_where_all_of_them_take_of_it():
    rooms = {"browser": Room("browser", per_worker=2), "openai": Room("openai", left=5, bound=5)}
    assert limited_jobs([waits(7, "browser", "openai")], [runs(1, "browser")], rooms)["ai"].per_worker == 2
    assert limited_jobs([waits(7, "openai")], [runs(1, "browser")], rooms)["ai"].per_worker == math.inf
