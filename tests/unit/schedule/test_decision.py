"""What becomes of ticks: each is decided once, whoever asks and whenever."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.schedule.cron import Cron
from corral.schedule.decision import (
    AHEAD,
    MAX_TICKS,
    MAX_WAITING,
    ON_TIME,
    Overlap,
    Policy,
    ScheduleState,
    TickDecision,
    TickVerdict,
    decide,
    is_ahead,
)
from corral.schedule.timetable import Timetable

BEGAN = datetime(2026, 10, 24, tzinfo=UTC)
MINUTELY = Timetable(every=timedelta(minutes=1))
NIGHTLY = Timetable(every=Cron.parse("30 2 * * *"))


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def verdicts(decision: TickDecision) -> list[tuple[float, TickVerdict]]:
    return [((one.tick - BEGAN).total_seconds(), one.verdict) for one in decision.ticks]


def test_a_tick_that_has_come_is_submitted_and_the_next_one_is_named():
    decision = decide(MINUTELY, Policy(), ScheduleState(BEGAN), at(60))
    assert verdicts(decision) == [(60, TickVerdict.SUBMITTED)]
    assert (decision.last_tick, decision.next_tick) == (at(60), at(120))


def test_nothing_is_decided_before_its_time():
    decision = decide(MINUTELY, Policy(), ScheduleState(BEGAN), at(59.999))
    assert (list(decision.ticks), decision.last_tick, decision.next_tick) == ([], BEGAN, at(60))


def test_of_missed_ticks_the_last_one_is_made_up_for():
    days = 86_400
    decision = decide(NIGHTLY, Policy(), ScheduleState(BEGAN), at(3 * days))
    assert [one.verdict for one in decision.ticks] == [
        TickVerdict.MISSED,
        TickVerdict.MISSED,
        TickVerdict.SUBMITTED,
    ]
    assert [one.caught_up for one in decision.ticks] == [False, False, True]


def test_a_missed_tick_before_one_that_is_on_time_is_not_made_up_for():
    decision = decide(MINUTELY, Policy(), ScheduleState(BEGAN), at(200))
    assert verdicts(decision) == [
        (60, TickVerdict.MISSED),
        (120, TickVerdict.MISSED),
        (180, TickVerdict.SUBMITTED),
    ]


def test_with_a_window_all_that_lie_in_it_are_made_up_for():
    policy = Policy(Overlap.ALLOW, catch_up=150)
    decision = decide(MINUTELY, policy, ScheduleState(BEGAN), at(300))
    submitted = [second for second, verdict in verdicts(decision) if verdict is TickVerdict.SUBMITTED]
    assert submitted == [180, 240, 300]


def test_with_a_window_of_nothing_a_missed_tick_is_not_made_up_for():
    decision = decide(NIGHTLY, Policy(catch_up=0), ScheduleState(BEGAN), at(86_400))
    assert [one.verdict for one in decision.ticks] == [TickVerdict.MISSED]


@pytest.mark.parametrize(
    ("overlap", "waiting", "expected", "cancel"),
    [
        (Overlap.SKIP, [], [(120, TickVerdict.SKIPPED)], False),
        (Overlap.QUEUE_ONE, [], [(120, TickVerdict.WAITING)], False),
        (Overlap.QUEUE_ONE, [60], [(120, TickVerdict.SKIPPED)], False),
        (Overlap.QUEUE_ALL, [60], [(120, TickVerdict.WAITING)], False),
        (Overlap.CANCEL, [], [(120, TickVerdict.WAITING)], True),
        (Overlap.CANCEL, [60], [(60, TickVerdict.SKIPPED), (120, TickVerdict.WAITING)], True),
        (Overlap.ALLOW, [], [(120, TickVerdict.SUBMITTED)], False),
        (Overlap.ALLOW, [60], [(60, TickVerdict.SUBMITTED), (120, TickVerdict.SUBMITTED)], False),
    ],
)
def test_while_the_last_ticks_job_lives(
    overlap: Overlap, waiting: Sequence[float], expected: list[tuple[float, TickVerdict]], cancel: bool
):
    state = ScheduleState(at(60), live=True, waiting=[at(one) for one in waiting], waiting_count=len(waiting))
    decision = decide(MINUTELY, Policy(overlap), state, at(121))
    assert verdicts(decision) == expected
    assert decision.cancel is cancel


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.QUEUE_ALL, Overlap.CANCEL])
def test_what_waited_is_submitted_first_once_the_job_has_ended(overlap: Overlap):
    state = ScheduleState(at(120), waiting=[at(60), at(120)], waiting_count=2)
    decision = decide(MINUTELY, Policy(overlap), state, at(130))
    assert verdicts(decision) == [(60, TickVerdict.SUBMITTED)]


def test_only_so_many_ticks_wait():
    state = ScheduleState(at(60), live=True, waiting=[at(60)], waiting_count=MAX_WAITING)
    decision = decide(MINUTELY, Policy(Overlap.QUEUE_ALL), state, at(120))
    assert verdicts(decision) == [(120, TickVerdict.SKIPPED)]
    assert "waited already" in decision.ticks[0].reason


def test_jobs_that_fail_one_after_the_other_pause_it_before_the_next_tick():
    policy = Policy(pause_after=3)
    assert decide(MINUTELY, policy, ScheduleState(BEGAN, failures=2), at(60)).pause is None
    decision = decide(MINUTELY, policy, ScheduleState(BEGAN, failures=3), at(60))
    assert decision.pause == "the last 3 jobs failed one after the other"
    assert (list(decision.ticks), decision.last_tick) == ([], BEGAN)
    assert decide(MINUTELY, policy, ScheduleState(BEGAN, failures=3), at(59)).pause is None


def test_a_last_tick_in_the_future_is_told_and_brings_no_tick():
    assert is_ahead(at(10), BEGAN)
    assert not is_ahead(BEGAN + AHEAD, BEGAN)
    decision = decide(MINUTELY, Policy(), ScheduleState(at(3600)), at(60))
    assert (list(decision.ticks), decision.last_tick, decision.next_tick) == ([], at(3600), at(3660))


def test_an_end_brings_no_next_tick():
    ended = Timetable(every=timedelta(minutes=1), end=at(90))
    decision = decide(ended, Policy(), ScheduleState(BEGAN), at(61))
    assert verdicts(decision) == [(60, TickVerdict.SUBMITTED)]
    assert decision.next_tick is None


def test_a_week_of_seconds_is_decided_in_pieces_and_made_up_for_once():
    every_second = Timetable(every=timedelta(seconds=1))
    state, caught_up, missed, now = ScheduleState(BEGAN), 0, 0, at(3 * MAX_TICKS + 500)
    while True:
        decision = decide(every_second, Policy(catch_up=0), state, now)
        missed += sum(one.verdict is TickVerdict.MISSED for one in decision.ticks)
        caught_up += sum(one.caught_up for one in decision.ticks)
        state = ScheduleState(decision.last_tick)
        if not decision.more:
            break
    assert (missed, caught_up) == (3 * MAX_TICKS + 500 - ON_TIME.total_seconds() - 1, 0)


TIMETABLES = st.sampled_from(
    [
        Timetable(every=timedelta(seconds=45)),
        Timetable(every=Cron.parse("*/10 * * * * *")),
        Timetable(every=Cron.parse("*/2 * * * *"), jitter=30, seed="x"),
        Timetable(every=Cron.parse("0 * * * *"), start=at(4000), end=at(20_000)),
    ]
)
CLOCK = st.lists(st.tuples(st.integers(-2000, 2000), st.booleans(), st.booleans()), min_size=1, max_size=12)
"""Looks of a leader: how far the clock went (or was put back), whether the last job lives, whether the write is lost."""


@settings(max_examples=40)
@given(TIMETABLES, st.sampled_from(Overlap), st.sampled_from([None, 0.0, 100.0, 1e7]), CLOCK)
def test_every_tick_has_one_word_and_at_most_one_job(
    timetable: Timetable, overlap: Overlap, catch_up: float | None, looks: list[tuple[int, bool, bool]]
):
    """Whatever clocks do, and however often a decision is lost before it is stored."""
    last, now = BEGAN, BEGAN
    words: dict[datetime, list[TickVerdict]] = {}
    for passed, live, lost in looks:
        now += timedelta(seconds=passed)
        waiting = sorted(tick for tick, said in words.items() if said[-1] is TickVerdict.WAITING)
        state = ScheduleState(last, live=live, waiting=waiting[:100], waiting_count=len(waiting))
        decision = decide(timetable, Policy(overlap, catch_up), state, now)
        assert decision == decide(timetable, Policy(overlap, catch_up), state, now)
        if lost:
            continue
        assert decision.last_tick >= last
        for one in decision.ticks:
            assert one.tick <= max(now, last), "a tick before its time"
            words.setdefault(one.tick, []).append(one.verdict)
        last = decision.last_tick
    expected = [tick.at for tick in timetable.ticks(BEGAN, last)]
    assert sorted(words) == expected, "each tick up to the last one, and no other"
    for said in words.values():
        assert said.count(TickVerdict.SUBMITTED) <= 1
        assert len(said) == 1 or (len(said) == 2 and said[0] is TickVerdict.WAITING), said


@settings(max_examples=15)
@given(TIMETABLES, st.sampled_from(Overlap), st.lists(st.integers(1, 50), max_size=60))
def test_a_leader_that_looks_in_time_misses_nothing(timetable: Timetable, overlap: Overlap, steps: list[int]):
    last, now = BEGAN, BEGAN
    for step in steps:
        now += timedelta(seconds=step)
        decision = decide(timetable, Policy(overlap), ScheduleState(last), now)
        assert all(one.verdict is not TickVerdict.MISSED for one in decision.ticks)
        last = decision.last_tick
