"""What was stored when more was taken goes on to mean what it did."""

from datetime import date
from typing import Any

import pytest

from corral.catalog.schedules.definition import ScheduleDefinition
from corral.errors import InvalidInput
from corral.schedule.timetable import Dates

DAILY: dict[str, Any] = {"type": "demo.echo", "cron": "@daily"}
CHRISTMAS = Dates(date(2026, 12, 24), date(2026, 12, 24))


@pytest.mark.parametrize("written", ["20261224", "2026-12-24/", "2026-W52-4"])
def test_a_day_in_another_form_is_read_and_not_taken(written: str):
    fields = DAILY | {"excluded": [written]}
    stored = ScheduleDefinition.parse("a", fields, new={"interval"})
    assert [*stored.timetable.excluded] == [CHRISTMAS]
    with pytest.raises(InvalidInput, match=r"/excluded/0: .* is no day"):
        ScheduleDefinition.parse("a", fields, new={"excluded"})


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("*/61 * * * * *", "/61 is more than the 60 seconds"),
        ("0 */61 * * * *", "/61 is more than the 60 minutes"),
        ("1-5,*/61 * * * *", "/61 is more than the 60 minutes"),
        ("0 1-9/25 * * *", "/25 is more than the 24 hours"),
        ("0 0 */32 * *", "/32 is more than the 31 days"),
        ("0 0 1 */13 *", "/13 is more than the 12 months"),
        ("0 0 * * */8", "/8 is more than the 7 days of a week"),
    ],
)
def test_a_step_that_leads_nowhere_is_read_and_not_taken(cron: str, said: str):
    ScheduleDefinition.parse("a", DAILY | {"cron": cron})
    with pytest.raises(InvalidInput, match=said):
        ScheduleDefinition.parse("a", DAILY | {"cron": cron}, new={"cron"})


def test_any_step_that_has_a_second_value_is_taken():
    for cron in ("*/30 */59 */23 */30 */11 */6", "*/60 * * * *", "*/10 * * * * *", "5-50/5 * * * *"):
        ScheduleDefinition.parse("a", DAILY | {"cron": cron}, new={"cron"})
