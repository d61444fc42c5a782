"""Why a schedule does not run, or did not: every reason in words, with what helps."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from corral.actions.why.cause import Cause
from corral.catalog.schedules.definition import ScheduleDefinition, written
from corral.errors import InvalidInput
from corral.schedule.decision import ON_TIME, is_ahead
from corral.schedule.timetable import Tick
from corral.store import Store
from corral.store.schedules.rows import Schedule
from corral.store.schedules.ticks import StoredTick

RECENT = 5
"""Ticks that are explained."""


@dataclass(frozen=True, slots=True)
class ScheduleTimes:
    """The next times of a schedule, as many as were asked for or as there are."""

    ticks: list[Tick]
    zone: str


def next_times(schedule: Schedule, count: int, after: datetime | None = None) -> ScheduleTimes:
    """The ticks after now, or after another time.

    Raises:
        InvalidInput: what is stored is no schedule.
    """
    definition = ScheduleDefinition.parse(schedule.name, schedule.fields)
    begin = after or max(schedule.now, schedule.last_tick)
    return ScheduleTimes(
        list(islice(definition.timetable.ticks(begin), count)), str(definition.timetable.zone)
    )


def problems_of(schedule: Schedule) -> list[str]:
    """What is wrong with it now, in words; empty where nothing is."""
    found = []
    if is_ahead(schedule.last_tick, schedule.now):
        found.append(
            f"its last tick, {written(schedule.last_tick)}, lies in the future: the database's clock was ahead then, "
            "or is behind now; no tick comes until then, unless it is resumed"
        )
    if schedule.problem is not None:
        found.append(schedule.problem)
    return found


async def why(store: Store, schedule: Schedule) -> list[Cause]:
    """The causes that keep the schedule from submitting, and what became of its last ticks without a job."""
    path = f"/api/v1/schedules/{schedule.name}"
    resume = {
        "command": f"corral schedules resume {schedule.name}",
        "method": "POST",
        "path": f"{path}/resume",
    }
    causes = []
    if schedule.paused_at is not None:
        note = f": {schedule.pause_note}" if schedule.pause_note else ""
        words = f"It has been paused since {written(schedule.paused_at)} by {schedule.paused_by}{note}."
        causes.append(Cause("paused", words, "resume it", **resume))
    if is_ahead(schedule.last_tick, schedule.now):
        words = f"{problems_of(schedule)[0][:1].upper()}{problems_of(schedule)[0][1:]}."
        causes.append(Cause("ahead", words, "resume it, once the clock is right", **resume))
    if schedule.problem is not None:
        causes.append(Cause("refused", _sentence(schedule.problem), "correct the schedule or its job type"))
    causes += _about_times(schedule)
    for tick in await store.ticks.page(schedule.name, schedule.now, RECENT):
        if tick.job is None:
            causes.append(Cause(tick.verdict, _told(tick), _helps(tick)))
    return causes


def _about_times(schedule: Schedule) -> list[Cause]:
    if schedule.paused_at is not None:
        return []
    try:
        definition = ScheduleDefinition.parse(schedule.name, schedule.fields)
    except InvalidInput as error:
        return [Cause("unreadable", f"What is stored is no schedule: {error}.", "correct its fields")]
    if schedule.due_at is None:
        end = definition.timetable.end
        words = f"It ended at {written(end)}." if end else "It has no more times."
        return [Cause("ended", words, "give it another end")]
    if schedule.due_at > schedule.now:
        return [Cause("not-yet", f"Its next tick is {written(schedule.due_at)}.")]
    if schedule.now - schedule.due_at > ON_TIME:
        words = f"Its tick of {written(schedule.due_at)} has come, and nobody looked at it."
        return [Cause("no-leader", words, "see that the maintenance runs: one process leads")]
    return []


def _told(tick: StoredTick) -> str:
    return f"{written(tick.tick)} was {tick.verdict}: {tick.reason or 'without a reason'}.".replace(
        "was waiting", "waits"
    )


def _helps(tick: StoredTick) -> str | None:
    match tick.verdict:
        case "skipped":
            return "choose another overlap, or run it less often"
        case "missed" | "refused":
            return "backfill it"
        case _:
            return None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
