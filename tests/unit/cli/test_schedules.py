import json

import pytest

BERLIN = ("--zone", "Europe/Berlin", "--after", "2026-10-24T10:00Z")


def test_the_next_ten_times_are_printed_with_what_a_clock_change_does(corral):
    code, said, _ = corral("schedules", "preview", "30 2 * * *", *BERLIN)
    first, *rest = [line for line in said.splitlines() if line.startswith(("2026-", " 2026-"))]
    assert (code, len(rest)) == (0, 9)
    assert "2026-10-25 00:30:00" in first
    assert "Sun 2026-10-25 02:30:00 +0200" in first
    assert "first of two" in first


def test_programs_read_json_and_may_ask_for_both(corral):
    _, said, _ = corral(
        "schedules", "preview", "30 2 * * *", *BERLIN, "--twice", "both", "--count", "2", "--json"
    )
    assert json.loads(said) == [
        {"at": "2026-10-25T00:30:00+00:00", "clock_change": "first of two"},
        {"at": "2026-10-25T01:30:00+00:00", "clock_change": "second of two"},
    ]


def test_days_are_left_out(corral):
    left_out = ("--without", "2026-10-25", "--without", "2026-10-27/2026-10-28", "--count", "2", "--json")
    _, said, _ = corral("schedules", "preview", "@daily", "--after", "2026-10-24T10:00Z", *left_out)
    assert [tick["at"][:10] for tick in json.loads(said)] == ["2026-10-26", "2026-10-29"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("61 * * * *",), "/cron: '61 * * * *' is no cron expression (Bad minute)"),
        (("@daily", "--zone", "Berlin"), "/zone: 'Berlin' is no time zone"),
        (("@daily", "--zone", "Europe"), "/zone: 'Europe' is no time zone"),
        (("@daily", "--zone", "../../etc/passwd"), "/zone: '../../etc/passwd' is no time zone"),
        (("@daily", "--after", "tomorrow"), "/after: 'tomorrow' is no time"),
        (("@daily", "--without", "Christmas"), "/without: 'Christmas' is no day"),
        (("@daily", "--without", "20261224"), "/without: '20261224' is no day"),
        (("*/61 * * * *",), "(its step /61 is more than the 60 minutes there are)"),
        (("@daily", "--without", "2026-12-25/2026-12-24"), "/excluded/0: 2026-12-24 is before 2026-12-25"),
    ],
)
def test_what_is_wrong_is_named(corral, arguments: tuple[str, ...], told: str):
    code, _, errors = corral("schedules", "preview", *arguments)
    assert code == 2
    assert told in errors
