"""Registering the schedules that code declares: an older version replaces nothing, and no operator's change is undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corral.actions.schedules.jobs import Prepare, job_of
from corral.actions.schedules.schedules import retiming
from corral.actions.submissions.job_request import NewSubmission, resolve
from corral.actions.submissions.submit import MAX_PAYLOAD_BYTES
from corral.actions.submissions.type_cache import TypeCache
from corral.catalog.schedules.declaration import DeclaredSchedule
from corral.catalog.schedules.definition import ScheduleDefinition
from corral.errors import FieldError, InvalidInput
from corral.ids import new_id
from corral.job.job import NewJob
from corral.schedule.decision import next_tick
from corral.store import Store
from corral.store.schedules.rows import Schedule, ScheduleRecord

TRIES = 5


@dataclass(slots=True)
class RegisteredSchedules:
    """What a registration of schedules did."""

    written: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Those that can't be stored, and why; they keep no other from being registered."""
    left: dict[str, str] = field(default_factory=dict)
    """Those that stay as operators left them, and why."""


async def register_schedules(
    store: Store,
    declared: Sequence[DeclaredSchedule],
    installation: Mapping[str, Any] | None = None,
    *,
    max_payload: int = MAX_PAYLOAD_BYTES,
) -> RegisteredSchedules:
    """Store schedules that are new, or newer than what is stored. Their job types are registered before.

    Raises:
        Unavailable: Postgres is away; some may be stored.
    """
    types = TypeCache(store, installation)

    async def prepare(submission: NewSubmission) -> NewJob:
        known, knowledge = await types.get(submission.type)
        return resolve(submission, known, knowledge, new_id(), max_payload=max_payload)

    done = RegisteredSchedules()
    for one in declared:
        try:
            await _register(store, one, prepare, done)
        except InvalidInput as error:
            done.refused[one.name] = str(error)
    return done


async def _register(store: Store, one: DeclaredSchedule, prepare: Prepare, done: RegisteredSchedules) -> None:
    """Store one schedule, unless what is stored is the same, newer, or was deleted."""
    for _ in range(TRIES):
        before, deleted_by = await store.schedules.declared(one.name)
        if deleted_by is not None:
            done.left[one.name] = f"was deleted by {deleted_by}; `corral schedules create` makes it anew"
            return
        if before is not None and before.source != "code":
            raise InvalidInput(_taken(before))
        now = before.now if before else await store.schedules.now()
        fields = _in_force(one, before)
        definition = ScheduleDefinition.parse(one.name, fields)
        retimed, missed = retiming(before, fields) if before else (False, 0)
        due_at = next_tick(definition.timetable, now if before is None or retimed else before.last_tick)
        await job_of(prepare, definition, due_at or now)
        record = ScheduleRecord(name=one.name, fields=one.fields, version=one.version, due_at=due_at)
        if await store.schedules.declare(record, before, retimed=retimed, missed=missed):
            done.written.append(one.name)
            return
        after, _deleted = await store.schedules.declared(one.name)
        if before is not None and after is not None and after.revision == before.revision:
            return


def _in_force(new: DeclaredSchedule, before: Schedule | None) -> dict[str, Any]:
    """What will count: the new declaration, and over it what operators set."""
    together = {**new.fields, **(before.overrides if before else {})}
    return {name: value for name, value in together.items() if value is not None}


def _taken(before: Schedule) -> FieldError:
    return FieldError(
        "/name", f"{before.created_by} made a schedule of this name; delete it, or choose another name"
    )
