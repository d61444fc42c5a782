from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.errors import InvalidInput
from corral.schedule.clock_change import Skipped, Twice
from corral.schedule.cron import Cron
from corral.schedule.timetable import Dates, Timetable

CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
    "Pacific/Apia": ["2011-12-30T10:00"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Africa/Cairo": ["2026-04-23T22:00", "2026-10-29T21:00"],
    "America/Havana": ["2026-03-08T05:00", "2026-11-01T05:00"],
    "Asia/Kolkata": ["2026-05-05T00:00"],
}
places = st.sampled_from([(zone, text) for zone, texts in CHANGES.items() for text in texts])
minutes, hours = (st.sets(st.integers(0, most), min_size=1, max_size=3) for most in (59, 23))
moments = places.map(lambda place: (ZoneInfo(place[0]), datetime.fromisoformat(place[1]).replace(tzinfo=UTC)))


def listed(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def walked(
    zone: ZoneInfo,
    span: tuple[datetime, datetime],
    chosen: tuple[set[int], set[int]],
    rules: tuple[Twice, Skipped],
) -> list[datetime]:
    """Every minute between, asked what the clock on the wall shows: slow, and without a word of ours."""
    (after, until), (twice, skipped) = span, rules
    found, before = set(), after.astimezone(zone).replace(tzinfo=None)
    instant = after
    while (instant := instant + timedelta(minutes=1)) <= until:
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        if wall.minute in chosen[0] and wall.hour in chosen[1] and (twice is Twice.BOTH or not local.fold):
            found.add(instant)
        left_out = before + timedelta(minutes=1)
        while skipped is Skipped.SHIFT and left_out < wall:
            if left_out.minute in chosen[0] and left_out.hour in chosen[1]:
                found.add(instant + (left_out - before) - timedelta(minutes=1))
            left_out += timedelta(minutes=1)
        before = wall
    return sorted(one for one in found if one <= until)


@settings(max_examples=40)
@given(
    moment=moments,
    chosen=st.tuples(minutes, hours),
    rules=st.tuples(st.sampled_from(Twice), st.sampled_from(Skipped)),
    early=st.integers(1, 300),
    late=st.integers(1, 1_800),
)
def test_the_ticks_are_those_of_whoever_looks_at_the_clock_each_minute(moment, chosen, rules, early, late):
    (zone, change), (twice, skipped) = moment, rules
    after, until = change - timedelta(minutes=early), change + timedelta(minutes=late)
    timetable = Timetable(
        every=Cron.parse(f"{listed(chosen[0])} {listed(chosen[1])} * * *"),
        zone=zone,
        twice=twice,
        skipped=skipped,
    )
    found = [tick.at for tick in timetable.ticks(after, until)]
    assert found == walked(zone, (after, until), chosen, (twice, skipped))


@settings(max_examples=40)
@given(
    moment=moments,
    every=st.sampled_from(
        [
            Cron.parse("*/7 * * * *"),
            Cron.parse("30 0-3 * * *"),
            Cron.parse("15 2 * * *"),
            Cron.parse("*/20 1 * * * *"),
            timedelta(minutes=37),
            timedelta(seconds=90_000),
        ]
    ),
    rules=st.tuples(st.sampled_from([None, *Twice]), st.sampled_from(Skipped)),
    cuts=st.lists(st.integers(0, 400_000), min_size=1, max_size=4),
    jitter=st.sampled_from([0, 90.0]),
)
def test_asking_in_pieces_gives_the_same_each_tick_once_and_in_order(moment, every, rules, cuts, jitter):
    (zone, change), (twice, skipped) = moment, rules
    timetable = Timetable(every=every, zone=zone, twice=twice, skipped=skipped, jitter=jitter, seed="nightly")
    begin = change - timedelta(days=2)
    edges = [begin, *(begin + timedelta(seconds=cut) for cut in sorted(cuts)), change + timedelta(days=3)]
    whole = list(timetable.ticks(begin, edges[-1]))
    pieces = [tick for a, b in pairwise(edges) for tick in timetable.ticks(a, b)]
    assert pieces == whole
    assert [tick.at for tick in whole] == sorted({tick.at for tick in whole})
    assert all(begin < tick.at <= edges[-1] for tick in whole)


def test_a_length_of_time_is_counted_from_the_start_whatever_clocks_do():
    start = datetime(2026, 10, 24, 12, tzinfo=UTC)
    timetable = Timetable(every=timedelta(hours=12), zone=ZoneInfo("Europe/Berlin"), start=start)
    found = [tick.at for tick in islice(timetable.ticks(start - timedelta(days=9)), 3)]
    assert found == [start, start + timedelta(hours=12), start + timedelta(hours=24)]


def test_start_and_end_are_ticks_where_they_fit_and_nothing_is_beyond():
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    timetable = Timetable(every=Cron.parse("@daily"), start=start, end=end)
    assert [tick.at.day for tick in timetable.ticks(start - timedelta(days=30))] == [1, 2, 3]


def test_excluded_days_are_those_of_the_zone():
    """Midnight in Auckland is noon of the day before in UTC."""
    timetable = Timetable(
        every=Cron.parse("0 0 * * *"),
        zone=ZoneInfo("Pacific/Auckland"),
        excluded=[Dates(date(2026, 12, 25), date(2026, 12, 26))],
    )
    found = [tick.at for tick in islice(timetable.ticks(datetime(2026, 12, 23, 12, tzinfo=UTC)), 2)]
    assert [at.astimezone(timetable.zone).day for at in found] == [27, 28]


@settings(max_examples=40)
@given(
    moment=moments,
    every=st.sampled_from([timedelta(minutes=7), timedelta(hours=5), "*/20 * * * *", "30 0,2 * * *"]),
    spans=st.lists(st.tuples(st.integers(-4, 6), st.integers(0, 3)), max_size=4),
)
def test_excluded_days_take_away_the_ticks_of_these_days_and_no_other(moment, every, spans):
    zone, change = moment
    days = [change.date() + timedelta(days=first) for first, _ in spans]
    excluded = [Dates(day, day + timedelta(days=more)) for day, (_, more) in zip(days, spans, strict=True)]
    made = Cron.parse(every) if isinstance(every, str) else every
    span = (change - timedelta(days=5), change + timedelta(days=9))
    everything = list(Timetable(every=made, zone=zone).ticks(*span))
    kept = [
        tick
        for tick in everything
        if not any(dates.first <= tick.at.astimezone(zone).date() <= dates.last for dates in excluded)
    ]
    assert list(Timetable(every=made, zone=zone, excluded=excluded).ticks(*span)) == kept


@pytest.mark.parametrize("every", [timedelta(seconds=1), Cron.parse("* * * * * *")])
def test_excluded_years_are_not_gone_through_second_by_second(every: timedelta | Cron):
    """Hundreds of thousands of millions of seconds: whoever looked at each would not come back."""
    timetable = Timetable(every=every, excluded=[Dates(date(2026, 12, 1), date(8000, 2, 28))])
    (tick,) = islice(timetable.ticks(datetime(2026, 12, 1, tzinfo=UTC)), 1)
    assert tick.at == datetime(8000, 3, 1, tzinfo=UTC) - timedelta(days=1)  # 8000 is a leap year
    for first in (date(1, 1, 1), date(2027, 1, 1)):
        closed = Timetable(every=every, excluded=[Dates(first, date(9999, 12, 31))])
        assert list(closed.ticks(datetime(2027, 1, 1, tzinfo=UTC))) == []


@pytest.mark.parametrize("every", [timedelta(days=1), Cron.parse("@daily"), Cron.parse("* * * * * *")])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_edges_of_the_calendar_are_no_errors(every: timedelta | Cron, zone: str):
    least, most = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for start in (None, least, most):
        timetable = Timetable(every=every, zone=ZoneInfo(zone), start=start)
        for after in (least, most):
            found = list(islice(timetable.ticks(after), 2))
            assert len(found) == (0 if most in (start, after) else 2)
            assert all(tick.at > after for tick in found)


@given(st.floats(0.001, 86_400), st.text(max_size=5))
def test_jitter_is_the_same_for_everybody_and_within_its_bounds(jitter: float, seed: str):
    timetable = Timetable(every=timedelta(hours=1), jitter=jitter, seed=seed)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = list(islice(timetable.ticks(begin), 3))
    assert ticks == list(islice(timetable.ticks(begin), 3))
    assert all(timedelta() <= tick.run_at - tick.at <= timedelta(seconds=jitter) for tick in ticks)


def test_jitter_differs_by_schedule_and_by_tick():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    delays = {
        tick.run_at - tick.at
        for seed in "abc"
        for tick in islice(Timetable(every=timedelta(hours=1), jitter=3_600, seed=seed).ticks(begin), 10)
    }
    assert len(delays) == 30


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ({"every": timedelta(0)}, "/interval"),
        ({"every": timedelta(seconds=-5)}, "/interval"),
        ({"every": timedelta.max}, "/interval"),
        ({"jitter": -1}, "/jitter"),
        ({"jitter": float("nan")}, "/jitter"),
        ({"start": datetime(2026, 1, 1)}, "/start"),  # noqa: DTZ001 - which is what is tried
        ({"start": datetime(2026, 1, 2, tzinfo=UTC), "end": datetime(2026, 1, 1, tzinfo=UTC)}, "/end"),
        ({"excluded": [Dates(date(2026, 1, 2), date(2026, 1, 1))]}, "/excluded/0"),
    ],
)
def test_what_can_be_no_timetable_is_refused_and_the_field_is_named(rules, pointer: str):
    with pytest.raises(InvalidInput) as refused:
        Timetable(**({"every": timedelta(hours=1)} | rules))
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_the_last_year_of_the_calendar_is_an_end_and_no_error():
    timetable = Timetable(every=Cron.parse("0 0 1 1 *"))
    assert len(list(timetable.ticks(datetime(8990, 6, 1, tzinfo=UTC)))) == 10
