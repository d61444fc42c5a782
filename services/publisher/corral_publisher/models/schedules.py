"""Models of requests and responses about schedules."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from corral.actions.why.cause import Cause
from corral.bounded import Bounded
from corral.catalog.schedules.definition import CATCH_UP, INTERVAL, JITTER, MAX_EXCLUDED, PAUSE_AFTER
from corral.job.priority import Priority
from corral.schedule.clock_change import Mark, Skipped, Twice
from corral.schedule.decision import Overlap, TickVerdict
from corral_publisher.models.requests import ExpiresIn, Retries, Timeout, moment_in

At = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(moment_in)]


class ScheduleFields(BaseModel):
    """What a schedule is. Fields that are left out, or null, have their default."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Annotated[str | None, Field(description="The job type that a tick submits.")] = None
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None
    tick_field: Annotated[
        str | None, Field(description="The field of the payload that gets the tick's time, in UTC.")
    ] = None
    queue: Annotated[str | None, Field(description="The queue; one that the job type allows.")] = None
    priority: Annotated[Priority | None, Field(strict=False)] = None
    retries: Retries | None = None
    timeout: Timeout | None = None
    expires_in: ExpiresIn | None = None
    tags: list[str] | None = None
    cron: Annotated[
        str | None, Field(description="Five fields, six with seconds first, or @daily and the like.")
    ] = None
    interval: Annotated[
        Annotated[float, Bounded(INTERVAL)] | None,
        Field(description="Seconds between two ticks; or give cron."),
    ] = None
    zone: Annotated[str | None, Field(description="The time zone of the wall clock. Default: UTC.")] = None
    twice: Annotated[
        Twice | None,
        Field(
            strict=False,
            description="What to do at a time that the clock shows twice. Default: first, and both where the hour is *.",
        ),
    ] = None
    skipped: Annotated[
        Skipped | None,
        Field(strict=False, description="What to do at a time that the clock leaves out. Default: shift."),
    ] = None
    start: Annotated[str | None, Field(description="No tick before this time (RFC 3339).")] = None
    end: Annotated[str | None, Field(description="No tick after this time.")] = None
    excluded: Annotated[
        list[str] | None,
        Field(
            max_length=MAX_EXCLUDED, description="Days without ticks: 2026-12-24 or 2026-12-24/2027-01-01."
        ),
    ] = None
    jitter: Annotated[
        Annotated[float, Bounded(JITTER)] | None,
        Field(description="Seconds within which jobs are spread after their tick."),
    ] = None
    overlap: Annotated[
        Overlap | None,
        Field(
            strict=False,
            description="What to do at a tick while the job of the last one has not ended. Default: skip.",
        ),
    ] = None
    catch_up: Annotated[
        Annotated[float, Bounded(CATCH_UP)] | None,
        Field(description="Seconds for which missed ticks are made up for; null: the last one."),
    ] = None
    pause_after: Annotated[
        Annotated[int, Bounded(PAUSE_AFTER)] | None,
        Field(description="After so many failed jobs in a row it is paused."),
    ] = None
    description: str | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were sent, as JSON."""
        sent = self.model_dump(mode="python", exclude_unset=True)
        own = {"name", "reset"}
        return {name: value for name, value in sent.items() if name not in own}


class NewSchedule(ScheduleFields):
    """A schedule to be made."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "sales-report",
                    "type": "report.generate",
                    "payload": {"title": "Sales", "csv": "region,sum\nNorth,12.5\n"},
                    "cron": "30 2 * * *",
                    "zone": "Europe/Berlin",
                }
            ]
        },
    )

    name: Annotated[str, Field(description="Lower-case letters, digits, dots and dashes.")]


class SchedulePatch(ScheduleFields):
    """A change to a schedule: fields that are left out stay as they are, null is no such field."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"cron": "0 4 * * *", "reset": ["jitter"]}]},
    )

    reset: Annotated[
        list[str],
        Field(max_length=50, description="Fields that go back to what was declared, or made first."),
    ] = []


class SchedulePause(BaseModel):
    """Why a schedule is paused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    note: Annotated[str | None, Field(description="Shown wherever the schedule is.")] = None


class Backfill(BaseModel):
    """A range of ticks that are to have jobs."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"start": "2026-10-01T00:00:00Z", "end": "2026-10-31T23:59:59Z", "dry_run": True}]
        },
    )

    start: Annotated[At, Field(description="The first tick is at or after it; at most 366 days ago.")]
    end: Annotated[At, Field(description="The last tick is at or before it; not in the future.")]
    dry_run: Annotated[bool, Field(description="Only say which ticks would have jobs.")] = False


class ScheduleSummary(BaseModel):
    """A schedule in a list: without its payload. `problems` say in words what is wrong with it."""

    name: str
    source: Literal["code", "api"]
    version: str | None
    definition: dict[str, Any]
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    pause_note: str | None
    last_tick: datetime
    next_tick: datetime | None
    last_job: UUID | None
    waiting: int
    submitted: int
    missed: int
    missed_at: datetime | None
    skipped: int
    refused: int
    problems: list[str]
    created_by: str
    created_at: datetime
    updated_at: datetime


class ScheduleView(ScheduleSummary):
    """A schedule. `definition` is in force: `declared`, and over it the `overrides` of operators."""

    declared: dict[str, Any]
    overrides: dict[str, Any]


class SchedulePage(BaseModel):
    """Schedules by name. `next` is the cursor of the following page; null at the end."""

    items: list[ScheduleSummary]
    next: str | None = None


class TickTime(BaseModel):
    """A time at which a schedule has a tick, in UTC, on its own wall clock, and what a clock change did to it."""

    at: datetime
    local: str
    run_at: datetime
    clock_change: Mark | None


class TickTimes(BaseModel):
    """The next times of a schedule; fewer than asked for where it ends."""

    zone: str
    items: list[TickTime]


class TickView(BaseModel):
    """What became of one tick."""

    tick: datetime
    verdict: TickVerdict
    origin: Literal["timetable", "backfill", "run-now"]
    reason: str | None
    job: UUID | None
    decided_at: datetime


class TickPage(BaseModel):
    """Ticks that were decided, newest first."""

    items: list[TickView]
    next: datetime | None = None


class ScheduleWhy(BaseModel):
    """Why a schedule submits nothing now, and why its last ticks had no job."""

    name: str
    causes: list[Cause]


class BackfilledTick(BaseModel):
    """A tick of a backfill, and its job; null in a dry run."""

    tick: datetime
    job: UUID | None


class BackfillDone(BaseModel):
    """What a backfill did, or would do: ticks in the range, those that had jobs or wait, and those that get one."""

    ticks: int
    had: int
    dry_run: bool
    submitted: list[BackfilledTick]
