"""Events about a pool are bounded, whatever the pool does, and what was kept back is counted."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from corral_operator.reports.event_rate_limit import MAX_EVENTS_AT_ONCE, SECONDS_PER_EVENT, EventRateLimit


def test_a_pool_that_moves_now_and_then_keeps_nothing_back():
    budget = EventRateLimit()
    assert [budget.spend(at * SECONDS_PER_EVENT) for at in range(200)] == [0] * 200


def test_a_pool_that_moves_each_second_is_told_of_once_a_minute_with_what_was_kept_back():
    budget = EventRateLimit()
    told = {at: missed for at in range(3600) if (missed := budget.spend(float(at))) is not None}
    assert list(told.values())[:MAX_EVENTS_AT_ONCE] == [0] * MAX_EVENTS_AT_ONCE
    assert len(told) <= MAX_EVENTS_AT_ONCE + 60
    later = list(told)[MAX_EVENTS_AT_ONCE + 1 :]
    for before, at in itertools.pairwise(later):
        assert SECONDS_PER_EVENT <= at - before <= SECONDS_PER_EVENT + 1
        assert told[at] == at - before - 1


@given(st.lists(st.floats(0, 200), max_size=200))
def test_every_event_is_told_or_counted_and_never_more_than_the_budget(pauses):
    budget, now, told, missed, kept = EventRateLimit(), 0.0, 0, 0, 0
    for pause in pauses:
        now += pause
        answer = budget.spend(now)
        if answer is None:
            kept += 1
        else:
            told += 1
            missed += answer
            assert missed == kept
    assert told + kept == len(pauses)
    assert told <= MAX_EVENTS_AT_ONCE + sum(pauses) / SECONDS_PER_EVENT + 1e-6
