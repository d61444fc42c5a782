"""The arrival rate is learned from counters, follows a change within seconds, and knows a burst from a rate."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.scaling.arrivals import Arrivals


def counted(counts, mean=2.0):
    """What is known after so many jobs in each second."""
    arrivals = Arrivals(0)
    for total in [sum(counts[: n + 1]) for n in range(len(counts))]:
        arrivals = arrivals.seen(total, 1.0, mean)
    return arrivals


def random_counts(rate, seconds, seed):
    dice = random.Random(seed)
    return [sum(dice.random() < rate / 100 for _ in range(100)) for _ in range(seconds)]


@pytest.mark.parametrize("seed", range(5))
def test_a_constant_rate_is_found_within_a_tenth(seed):
    assert counted(random_counts(20, 120, seed)).rate().per_second == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_new_rate_is_known_in_six_seconds(seed):
    rate = counted(random_counts(5, 90, seed) + random_counts(25, 6, seed + 50)).rate()
    assert rate.per_second == pytest.approx(25, rel=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_silence_is_known_in_six_seconds(seed):
    assert counted(random_counts(10, 90, seed) + [0] * 6).rate().per_second < 1


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_seldom_taken_for_a_new_rate(seed):
    """Ten minutes at two a second: all that is remembered is still learned from."""
    arrivals = counted(random_counts(2, 600, seed))
    assert len(arrivals.counts) == 180


def test_a_burst_is_no_rate():
    assert counted([1] * 60 + [1000] + [1] * 5).rate().per_second < 2


def test_a_rise_is_carried_to_its_end():
    rate = counted([n // 4 for n in range(120)]).rate()
    assert rate.rise == pytest.approx(0.25, rel=0.15)
    assert rate.per_second == pytest.approx(29.5, rel=0.1)


def test_a_counter_that_begins_anew_counts_what_it_says():
    assert counted([50]).seen(3, 1.0, 2.0).counts[-1] == 3


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_whatever_comes_the_rate_is_a_number_and_not_negative(counts):
    rate = counted(counts).rate()
    assert 0 <= rate.per_second <= max(counts) + 1
    assert rate.deviation >= 0


@given(st.floats(0, 1e-3))
def test_two_signals_at_once_are_no_rate(seconds):
    rate = Arrivals(0).seen(3, seconds, 2.0).rate()
    assert rate.per_second <= 30
    assert rate.deviation <= 20
