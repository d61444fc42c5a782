"""The law keeps its bounds, follows the backlog, is calm under constant load, and says why."""

import dataclasses
import itertools
import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from corral.scaling.law import Decision, Need, Pool, decide, slots_needed
from corral.scaling.signal import LOST_AFTER, QueueSignal, Signal, Watch


@st.composite
def queue_signals(draw: st.DrawFn) -> QueueSignal:
    queued = draw(st.integers(0, 100_000))
    return QueueSignal(
        queued=queued,
        running=draw(st.integers(0, 500)),
        work=draw(st.floats(0, 1e6)) if queued else 0.0,
        unknown=draw(st.integers(0, queued)),
        due_soon=draw(st.integers(0, 1000)),
    )


signals = st.builds(
    Signal, sequence=st.integers(0), queues=st.dictionaries(st.sampled_from(["a", "b", "c"]), queue_signals())
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
    )


histories = st.lists(st.builds(Need, st.floats(-100, 0), st.integers(0, 50)), max_size=5).map(
    lambda needs: tuple(sorted(needs, key=lambda need: (need.at, -need.workers)))
)


@given(st.none() | signals, pools(), st.integers(0, 60), histories)
def test_workers_stay_within_their_bounds(signal, pool, current, history):
    decision = decide(signal, pool, current, history, 0.0)
    assert pool.minimum <= decision.workers <= pool.maximum


@given(signals, pools(), st.integers(0, 60), st.sampled_from(["queued", "running", "work", "due_soon"]))
def test_more_backlog_never_means_fewer_workers(signal, pool, current, grown):
    more = Signal(
        signal.sequence,
        {
            name: dataclasses.replace(queue, **{grown: getattr(queue, grown) + 7})
            for name, queue in signal.queues.items()
        },
    )
    assert decide(more, pool, current, (), 0.0).workers >= decide(signal, pool, current, (), 0.0).workers


@given(signals, pools(), st.integers(0, 60))
def test_a_constant_signal_changes_the_number_at_most_once(signal, pool, current):
    numbers, history = [], ()
    for second in range(200):
        decision = decide(signal, pool, current, history, float(second))
        current, history = decision.workers, decision.history
        numbers.append(current)
    assert len(set(numbers)) == 1


@given(signals, pools(), st.integers(0, 60), histories)
def test_every_decision_says_why_in_words_and_numbers(signal, pool, current, history):
    decision = decide(signal, pool, current, history, 0.0)
    assert str(decision.workers) in decision.reason
    assert "kept" in decision.reason if decision.workers == current else f"{current} → " in decision.reason


def test_the_need_is_counted_in_seconds_of_work_where_they_are_known():
    assert slots_needed(QueueSignal(queued=5000, work=5.0), drain=10) == 0.5
    assert slots_needed(QueueSignal(queued=100, work=600.0), drain=10) == 60
    assert slots_needed(QueueSignal(queued=3, work=600.0), drain=10) == 3
    assert slots_needed(QueueSignal(queued=20, unknown=20, running=4), drain=10) == 24


def test_queues_whose_jobs_run_in_processes_count_their_fewer_slots():
    pool = Pool(1, 20, slots=50, slots_of={"cpu": 2})
    signal = Signal(1, {"cpu": QueueSignal(queued=10, unknown=10), "io": QueueSignal(queued=10, unknown=10)})
    assert decide(signal, pool, 1, (), 0.0).workers == math.ceil(10 / 2 + 10 / 50)


def test_workers_go_only_when_the_window_saw_no_higher_need():
    pool = Pool(1, 10, slots=1, window=60)
    busy, idle = Signal(1, {"a": QueueSignal(queued=8, unknown=8)}), Signal(2, {"a": QueueSignal()})
    decision = decide(busy, pool, 1, (), 0.0)
    assert decision.workers == 8
    kept = decide(idle, pool, 8, decision.history, 59.0)
    assert kept.workers == 8
    assert "more were needed within 60 s" in kept.reason
    assert decide(idle, pool, 8, kept.history, 60.5).workers == 1


def test_a_lost_signal_holds_what_there_is():
    decision = decide(None, Pool(1, 4, slots=1), 3, (), 0.0)
    assert (decision.workers, decision.reason) == (3, "3 held: the signal is lost")


def test_a_signal_is_lost_when_its_sequence_stands_still():
    watch = Watch()
    assert not watch.fresh(None, 0.0)
    assert watch.fresh(Signal(7, {}), 1.0)
    assert watch.fresh(Signal(7, {}), 1.0 + LOST_AFTER)
    assert not watch.fresh(Signal(7, {}), 1.1 + LOST_AFTER)
    assert watch.fresh(Signal(8, {}), 100.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.5, 30), st.floats(0.2, 5))
def test_a_pool_under_steady_arrivals_does_not_breathe(seed, rate, service):
    """Closed loop: random arrivals at a constant rate, workers that start after 2 s, five minutes."""
    dice = random.Random(seed)
    pool = Pool(1, 40, slots=4)
    workers, starting, history = 1, [], ()
    queued, running, numbers = 0, [], []
    for second in range(600):
        queued += sum(dice.random() < rate / 100 for _ in range(100))
        running = [end for end in running if end > second]
        workers += sum(ready <= second for ready in starting)
        starting = [ready for ready in starting if ready > second]
        started = min(queued, max(0, workers * pool.slots - len(running)))
        queued -= started
        running += [second + dice.expovariate(1 / service) for _ in range(started)]
        signal = Signal(
            second, {"a": QueueSignal(queued=queued, running=len(running), work=queued * service)}
        )
        decision: Decision = decide(signal, pool, workers + len(starting), history, float(second))
        history = decision.history
        change = decision.workers - workers - len(starting)
        if change > 0:
            starting += [second + 2] * change
        else:
            workers += change
        numbers.append(decision.workers)
    steps = [(at, b - a) for at, (a, b) in enumerate(itertools.pairwise(numbers))]
    for at, step in steps:
        if step > 0:
            soon = [later for when, later in steps if at < when <= at + pool.window - 1]
            assert all(later >= 0 for later in soon), f"up at {at} s and down within the window: {numbers}"
    directions = [step > 0 for _, step in steps if step]
    turns_down = sum(before and not after for before, after in itertools.pairwise(directions))
    assert turns_down <= len(numbers) / (pool.window - 1)
    assert queued <= rate * 30
