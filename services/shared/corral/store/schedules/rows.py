"""A schedule as a row: what is read, what code declares, what a change stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from corral.store.jobs.shaping import moment

COLUMNS = """name, source, version, declared, overrides, revision, paused_at, paused_by, pause_note, last_tick, due_at,
    last_job, waiting, submitted, missed, missed_at, skipped, refused, problem, created_by, created_at, updated_at, now()"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as stored. Times are UTC."""

    name: str
    source: Literal["code", "api"]
    version: str | None
    declared: Mapping[str, Any]
    overrides: Mapping[str, Any]
    """Fields that an operator set in place of those; null in it is none."""
    revision: int
    paused_at: datetime | None
    paused_by: str | None
    pause_note: str | None
    last_tick: datetime
    """All ticks up to here are decided."""
    due_at: datetime | None
    last_job: UUID | None
    waiting: int
    submitted: int
    missed: int
    missed_at: datetime | None
    skipped: int
    refused: int
    problem: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    now: datetime
    """The database's clock when it was read."""

    @property
    def fields(self) -> dict[str, Any]:
        """What is in force: what was declared, and over it what an operator set."""
        together = {**self.declared, **self.overrides}
        return {field: value for field, value in together.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRecord:
    """A schedule as code declares it."""

    name: str
    fields: Mapping[str, Any]
    version: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """What becomes of a row when its fields change."""

    revision: int
    """That of the row that the change was made from."""
    overrides: Mapping[str, Any]
    due_at: datetime | None
    retimed: bool
    """Whether its times changed: ticks count from now on, and those before are missed."""
    missed: int = 0


def schedule_from(row: Sequence[Any]) -> Schedule:
    """A row of COLUMNS."""
    values = dict(zip(Schedule.__dataclass_fields__, row, strict=True))
    for field, value in values.items():
        if isinstance(value, datetime):
            values[field] = moment(value)
    return Schedule(**values)
