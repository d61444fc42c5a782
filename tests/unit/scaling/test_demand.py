"""How long jobs take is learned from those that completed and from those that still run."""

import random

import pytest

from corral.scaling.demand import demands, service_of
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal, TypeSignal


def of(completed, mean, variance, elapsed=()):
    kind = TypeSignal(completed, mean, variance, 1.0, len(elapsed), tuple(elapsed))
    return QueueSignal(queued=10, running=len(elapsed), work=10 * mean, types={"a": kind})


def test_fewer_than_three_completions_tell_nothing():
    assert service_of(of(2, 5.0, 0.0)).mean == 0


def test_completed_jobs_alone_are_told_by_their_mean():
    service = service_of(of(100, 2.0, 4.0))
    assert (service.mean, service.spread) == (pytest.approx(2.0), pytest.approx(1.0))


def test_jobs_of_equal_length_learn_nothing_from_those_that_run_less():
    assert service_of(of(10, 2.0, 0.0, [0.5, 1.0, 1.9])).mean == pytest.approx(2.0)


def test_a_job_that_runs_much_longer_than_its_type_is_counted_before_it_ends():
    assert service_of(of(10, 2.0, 0.0, [300.0])).mean > 20


@pytest.mark.parametrize("seed", range(5))
def test_the_first_second_of_a_burst_does_not_make_jobs_look_short(seed):
    """Fifty jobs of 3 s began a second ago: those that are done are short, and the mean is 3 s all the same."""
    dice = random.Random(seed)
    times = [dice.expovariate(1 / 3) for _ in range(10)] + [dice.expovariate(1 / 3) for _ in range(50)]
    done = times[:10] + [t for t in times[10:] if t <= 1]
    mean = sum(done) / len(done)
    variance = sum((t - mean) ** 2 for t in done) / len(done)
    learned = service_of(of(len(done), mean, variance, [1.0] * (60 - len(done)))).mean
    assert learned > 1.3 * mean
    assert learned == pytest.approx(3, rel=0.5)


def test_what_waits_takes_as_long_as_what_runs_tells():
    """The leader counted the completed alone; the demand does not."""
    (demand,) = demands(Signal(1, {"q": of(10, 2.0, 4.0, [8.0] * 5)}), PoolSpec(0, 5, 4), {})
    assert demand.mean_waiting == pytest.approx(demand.service.mean)
    assert demand.work > 30
