"""What counts as needed: known work, unknown jobs, what is due soon; of the queues of the pool alone."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.scaling.conftest import queue

from corral.scaling.decision import Fleet
from corral.scaling.demand import Demand, ServiceTimes, SteadyLoad
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.required_slots import slots_needed
from corral.scaling.signal import Signal
from corral.scaling.startup_time import StartLine


def test_the_need_is_counted_in_seconds_of_work_where_they_are_known():
    pool, fleet = PoolSpec(0, 100, 1), Fleet(1, ready=1)
    short = decide(Signal(1, {"a": queue(1000, mean=0.005)}), pool, History(), fleet, 0.0)
    long = decide(Signal(1, {"a": queue(1000, mean=1.0)}), pool, History(), fleet, 0.0)
    unknown = decide(Signal(1, {"a": queue(1000, completed=2)}), pool, History(), fleet, 0.0)
    assert (short.needed, unknown.needed) == (1, 1000)
    assert 1 < long.needed < 100
    assert "1,000 jobs of unknown length" in unknown.reason


def test_what_is_due_soon_is_prepared_for():
    decision = decide(
        Signal(1, {"a": queue(due_soon=400, mean=5.0)}), PoolSpec(0, 50, 4), History(), Fleet(0, ready=0), 0.0
    )
    assert decision.desired >= 10


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({"a": 500}, "500 jobs wait in queue a, which is paused"),
        ({"a": 1, "b": 0}, "1 job waits in queue a, which is paused"),
        ({"b": 2, "a": 3}, "5 jobs wait in queues a and b, which are paused"),
        ({"a": 1, "b": 1, "c": 1}, "3 jobs wait in 3 queues that are paused"),
        ({"a": 0}, "Nothing is queued, running or due"),
        ({"other": 9}, "Nothing is queued, running or due"),
    ],
)
def test_a_paused_queue_asks_for_nobody_and_is_named(counts: dict[str, int], why: str):
    pool = PoolSpec(0, 50, 4, queues=frozenset({"a", "b", "c"}))
    waits = {name: dataclasses.replace(queue(count), paused=True) for name, count in counts.items()}
    decision = decide(Signal(1, waits), pool, History(), Fleet(0, 0), 0.0)
    assert (decision.desired, decision.reason) == (0, f"Keeping 0: {why}")


def test_queues_whose_jobs_run_in_processes_count_their_fewer_slots():
    pool = PoolSpec(1, 20, slots=50, slots_of={"cpu": 2})
    told = Signal(1, {"cpu": queue(10, completed=0), "io": queue(10, completed=0)})
    assert decide(told, pool, History(), Fleet(1, ready=1), 0.0).desired == 5


def test_queues_of_another_pool_are_not_counted():
    pool = PoolSpec(0, 20, 4, queues=frozenset({"io"}))
    told = Signal(1, {"cpu": queue(100), "io": queue()})
    assert decide(told, pool, History(), Fleet(0, ready=0), 0.0).desired == 0


@given(st.floats(0.01, 500), st.floats(0.05, 600), st.integers(0, 2000), st.floats(0, 20))
def test_where_nothing_waits_there_is_nothing_to_catch_up(rate, mean, running, doubt):
    """Jobs that are long have hardly begun to run after a step: slots for all of them are no need of now."""
    demand = Demand(
        slots=4, running=running, load=SteadyLoad(rate, rate * mean, doubt),
        service=ServiceTimes(100, mean, 2 * mean**2),
    )  # fmt: skip
    needed = slots_needed(demand, PoolSpec(0, 100, 4), ready=10, coming=(), starts=StartLine())
    assert needed.burst <= needed.steady + 1e-9
