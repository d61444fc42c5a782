"""The law asks for no worker that a limit would leave idle, and is as fast as ever where none binds."""

import dataclasses
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.scaling.conftest import queue
from tests.unit.scaling.strategies import fleets, limited_signals

from corral.scaling.decision import Decision, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.limited_signal import BindingLimit, Bound, LimitedSignal
from corral.scaling.pool import PoolSpec
from corral.scaling.pool_backlog import PoolBacklog
from corral.scaling.signal import QueueSignal, Signal

OPENAI = BindingLimit("openai", Bound.TOTAL, 25)


def limited(
    waiting: int = 4000, running: int = 0, *, ceiling: float = 25.0, rate: float = math.inf, mean: float = 3.0,
    binding: BindingLimit | None = OPENAI, shared: str = "openai", arrived: int = 0,
) -> QueueSignal:  # fmt: skip
    """A queue whose only type takes of one limit."""
    starts = min(waiting, max(0, int(ceiling) - running)) if math.isfinite(ceiling) else 0
    told = queue(starts, running, mean)
    part = LimitedSignal(
        starts, waiting - starts, running, arrived, starts * mean, 0, (waiting - starts) * mean,
        types=frozenset({"a"}), ceiling=ceiling, rate=rate, binding=binding if waiting > starts else None, shared=shared,
    )  # fmt: skip
    return dataclasses.replace(told, limited=part)


def decided(pool: PoolSpec, workers: int = 1, **queues: QueueSignal) -> Decision:
    return decide(Signal(1, queues, 1.0), pool, History(), Fleet(workers, ready=workers), 0.0)


@pytest.mark.parametrize(("slots", "workers"), [(1, 25), (4, 7), (10, 3), (50, 1)])
def test_a_backlog_gets_the_workers_that_its_limit_can_fill(slots, workers):
    for running in (0, 10, 25):
        assert decided(PoolSpec(0, 100, slots), a=limited(running=running)).desired == workers


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (limited(3975, 25), "limit openai lets 25 run"),
        (limited(3975, 25, binding=BindingLimit("customer", Bound.KEY, 2, 0, 14), shared=""), "limit customer lets 2 run for each key"),
        (limited(3975, 25, binding=BindingLimit("customer", Bound.KEY, 2, 0, 1), shared=""), "limit customer lets 2 run for the key that they wait for"),
        (limited(3975, 25, binding=BindingLimit("openai", Bound.PAUSED)), "limit openai is paused"),
        (limited(3975, 25, binding=BindingLimit("openai", Bound.PARKED)), "limit openai waits, as its provider asked for"),
        (limited(3975, 25, ceiling=math.inf, rate=10, binding=BindingLimit("overpass", Bound.RATE, 10, 1.0)), "limit overpass lets 10 start each second"),
        (limited(3975, 25, ceiling=math.inf, rate=10, binding=BindingLimit("overpass", Bound.RATE, 25, 2.5)), "limit overpass lets 25 start in 2.5 s"),
    ],
)  # fmt: skip
def test_the_reason_names_the_limit_and_what_it_lets(told, says):
    jobs = f"{told.waiting:,} jobs wait"
    decision = decided(PoolSpec(3, 20, 10), 3, a=told)
    assert f": {jobs}, but {says}" in decision.reason
    if told.limited.binding == OPENAI:
        assert decision.reason == "Keeping 3: 3,975 jobs wait, but limit openai lets 25 run"


def test_a_pool_that_only_a_limit_keeps_waiting_says_so_at_zero():
    paused = limited(90, 0, ceiling=0, binding=BindingLimit("openai", Bound.PAUSED))
    assert (
        decided(PoolSpec(0, 20, 4), 0, a=paused).reason
        == "Keeping 0: 90 jobs wait, but limit openai is paused"
    )


def test_queues_that_share_a_limit_share_its_room():
    pool = PoolSpec(0, 100, 1)
    assert decided(pool, a=limited(running=10, ceiling=15), b=limited(running=10, ceiling=15)).desired == 25


def test_a_worker_that_may_run_fewer_of_a_type_than_it_has_slots_counts_as_so_many():
    told = limited(40, 0, ceiling=math.inf, binding=None, shared="")
    part = dataclasses.replace(told.limited, queued=40, held=0, work=120.0, held_work=0.0, per_worker=2)
    few = dataclasses.replace(told, queued=40, work=120.0, limited=part)
    many = dataclasses.replace(few, limited=dataclasses.replace(part, per_worker=math.inf))
    pool = PoolSpec(0, 100, 50)
    assert decided(pool, a=many).desired == 1
    assert 6 <= decided(pool, a=few).desired <= 20


def test_jobs_without_limits_get_their_workers_beside_a_full_limit():
    pool = PoolSpec(0, 100, 1)
    alone = decided(pool, b=queue(40, 0, 30.0)).desired
    assert alone >= 30
    assert decided(pool, a=limited(running=25), b=queue(40, 0, 30.0)).desired == pytest.approx(
        alone + 25, abs=1
    )


def test_jobs_without_limits_get_their_workers_in_the_same_queue():
    told = limited(running=25)
    part = told.limited
    both = dataclasses.replace(
        told, queued=told.queued + 40, work=told.work + 40 * 30.0,
        types={**told.types, "b": queue(40, 0, 30.0).types["a"]}, limited=dataclasses.replace(part, oldest_other=1.0),
    )  # fmt: skip
    assert decided(PoolSpec(0, 100, 1), a=both).desired == pytest.approx(
        decided(PoolSpec(0, 100, 1), b=queue(40, 0, 30.0)).desired + 25, abs=1
    )


@given(
    st.builds(queue, st.integers(0, 500), st.integers(0, 100), st.floats(0.05, 60)), st.integers(1, 50), fleets(),
    st.sampled_from([math.inf, 10_000.0]),
)  # fmt: skip
def test_a_limit_that_binds_nothing_changes_no_decision(told, slots, fleet, ceiling):
    pool = PoolSpec(0, 50, slots)
    part = LimitedSignal(
        told.queued,
        0,
        told.running,
        0,
        told.work,
        told.unknown,
        types=frozenset({"a"}),
        ceiling=ceiling,
        shared="openai",
    )
    without = decide(Signal(1, {"a": told}, 1.0), pool, History(), fleet, 0.0)
    within = decide(
        Signal(1, {"a": dataclasses.replace(told, limited=part)}, 1.0), pool, History(), fleet, 0.0
    )
    assert (within.needed, within.desired) == (without.needed, without.desired)


@given(limited_signals(), st.integers(1, 50))
def test_no_slot_is_asked_for_that_the_limit_leaves_empty(part, slots):
    part = dataclasses.replace(part, running=min(part.running, 500), shared="", types=frozenset({"a"}))
    told = dataclasses.replace(
        queue(part.queued, part.running), work=part.work, unknown=part.unknown, limited=part
    )
    needed = decided(PoolSpec(0, 100_000, slots), a=told).needed
    if math.isfinite(part.ceiling):
        assert needed <= max(1, math.ceil(max(part.ceiling, part.running) / slots))


def test_a_signal_of_the_release_before_is_read_as_it_was_meant():
    signal = QueueSignal.of({"queued": 7, "running": 2, "arrived": 9})
    assert (signal.limited, signal.waiting, signal.came) == (None, 7, 9)


def test_the_signal_is_read_as_it_was_written():
    told = limited(running=10)
    assert LimitedSignal.of(orjson.loads(orjson.dumps(told.limited, default=list))) == told.limited
    endless = LimitedSignal(held=3, binding=BindingLimit("x", Bound.RATE, 2, 3.0))
    assert LimitedSignal.of(orjson.loads(orjson.dumps(endless, default=list))) == endless
    newer = {"name": "x", "bound": "by the moon"}
    assert BindingLimit.of(newer).bound is Bound.UNKNOWN


def test_the_backlog_of_a_pool_counts_what_is_held_too():
    backlog = PoolBacklog.of(Signal(1, {"a": limited(4000, 25, arrived=5000)}), PoolSpec(0, 9, 4))
    assert (backlog.jobs, backlog.live, backlog.arrived) == (4000, 4025, 5000)
