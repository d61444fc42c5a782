"""Waits after errors: exact where promised, inside their bounds whatever the settings."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.job.backoff import Backoff, Exact, Exponential, Fixed, Linear, check, wait
from corral.job.limits import MAX_DELAY_SECONDS

seconds = st.floats(0, MAX_DELAY_SECONDS)
jitter = st.floats(0, 1)
cap = st.floats(0.001, MAX_DELAY_SECONDS)
backoffs = st.one_of(
    st.builds(Fixed, seconds, jitter, cap),
    st.builds(Linear, seconds, jitter, cap),
    st.builds(Exponential, seconds, st.floats(1, 100), jitter, cap),
    st.builds(Exact, st.lists(seconds, min_size=1, max_size=8).map(tuple), jitter, cap),
)


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Fixed(5), [5, 5, 5, 5]),
        (Linear(5), [5, 10, 15, 20]),
        (Exponential(2), [2, 4, 8, 16]),
        (Exponential(1), [1, 2, 4, 8]),
        (Exponential(1, factor=3, cap=10), [1, 3, 9, 10]),
        (Exact((1, 7, 30)), [1, 7, 30, 30]),
    ],
)
def test_waits_are_those_that_the_documentation_shows(backoff: Backoff, waits: list[float]):
    assert [backoff.delay(errors) for errors in range(1, 5)] == waits


def test_without_jitter_the_wait_is_exactly_the_delay():
    assert [wait(Exponential(2), errors, random.Random(1)) for errors in (1, 2, 3)] == [2, 4, 8]


@given(backoffs, st.integers(1, 10_000), st.integers())
def test_a_wait_is_never_negative_nor_over_its_cap(backoff: Backoff, errors: int, seed: int):
    check(backoff)
    assert 0 <= wait(backoff, errors, random.Random(seed)) <= backoff.cap


@given(backoffs, st.integers(1, 1000), st.integers())
def test_jitter_stays_within_its_part_of_the_delay(backoff: Backoff, errors: int, seed: int):
    delay = backoff.delay(errors)
    spread = delay * backoff.jitter
    assert delay - spread - 1e-6 <= wait(backoff, errors, random.Random(seed)) <= delay + spread + 1e-6


@given(backoffs.filter(lambda backoff: not isinstance(backoff, Exact)), st.integers(1, 1000))
def test_a_later_error_never_waits_less(backoff: Backoff, errors: int):
    assert backoff.delay(errors) <= backoff.delay(errors + 1)


@pytest.mark.parametrize(
    ("backoff", "named"),
    [
        (Fixed(-1), "-1"),
        (Exponential(1, factor=0.5), "factor"),
        (Exact(()), "0 waits; it must have 1 to 1,000"),
        (Fixed(1, jitter=2), "jitter"),
        (Fixed(1, cap=0), "cap"),
        (Fixed(float("nan")), "nan"),
        (Exact((1, float("inf"))), "inf"),
    ],
)
def test_nonsense_is_refused_by_name(backoff: Backoff, named: str):
    with pytest.raises(ValueError, match=named):
        check(backoff)


def test_errors_are_counted_from_one():
    with pytest.raises(ValueError, match="from 1"):
        Fixed(1).delay(0)
