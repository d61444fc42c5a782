"""Erlang's formula gives what its tables say, and the slots that keep the wait."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.scaling.erlang import slots_for


def waiting_probability(slots: int, load: float) -> float:
    """The share of jobs that find all slots taken, by Erlang's own sum, which the product does not use.

    Source: Erlang's C formula.
    """
    if slots <= load:
        return 1.0
    terms = [1.0]
    for n in range(1, slots + 1):
        terms.append(terms[-1] * load / n)
    waiting = terms[-1] * slots / (slots - load)
    return waiting / (sum(terms[:-1]) + waiting)


@pytest.mark.parametrize(
    ("slots", "load", "share"),
    [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 3.0, 0.2362), (10, 8.0, 0.4092), (100, 90.0, 0.2169)],
)
def test_the_share_that_waits_is_that_of_the_tables(slots, load, share):
    """One and two slots by hand; the others from printed tables of Erlang C."""
    assert waiting_probability(slots, load) == pytest.approx(share, rel=2e-3)
    assert slots_for(load, 1.0, 0.0, share * 1.01) == slots, "nobody waits more often with so many"
    assert slots_for(load, 1.0, 0.0, share * 0.99) > slots


@given(st.floats(0.01, 200), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0, 5))
def test_so_many_slots_keep_the_wait_and_one_fewer_does_not(load, mean, wait, spread):
    def late(slots: int) -> float:
        stretch = (1 + spread) / 2
        return waiting_probability(slots, load) * math.exp(-(slots - load) * wait / (mean * stretch))

    slots = slots_for(load, mean, wait, 0.05, spread)
    assert slots > load
    assert late(slots) <= 0.05 + 1e-12
    assert slots - 1 <= load or late(slots - 1) > 0.05 - 1e-12


@given(st.floats(0.01, 100), st.floats(0.01, 50), st.floats(0.1, 50))
def test_more_load_never_needs_fewer_slots(load, more, wait):
    assert slots_for(load + more, 2.0, wait, 0.05) >= slots_for(load, 2.0, wait, 0.05)


def test_no_load_needs_no_slot():
    assert slots_for(0.0, 2.0, 10.0, 0.05) == 0
