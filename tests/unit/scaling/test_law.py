"""The law keeps its bounds, asks for more where there is more to do, and says why: whatever it is told."""

import dataclasses
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scaling.conftest import queue
from tests.unit.scaling.strategies import fleets, pools, signals

from corral.scaling.decision import Condition, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import Signal


@given(st.lists(st.tuples(st.none() | signals, fleets()), min_size=1, max_size=6), pools())
def test_workers_stay_within_their_bounds_whatever_is_told(told, pool):
    history = History()
    for second, (signal, fleet) in enumerate(told):
        decision = decide(signal, pool, history, fleet, float(second))
        history = decision.history
        held = fleet.wanted if signal is None else 0
        assert pool.minimum <= decision.desired <= max(pool.maximum, held)


@given(st.lists(signals, max_size=5), pools(), fleets())
def test_a_lost_signal_shrinks_nothing(told, pool, fleet):
    history = History()
    for second, signal in enumerate(told):
        history = decide(signal, pool, history, fleet, float(second)).history
    decision = decide(None, pool, history, fleet, 100.0)
    assert decision.desired == max(fleet.wanted, pool.minimum)
    change = (
        f"{fleet.wanted} → {decision.desired}: "
        if decision.desired != fleet.wanted
        else f"Keeping {fleet.wanted}: "
    )
    assert decision.reason.startswith(change)
    assert Condition.SIGNAL_LOST in decision.conditions


@given(
    st.builds(queue, st.integers(0, 2000), st.integers(0, 200), st.floats(0.05, 120)),
    st.sampled_from(["queued", "running", "due_soon", "unknown"]), st.integers(1, 500),
    st.integers(1, 50), fleets(),
)  # fmt: skip
def test_more_backlog_never_means_fewer_workers(told, grown, more, slots, fleet):
    pool, mean = PoolSpec(0, 50, slots), told.types["a"].mean
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
        assert decision.reason.startswith(f"Keeping {fleet.wanted}: ")
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
