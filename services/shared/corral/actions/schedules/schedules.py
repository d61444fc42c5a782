"""What a person or a program does to schedules: make, change, pause, resume, delete, run now, backfill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from corral.actions.schedules.jobs import job_of
from corral.actions.submissions.submit import Submitter
from corral.catalog.schedules.definition import FIELDS, TIMING, ScheduleDefinition
from corral.errors import Conflict, FieldError, InvalidInput
from corral.job.job import Accepted, NewJob
from corral.schedule.decision import next_tick
from corral.schedule.timetable import Tick, Timetable
from corral.store import Store
from corral.store.schedules.rows import Schedule, ScheduleChange

MAX_NOTE = 500
MAX_BACKFILL = 10_000
"""Ticks of one backfill."""
BACKFILL_DAYS = 366
"""How far a backfill reaches back: less than what became of ticks is known for."""
MAX_COUNTED = 10_000
"""Ticks that are counted as missed where a change drops them."""
CHANGE_TRIES = 5


@dataclass(frozen=True, slots=True)
class BackfillAnswer:
    """The ticks of a range, those of them that have a job already, and those that get one."""

    ticks: int
    had: int
    submitted: Sequence[tuple[datetime, UUID | None]]
    """Without an id in a dry run."""


class ScheduleActions:
    """Actions on schedules. `actor` is who the audit names."""

    def __init__(self, store: Store, submitter: Submitter) -> None:
        self._store = store
        self._submitter = submitter

    async def create(self, name: str, fields: Mapping[str, Any], actor: str) -> Schedule:
        """Make a schedule; its first tick is the first one after now.

        Raises:
            InvalidInput: names every field that is wrong, of the payload, too.
            Conflict: there is one of that name.
        """
        kept = {field: value for field, value in fields.items() if value is not None}
        definition = ScheduleDefinition.parse(name, kept, new=kept)
        now = await self._store.schedules.now()
        due_at = await self.checked(definition, now)
        return await self._store.schedules.create(name, kept, due_at, actor)

    async def set(
        self, name: str, changes: Mapping[str, Any], actor: str, *, reset: Sequence[str] = ()
    ) -> Schedule:
        """Set fields in place of what was declared or made; None is no such field, `reset` takes back what was set.

        Raises:
            NotFound: there is no such schedule.
            InvalidInput: names every field that would be wrong; nothing was changed.
            Conflict: it changes all the time.
        """
        unknown = [
            FieldError(
                f"/reset/{at}", f"{field[:100]!r} is no field of a schedule; known: {', '.join(FIELDS)}"
            )
            for at, field in enumerate(reset)
            if field not in FIELDS
        ]
        if unknown:
            raise InvalidInput(*unknown)
        for _ in range(CHANGE_TRIES):
            before = await self._store.schedules.get(name)
            overrides = {**before.overrides, **changes}
            overrides = {field: value for field, value in overrides.items() if field not in reset}
            change = await self._change(before, overrides, changes)
            if (changed := await self._store.schedules.change(name, change, actor)) is not None:
                return changed
        raise Conflict(f"schedule {name} is being changed by others; try again")

    async def _change(
        self, before: Schedule, overrides: Mapping[str, Any], new: Mapping[str, Any]
    ) -> ScheduleChange:
        together = {**before.declared, **overrides}
        fields = {field: value for field, value in together.items() if value is not None}
        definition = ScheduleDefinition.parse(before.name, fields, new=new)
        retimed, missed = retiming(before, fields)
        due_at = await self.checked(definition, before.now if retimed else before.last_tick)
        return ScheduleChange(
            revision=before.revision, overrides=overrides, due_at=due_at, retimed=retimed, missed=missed
        )

    async def pause(self, name: str, note: str | None, actor: str) -> Schedule:
        """Pause a schedule: no tick has a job until it is resumed. Raises NotFound."""
        if note is not None and (len(note) > MAX_NOTE or not note.isprintable()):
            raise InvalidInput(
                FieldError("/note", f"is not up to {MAX_NOTE} printable characters on one line")
            )
        return await self._store.schedules.pause(name, note or None, actor)

    async def resume(self, name: str, actor: str) -> Schedule:
        """Resume a schedule: the next tick is the first one after now; those in between are not made up for."""
        before = await self._store.schedules.get(name)
        definition = ScheduleDefinition.parse(name, before.fields)
        return await self._store.schedules.resume(name, next_tick(definition.timetable, before.now), actor)

    async def delete(self, name: str, actor: str) -> None:
        """Delete a schedule; jobs that it submitted stay. Raises NotFound."""
        await self._store.schedules.delete(name, actor)

    async def run_now(self, name: str, actor: str) -> Accepted:
        """Submit its job once, beside its ticks, also while it is paused.

        Raises:
            NotFound: there is no such schedule.
            InvalidInput: its job is refused.
            Conflict: it was run at this very moment.
        """
        schedule = await self._store.schedules.get(name)
        definition = ScheduleDefinition.parse(name, schedule.fields)
        job = await job_of(self._submitter.prepare, definition, schedule.now)
        accepted = await self._store.ticks.run_now(name, job, schedule.now, actor)
        if not accepted:
            raise Conflict(f"schedule {name} has a job of this very moment already")
        self._submitter.told([job], accepted)
        return accepted[0]

    async def backfill(
        self, name: str, start: datetime, end: datetime, actor: str, *, dry_run: bool
    ) -> BackfillAnswer:
        """Submit a job for each tick from `start` to `end`, both included, that has none.

        Raises:
            NotFound: there is no such schedule.
            InvalidInput: the range is not allowed, or a job is refused; nothing was stored.
        """
        schedule = await self._store.schedules.get(name)
        definition = ScheduleDefinition.parse(name, schedule.fields)
        _check_range(start, end, schedule.now)
        ticks = _ticks_in(definition.timetable, start, end)
        known = await self._store.ticks.known(name, start, end)
        wanted = [tick.at for tick in ticks if tick.at not in known]
        jobs: dict[datetime, NewJob] = {
            tick: await job_of(self._submitter.prepare, definition, tick) for tick in wanted
        }
        if dry_run or not jobs:
            return BackfillAnswer(len(ticks), len(ticks) - len(wanted), [(tick, None) for tick in wanted])
        accepted = await self._store.ticks.backfill(name, jobs, actor)
        stored = {one.id for one in accepted}
        self._submitter.told([job for job in jobs.values() if job.id in stored], accepted)
        made = [(tick, job.id) for tick, job in jobs.items() if job.id in stored]
        return BackfillAnswer(len(ticks), len(ticks) - len(made), made)

    async def checked(self, definition: ScheduleDefinition, after: datetime) -> datetime | None:
        """The first tick after that moment, with the check that its job would be accepted.

        Raises:
            InvalidInput: it would not: the type, a field of its payload or an option is refused.
        """
        first = next_tick(definition.timetable, after)
        await job_of(self._submitter.prepare, definition, first or after)
        return first


def retiming(before: Schedule, fields: Mapping[str, Any]) -> tuple[bool, int]:
    """Whether these fields mean other times than before, and how many ticks that have come are dropped by it."""
    if all(before.fields.get(field) == fields.get(field) for field in TIMING):
        return False, 0
    try:
        old = ScheduleDefinition.parse(before.name, before.fields).timetable
    except InvalidInput:  # somebody wrote it by hand: it had no ticks
        return True, 0
    if before.paused_at is not None or before.now <= before.last_tick:
        return True, 0
    return True, sum(1 for _ in islice(old.ticks(before.last_tick, before.now), MAX_COUNTED))


def _check_range(start: datetime, end: datetime, now: datetime) -> None:
    wrong = []
    if end < start:
        wrong.append(FieldError("/end", f"{end.isoformat()} is before the start"))
    if end > now:
        wrong.append(
            FieldError("/end", f"{end.isoformat()} lies in the future; those ticks come by themselves")
        )
    if now - start > timedelta(days=BACKFILL_DAYS):
        wrong.append(FieldError("/start", f"{start.isoformat()} is more than {BACKFILL_DAYS} days ago"))
    if wrong:
        raise InvalidInput(*wrong)


def _ticks_in(timetable: Timetable, start: datetime, end: datetime) -> list[Tick]:
    ticks = list(islice(timetable.ticks(start - timedelta(microseconds=1), end), MAX_BACKFILL + 1))
    if len(ticks) > MAX_BACKFILL:
        raise InvalidInput(
            FieldError("/start", f"the range has more than {MAX_BACKFILL:,} ticks; take a shorter one")
        )
    return ticks
