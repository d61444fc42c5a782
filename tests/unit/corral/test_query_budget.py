"""What takes long is asked less often."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.clock import Clock

from corral.query_budget import QueryBudget


def paced(share: float = 0.1, free: float = 1.0, longest: float = 60.0) -> tuple[QueryBudget, Clock]:
    clock = Clock(0.0)
    return QueryBudget(share, free=free, longest=longest, clock=clock), clock


def asked(pace: QueryBudget, clock: Clock, seconds: float) -> None:
    with pace.asked():
        clock.now += seconds


def test_what_is_answered_quickly_may_be_asked_again_at_once():
    pace, clock = paced()
    asked(pace, clock, 1.0)
    assert pace.due


def test_what_took_long_is_asked_again_when_its_share_allows():
    pace, clock = paced()
    asked(pace, clock, 2.0)
    assert not pace.due
    clock.now += 19.9
    assert not pace.due
    clock.now += 0.2
    assert pace.due


def test_a_failure_says_nothing_of_what_answers_cost():
    pace, clock = paced()
    with suppress(OSError), pace.asked():
        clock.now += 5.0
        raise OSError
    assert pace.due


@given(st.floats(0, 1e4), st.floats(0.001, 1))
def test_nothing_is_left_out_for_longer_than_the_longest_time(seconds: float, share: float):
    pace, clock = paced(share)
    asked(pace, clock, seconds)
    clock.now += 60.0
    assert pace.due
