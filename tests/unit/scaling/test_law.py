"""The law keeps its bounds, follows the backlog, is calm under constant load, and says why."""

import dataclasses
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scaling.conftest import Loop, queue

from corral.scaling.decision import Condition, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import Pool
from corral.scaling.signal import LOST_AFTER, QueueSignal, Signal, TypeSignal, Watch


@st.composite
def type_signals(draw: st.DrawFn) -> TypeSignal:
    mean = draw(st.floats(0.001, 600))
    return TypeSignal(
        completed=draw(st.integers(0, 10_000)),
        mean=mean,
        variance=draw(st.floats(0, 20)) * mean**2,
        share=draw(st.floats(0, 1)),
        running=draw(st.integers(0, 200)),
        elapsed=tuple(draw(st.lists(st.floats(0, 5000), max_size=5))),
    )


@st.composite
def queue_signals(draw: st.DrawFn) -> QueueSignal:
    queued = draw(st.integers(0, 100_000))
    unknown = draw(st.integers(0, queued))
    return QueueSignal(
        queued=queued,
        running=draw(st.integers(0, 500)),
        oldest=draw(st.floats(0, 10_000)) if queued else 0.0,
        arrived=draw(st.integers(0, 10**9)),
        work=draw(st.floats(0.01, 1e6)) if queued > unknown else 0.0,
        unknown=unknown,
        due_soon=draw(st.integers(0, 1000)),
        paused=draw(st.booleans()),
        types=draw(st.dictionaries(st.sampled_from(["x", "y"]), type_signals())),
    )


signals = st.builds(
    Signal,
    sequence=st.integers(0),
    queues=st.dictionaries(st.sampled_from(["a", "b", "c"]), queue_signals()),
    at=st.floats(0, 1e6),
)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    low = draw(st.integers(0, 5))
    return Pool(
        low,
        draw(st.integers(max(low, 1), 40)),
        slots=draw(st.integers(1, 60)),
        slots_of=draw(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 8))),
        queues=draw(st.none() | st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1)),
        wait=draw(st.floats(0.5, 300)),
        drain=draw(st.floats(0.5, 3600)),
        window=draw(st.floats(0, 600)),
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    wanted = draw(st.integers(0, 60))
    return Fleet(
        wanted,
        draw(st.integers(0, wanted)),
        leaving=draw(st.integers(0, 10)),
        failing=draw(st.integers(0, wanted)),
        unschedulable=draw(st.integers(0, wanted)),
    )


@given(st.lists(st.tuples(st.none() | signals, fleets()), min_size=1, max_size=6), pools())
def test_workers_stay_within_their_bounds_whatever_is_told(told, pool):
    history = History()
    for second, (signal, fleet) in enumerate(told):
        decision = decide(signal, pool, history, fleet, float(second))
        history = decision.history
        assert pool.minimum <= decision.desired <= pool.maximum


@given(st.lists(signals, max_size=5), pools(), fleets())
def test_a_lost_signal_shrinks_nothing_but_to_the_bounds(told, pool, fleet):
    history = History()
    for second, signal in enumerate(told):
        history = decide(signal, pool, history, fleet, float(second)).history
    decision = decide(None, pool, history, fleet, 100.0)
    assert decision.desired == pool.bounded(fleet.wanted)
    assert Condition.SIGNAL_LOST in decision.conditions


@given(
    st.builds(queue, st.integers(0, 2000), st.integers(0, 200), st.floats(0.05, 120)),
    st.sampled_from(["queued", "running", "due_soon", "unknown"]), st.integers(1, 500),
    st.integers(1, 50), fleets(),
)  # fmt: skip
def test_more_backlog_never_means_fewer_workers(told, grown, more, slots, fleet):
    pool, mean = Pool(0, 50, slots), told.types["a"].mean
    match grown:
        case "queued":
            larger = dataclasses.replace(told, queued=told.queued + more, work=told.work + more * mean)
        case "unknown":
            larger = dataclasses.replace(told, queued=told.queued + more, unknown=more)
        case name:
            larger = dataclasses.replace(told, **{name: getattr(told, name) + more})
    few = decide(Signal(1, {"a": told}, 1.0), pool, History(), fleet, 0.0)
    many = decide(Signal(1, {"a": larger}, 1.0), pool, History(), fleet, 0.0)
    assert many.needed >= few.needed
    assert many.desired >= few.desired


@settings(deadline=None)  # 150 decisions
@given(signals, pools(), fleets())
def test_a_constant_signal_changes_the_number_at_most_once_up(signal, pool, fleet):
    """The leader writes the same again and again, and every worker is ready at once."""
    numbers, history, current = [], History(), fleet.wanted
    for second in range(150):
        told = dataclasses.replace(signal, sequence=signal.sequence + second, at=signal.at + second)
        decision = decide(told, pool, history, Fleet(current, ready=current), float(second))
        current, history = decision.desired, decision.history
        numbers.append(current)
    rises = [b > a for a, b in itertools.pairwise(numbers)]
    assert not any(rises[15:]), numbers


@given(signals, pools(), fleets())
def test_every_decision_says_why_in_words_and_numbers(signal, pool, fleet):
    decision = decide(signal, pool, History(), fleet, 0.0)
    assert str(decision.desired) in decision.reason
    if decision.desired == fleet.wanted:
        assert decision.reason.startswith(f"{fleet.wanted} kept")
    else:
        assert decision.reason.startswith(f"{fleet.wanted} → {decision.desired}: ")


@given(pools(), st.none() | signals)
def test_at_first_sight_a_pool_has_its_minimum_at_once(pool, signal):
    decision = decide(signal, pool, History(), Fleet(0, ready=0), 0.0)
    assert decision.desired >= pool.minimum


@given(signals, pools(), st.integers(0, 60), st.integers(0, 5))
def test_a_panic_never_shrinks(signal, pool, wanted, ready):
    ready = min(ready, wanted)
    decision = decide(signal, pool, History(), Fleet(wanted, ready=ready), 0.0)
    if decision.needed > 2 * ready:
        assert decision.desired >= pool.bounded(wanted)


def test_what_starts_is_not_taken_away_while_the_need_is_twice_what_claims(pool):
    """Long after the memories are empty: some eight are needed, three claim, and twenty were asked for."""
    history = History()
    for second in range(300):
        told = Signal(second + 1, {"a": queue(32, completed=0)}, float(second))
        decision = decide(told, pool, history, Fleet(20, ready=3), float(second))
        history = decision.history
    assert 2 * 3 < decision.needed < 20
    assert decision.desired == 20
    calm = decide(told, pool, history, Fleet(20, ready=20), 300.0)
    assert calm.desired < 20


def test_a_restarted_law_keeps_what_there_is_for_a_window(pool):
    """An operator that just started knows nothing of the last minute, and shrinks nothing for it."""
    loop = Loop(pool, workers=15)
    loop.pass_by(59)
    assert loop.wanted == [15] * 59
    loop.pass_by(10)
    assert loop.wanted[-1] == 0


def test_a_pool_goes_to_zero_when_nothing_is_left_and_comes_back(pool):
    loop = Loop(pool)
    loop.pass_by(10)
    assert loop.wanted[-1] == 0
    loop.add(40)
    loop.pass_by(2)
    assert loop.wanted[-1] > 0
    loop.pass_by(120)
    assert (loop.queued, loop.running, loop.wanted[-1]) == (0, [], 0)
    loop.add(1)
    loop.pass_by(1)
    assert loop.wanted[-1] == 1


@pytest.mark.parametrize(("rate", "mean"), [(0.1, 0.5), (0.3, 2.0), (2.0, 2.0), (0.2, 30.0)])
def test_a_pool_with_work_is_never_at_zero(rate, mean):
    loop = Loop(Pool(0, 20, 4), mean=mean)
    for _ in range(300):
        loop.pass_by(1, rate)
        if loop.queued or loop.running:
            assert loop.decision.desired > 0


@pytest.mark.parametrize(("rate", "mean"), [(1, 0.5), (2, 2.0), (10, 2.0), (20, 2.0), (5, 10.0)])
def test_a_pool_under_steady_arrivals_does_not_breathe(rate, mean):
    """Ten minutes of random arrivals: after the start it moves little, and seldom up again."""
    loop = Loop(Pool(1, 60, 4), mean=mean)
    loop.pass_by(600, rate)
    later = loop.wanted[180:]
    assert max(later) - min(later) <= 2 + max(later) // 5, later
    turns = [b - a for a, b in itertools.pairwise(later) if b != a]
    assert sum(b > 0 > a for a, b in itertools.pairwise(turns)) <= 5, later
    assert loop.queued <= max(10, rate * 10)


@pytest.mark.parametrize("seed", range(1, 5))
def test_with_jobs_of_a_minute_a_pool_moves_no_more_than_what_runs(seed):
    """So few and so long jobs are now 20, now 45 at once: workers follow them, and don't swing further."""
    loop, running = Loop(Pool(1, 60, 4), mean=60.0, seed=seed), []
    loop.pass_by(240, 0.5)
    for _ in range(660):
        loop.pass_by(1, 0.5)
        running.append(len(loop.running))
    later = loop.wanted[240:]
    assert max(later) - min(later) <= (max(running) - min(running)) / 4, later
    turns = [b - a for a, b in itertools.pairwise(later) if b != a]
    assert sum(b > 0 > a for a, b in itertools.pairwise(turns)) <= 5, later
    assert loop.queued <= 2


def test_a_burst_that_is_gone_is_soon_forgotten_and_a_load_is_not():
    burst = Loop(Pool(1, 20, 4))
    burst.pass_by(30)
    burst.add(300)
    burst.pass_by(25)
    assert max(burst.wanted) >= 12
    burst.pass_by(25)
    assert burst.wanted[-1] == 1
    load = Loop(Pool(1, 20, 4))
    load.pass_by(120, rate=20)
    high = load.wanted[-1]
    load.pass_by(45)
    assert load.wanted[-1] >= 0.75 * high
    load.pass_by(45)
    assert load.wanted[-1] <= 2


@pytest.mark.parametrize(
    ("slots", "rate", "mean"), [(1, 3.0, 2.0), (4, 20.0, 2.0), (4, 6.0, 10.0), (50, 100.0, 2.0)]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_step_up_does_not_overshoot(slots, rate, mean, seed):
    """The peak is at most half as much again as the pool that would do, and a worker."""
    loop = Loop(Pool(1, 200, slots), mean=mean, seed=seed)
    loop.pass_by(60, rate / 10)
    loop.pass_by(180, rate)
    smallest = math.ceil(rate * mean / slots)
    assert max(loop.wanted) <= 1.5 * smallest + 2, loop.wanted
    assert loop.queued <= rate * 10


@given(st.integers(1, 400), st.integers(1, 20))
@settings(deadline=None, max_examples=20)  # up to 200 decisions each
def test_whatever_burst_comes_the_pool_returns_to_zero(jobs, slots):
    loop = Loop(Pool(0, 20, slots), mean=0.5)
    loop.pass_by(5)
    loop.add(jobs)
    loop.pass_by(3)
    assert loop.wanted[-1] > 0 or not (loop.queued or loop.running)
    loop.pass_by(200)
    assert (loop.queued, loop.wanted[-1]) == (0, 0)


def test_the_need_is_counted_in_seconds_of_work_where_they_are_known():
    pool, fleet = Pool(0, 100, 1), Fleet(1, ready=1)
    short = decide(Signal(1, {"a": queue(1000, mean=0.005)}), pool, History(), fleet, 0.0)
    long = decide(Signal(1, {"a": queue(1000, mean=1.0)}), pool, History(), fleet, 0.0)
    unknown = decide(Signal(1, {"a": queue(1000, completed=2)}), pool, History(), fleet, 0.0)
    assert (short.needed, unknown.needed) == (1, 1000)
    assert 1 < long.needed < 100
    assert "1,000 jobs of unknown length" in unknown.reason


def test_what_is_due_soon_is_prepared_for():
    decision = decide(
        Signal(1, {"a": queue(due_soon=400, mean=5.0)}), Pool(0, 50, 4), History(), Fleet(0, ready=0), 0.0
    )
    assert decision.desired >= 10


def test_a_paused_queue_asks_for_nobody():
    waits = dataclasses.replace(queue(500), paused=True)
    assert decide(Signal(1, {"a": waits}), Pool(0, 50, 4), History(), Fleet(0, 0), 0.0).desired == 0


def test_queues_whose_jobs_run_in_processes_count_their_fewer_slots():
    pool = Pool(1, 20, slots=50, slots_of={"cpu": 2})
    told = Signal(1, {"cpu": queue(10, completed=0), "io": queue(10, completed=0)})
    assert decide(told, pool, History(), Fleet(1, ready=1), 0.0).desired == 5


def test_queues_of_another_pool_are_not_counted():
    pool = Pool(0, 20, 4, queues=frozenset({"io"}))
    told = Signal(1, {"cpu": queue(100), "io": queue()})
    assert decide(told, pool, History(), Fleet(0, ready=0), 0.0).desired == 0


def test_a_paused_pool_is_left_alone():
    pool = dataclasses.replace(Pool(2, 5, 4), paused=True)
    decision = decide(Signal(1, {"a": queue(1000)}), pool, History(), Fleet(9, ready=1), 0.0)
    assert (decision.desired, decision.reason) == (9, "9 left alone: the pool is paused")


def test_more_than_the_maximum_is_said():
    decision = decide(Signal(1, {"a": queue(9000)}), Pool(0, 3, 4), History(), Fleet(1, 1), 0.0)
    assert (decision.desired, decision.conditions) == (3, {Condition.LIMITED})
    assert decision.reason.startswith("1 → 3: the maximum; ")


def test_workers_that_never_come_up_stop_the_growth():
    pool, history, wanted = Pool(0, 20, 1), History(), 4
    for second in range(120):
        told = Signal(second, {"a": queue(4 + second // 10, mean=30.0)}, float(second))
        fleet = Fleet(wanted, ready=0, failing=wanted)
        decision = decide(told, pool, history, fleet, float(second))
        history, wanted = decision.history, decision.desired
        if second == 5:
            early = wanted
    assert Condition.WORKERS_FAILING in decision.conditions
    assert "workers end before they claim" in decision.reason
    assert wanted < decision.needed
    assert wanted <= early + 3


def test_workers_that_never_come_up_are_told_of_also_where_all_are_there():
    pool, history = Pool(0, 3, 1), History()
    for second in range(60):
        told = Signal(second, {"a": queue(40, mean=30.0)}, float(second))
        decision = decide(told, pool, history, Fleet(3, ready=0, unschedulable=3), float(second))
        history = decision.history
    assert decision.conditions == {Condition.LIMITED, Condition.UNSCHEDULABLE}
    assert decision.reason == f"3 kept: {decision.needed} needed, but workers find no place to run"


def test_a_lost_signal_holds_what_there_is():
    decision = decide(None, Pool(1, 4, slots=1), History(), Fleet(3, ready=3), 0.0)
    assert (decision.desired, decision.reason) == (3, "3 held: the signal is lost")


def test_after_a_lost_signal_a_window_passes_before_anything_shrinks():
    loop = Loop(Pool(1, 20, 4))
    loop.pass_by(100, rate=12)
    high = loop.wanted[-1]
    loop.pass_by(120, lost=True)
    assert loop.wanted[-1] == high
    loop.queued, loop.running = 0, []
    loop.pass_by(55)
    assert loop.wanted[-1] == high


def test_a_signal_is_lost_when_its_sequence_stands_still():
    watch = Watch()
    assert not watch.fresh(None, 0.0)
    assert watch.fresh(Signal(7, {}), 1.0)
    assert watch.fresh(Signal(7, {}), 1.0 + LOST_AFTER)
    assert not watch.fresh(Signal(7, {}), 1.1 + LOST_AFTER)
    assert watch.fresh(Signal(8, {}), 100.0)
