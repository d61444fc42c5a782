"""What the law remembers: a pool is calm under a load, follows it, and comes back to zero."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scaling.conftest import Loop, queue

from corral.scaling.decision import Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import Signal


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
    loop = Loop(PoolSpec(0, 20, 4), mean=mean)
    for _ in range(300):
        loop.pass_by(1, rate)
        if loop.queued or loop.running:
            assert loop.decision.desired > 0


@pytest.mark.parametrize(("rate", "mean"), [(1, 0.5), (2, 2.0), (10, 2.0), (20, 2.0), (5, 10.0)])
def test_a_pool_under_steady_arrivals_does_not_breathe(rate, mean):
    """Ten minutes of random arrivals: after the start it moves little, and seldom up again."""
    loop = Loop(PoolSpec(1, 60, 4), mean=mean)
    loop.pass_by(600, rate)
    later = loop.wanted[180:]
    assert max(later) - min(later) <= 2 + max(later) // 5, later
    turns = [b - a for a, b in itertools.pairwise(later) if b != a]
    assert sum(b > 0 > a for a, b in itertools.pairwise(turns)) <= 5, later
    assert loop.queued <= max(10, rate * 10)


@pytest.mark.parametrize("seed", range(1, 5))
def test_with_jobs_of_a_minute_a_pool_moves_no_more_than_what_runs(seed):
    """So few and so long jobs are now 20, now 45 at once: workers follow them, and don't swing further."""
    loop, running = Loop(PoolSpec(1, 60, 4), mean=60.0, seed=seed), []
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
    burst = Loop(PoolSpec(1, 20, 4))
    burst.pass_by(30)
    burst.add(300)
    burst.pass_by(25)
    assert max(burst.wanted) >= 12
    burst.pass_by(25)
    assert burst.wanted[-1] == 1
    load = Loop(PoolSpec(1, 20, 4))
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
    loop = Loop(PoolSpec(1, 200, slots), mean=mean, seed=seed)
    loop.pass_by(60, rate / 10)
    loop.pass_by(180, rate)
    smallest = math.ceil(rate * mean / slots)
    assert max(loop.wanted) <= 1.5 * smallest + 2, loop.wanted
    assert loop.queued <= rate * 10


@pytest.mark.parametrize("seed", range(1, 5))
def test_after_a_step_jobs_of_a_minute_get_slots_as_they_come_and_not_all_at_once(seed):
    """Of ten times as many jobs of a minute two thirds run after a minute; before, their slots would be empty."""
    loop = Loop(PoolSpec(1, 60, 4), mean=60.0, seed=seed)
    loop.pass_by(240, 0.1)
    ahead = []
    for _ in range(120):
        loop.pass_by(1, 1.0)
        ahead.append(4 * loop.wanted[-1] - len(loop.running) - loop.queued)
    assert max(ahead) <= 16, ahead
    assert loop.queued <= 2


@given(st.integers(1, 400), st.integers(1, 20))
@settings(deadline=None, max_examples=20)  # up to 200 decisions each
def test_whatever_burst_comes_the_pool_returns_to_zero(jobs, slots):
    loop = Loop(PoolSpec(0, 20, slots), mean=0.5)
    loop.pass_by(5)
    loop.add(jobs)
    loop.pass_by(3)
    assert loop.wanted[-1] > 0 or not (loop.queued or loop.running)
    loop.pass_by(200)
    assert (loop.queued, loop.wanted[-1]) == (0, 0)


def test_after_a_lost_signal_a_window_passes_before_anything_shrinks():
    loop = Loop(PoolSpec(1, 20, 4))
    loop.pass_by(100, rate=12)
    high = loop.wanted[-1]
    loop.pass_by(120, lost=True)
    assert loop.wanted[-1] == high
    loop.queued, loop.running = 0, []
    loop.pass_by(55)
    assert loop.wanted[-1] == high
