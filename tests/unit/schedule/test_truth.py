"""Times of cron expressions at the edges of calendars and clocks, as docs/adr/0019-cron.md judges libraries by."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from corral.errors import InvalidInput
from corral.schedule.clock_change import Mark, Skipped, Twice
from corral.schedule.cron import Cron
from corral.schedule.timetable import Timetable

TRUTH = {
    # An hour twice, and an hour left out
    "once where 02:30 is twice": (
        *("30 2 * * *", "Europe/Berlin", "2026-10-24T10:00"),
        *("2026-10-25T00:30", "2026-10-26T01:30", "2026-10-27T01:30"),
    ),
    "every hour goes on where one is twice": (
        *("0 * * * *", "Europe/Berlin", "2026-10-24T23:30"),
        *("2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"),
    ),
    "every quarter goes on where an hour is twice": (
        *("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:40"),
        *("2026-10-25T00:45", "2026-10-25T01:00", "2026-10-25T01:15", "2026-10-25T01:30"),
    ),
    "as long after the change where 02:30 is left out": (
        *("30 2 * * *", "Europe/Berlin", "2026-03-28T10:00"),
        *("2026-03-29T01:30", "2026-03-30T00:30"),
    ),
    "once where the shifted time is a time anyhow": (
        *("30 2,3 * * *", "Europe/Berlin", "2026-03-28T10:00"),
        *("2026-03-29T01:30", "2026-03-30T00:30", "2026-03-30T01:30"),
    ),
    "in order where the shifted time comes after others": (
        *("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00"),
        *("2026-03-29T01:30", "2026-03-30T00:30"),
    ),
    "every hour goes on where one is left out": (
        *("30 * * * *", "Europe/Berlin", "2026-03-29T00:00"),
        *("2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"),
    ),
    # Half an hour
    "once where half an hour is twice": (
        *("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T10:00"),
        *("2026-04-04T14:45", "2026-04-05T15:15"),
    ),
    "as long after where half an hour is left out": (
        *("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T10:00"),
        *("2026-10-03T15:45", "2026-10-04T15:15"),
    ),
    # A whole day: 30 December 2011 was not
    "once where a day is left out": (
        *("0 12 * * *", "Pacific/Apia", "2011-12-29T10:00"),
        *("2011-12-29T22:00", "2011-12-30T22:00", "2011-12-31T22:00"),
    ),
    "a day later where the day is left out": (
        *("0 12 30 12 *", "Pacific/Apia", "2011-06-01T00:00"),
        *("2011-12-30T22:00", "2012-12-29T22:00"),
    ),
    # Ramadan: back at 02:00 on 22 March 2026 where it begins on 15 February and ends
    "where Ramadan ends": (
        *("30 2 * * *", "Africa/Casablanca", "2026-03-21T10:00"),
        *("2026-03-22T02:30", "2026-03-23T01:30"),
    ),
    "where Ramadan begins": (
        *("30 2 * * *", "Africa/Casablanca", "2026-02-14T10:00"),
        *("2026-02-15T01:30", "2026-02-16T02:30"),
    ),
    # At midnight
    "where midnight is left out": (
        *("0 0 * * *", "Africa/Cairo", "2026-04-23T10:00"),
        *("2026-04-23T22:00", "2026-04-24T21:00"),
    ),
    "where the hour before midnight is twice": (
        *("30 23 * * *", "Africa/Cairo", "2026-10-28T21:00"),
        *("2026-10-29T20:30", "2026-10-30T21:30"),
    ),
    "where midnight is left out in Havana": (
        *("0 0 * * *", "America/Havana", "2026-03-07T10:00"),
        *("2026-03-08T05:00", "2026-03-09T04:00"),
    ),
    # Calendars
    "leap days": ("0 0 29 2 *", "UTC", "2026-01-01T00:00", "2028-02-29T00:00", "2032-02-29T00:00"),
    "no leap day in 2100": ("0 0 29 2 *", "UTC", "2096-03-01T00:00", "2104-02-29T00:00"),
    "31sts": ("0 0 31 * *", "UTC", "2026-01-31T12:00", "2026-03-31T00:00", "2026-05-31T00:00"),
    "six fields": ("30 0 0 * * *", "UTC", "2026-01-01T12:00", "2026-01-02T00:00:30", "2026-01-03T00:00:30"),
    "names": ("0 9 * JAN-MAR MON,fri", "UTC", "2026-01-01T12:00", "2026-01-02T09:00", "2026-01-05T09:00"),
    "@daily": ("@daily", "UTC", "2026-01-01T12:00", "2026-01-02T00:00"),
    "@Weekly": ("@Weekly", "UTC", "2026-01-01T12:00", "2026-01-04T00:00"),
    "the last day": ("0 0 L * *", "UTC", "2026-02-01T12:00", "2026-02-28T00:00", "2026-03-31T00:00"),
    "the last working day": ("0 0 LW * *", "UTC", "2026-01-30T12:00", "2026-02-27T00:00", "2026-03-31T00:00"),
    "the third Friday": ("0 0 * * 5#3", "UTC", "2026-01-01T12:00", "2026-01-16T00:00", "2026-02-20T00:00"),
    "the last Friday": ("0 0 * * FRI#5", "UTC", "2026-01-01T12:00", "2026-01-30T00:00", "2026-05-29T00:00"),
    "5L": ("0 0 * * 5L", "UTC", "2026-01-01T12:00", "2026-01-30T00:00", "2026-02-27T00:00"),
    "a day or a weekday": ("0 0 13 * 5", "UTC", "2026-02-10T12:00", "2026-02-13T00:00", "2026-02-20T00:00"),
    "Sunday is 0 and 7": ("0 0 * * 7", "UTC", "2026-01-01T12:00", "2026-01-04T00:00"),
    "after, not at": ("0 0 * * *", "UTC", "2026-01-01T00:00", "2026-01-02T00:00"),
    "after a part of a second": ("0 0 * * *", "UTC", "2025-12-31T23:59:59.999999", "2026-01-01T00:00"),
}


def ticks(cron: str, zone: str, after: str, count: int, **rules):
    timetable = Timetable(every=Cron.parse(cron), zone=ZoneInfo(zone), **rules)
    return list(islice(timetable.ticks(datetime.fromisoformat(after).replace(tzinfo=UTC)), count))


@pytest.mark.parametrize("case", TRUTH)
def test_the_truth(case: str):
    cron, zone, after, *wanted = TRUTH[case]
    found = [tick.at for tick in ticks(cron, zone, after, len(wanted))]
    assert found == [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in wanted]


def test_what_a_clock_change_did_is_marked():
    assert [tick.mark for tick in ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T10:00", 2)] == [
        Mark.SHIFTED,
        None,
    ]
    both = ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T10:00", 3, twice=Twice.BOTH)
    assert [tick.mark for tick in both] == [Mark.FIRST_OF_TWO, Mark.SECOND_OF_TWO, None]
    skipping = ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T10:00", 1, skipped=Skipped.SKIP)
    assert [f"{tick.at:%d %H:%M}" for tick in skipping] == ["30 00:30"]


@pytest.mark.parametrize(
    "cron",
    [
        "9" * 5000 + " * * * *",
        "*/" + "9" * 5000 + " * * * *",
        *(
            "",
            "*",
            "* * * *",
            "* * * * * * *",
            "61 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
        ),
        *(
            "* * * * 8",
            "*/0 * * * *",
            "0 0 30 2 *",
            "0 0 31 4,6 *",
            "0 0 * * 5-1",
            "@reboot",
            "@never",
            "a b c d e",
        ),
        *(
            "0 0 * * 5#6",
            "0 0 * * 5#0",
            "-1 * * * *",
            "1.5 * * * *",
            "\u0661 * * * *",
            "0 0 * FOO *",
            "0,,1 * * * *",
        ),
    ],
)
def test_what_is_no_cron_expression_is_refused_and_named(cron: str):
    with pytest.raises(InvalidInput) as refused:
        Cron.parse(cron)
    assert refused.value.errors[0].pointer == "/cron"
    assert repr(cron[:100]) in str(refused.value)
