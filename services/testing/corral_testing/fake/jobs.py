"""The fake's `jobs`: insert, read, list, cancel, retry, run now."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from corral.errors import FieldError, InvalidInput
from corral.ids import new_id
from corral.job.job import Accepted, Job, ListedJob, NewJob
from corral.job.moment import in_utc
from corral.job.state import WAITING, Event, State, Writer
from corral.json_codec import lenient
from corral.store import AuditEntry, Commanded, CommandEffect, JobFilter, Page
from corral.store.jobs.queries import AttemptRecord
from corral.store.postgres.json_text import HOLDS_NUL, checked
from corral_testing.fake.admission import FakeAdmission
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.memory import HeldKey, Memory, release

LONGEST = 1e11
"""Seconds: what is still within the calendar from now on; Postgres itself knows more, and is never asked for it."""


class FakeJobs:
    """See corral.store.jobs.jobs."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._admission = FakeAdmission(memory)

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """All or none; in the order given."""
        for job in jobs:
            refuse_unstorable(job)
        admission = self._admission.admit(jobs)
        for job in jobs:
            self._insert(job)
        displaced = self._admission.make_room(admission)
        accepted = await self.existing([job.id for job in jobs])
        return [*accepted[:-1], replace(accepted[-1], displaced=displaced)] if displaced else accepted

    async def existing(self, ids: Sequence[UUID]) -> list[Accepted]:
        """Those that are stored."""
        return [self._accepted(row) for row in self._memory.rows(ids)]

    async def get(self, id: UUID) -> Job | None:
        """The job of that id."""
        row = self._memory.jobs.get(id)
        return row.job() if row else None

    async def many(self, ids: Sequence[UUID]) -> list[Job]:
        """Those that are stored."""
        return [row.job() for row in self._memory.rows(ids)]

    async def attempts(self, id: UUID) -> list[AttemptRecord]:
        """What is remembered of the job's attempts, oldest first."""
        kept = [attempt for attempt in self._memory.attempts.values() if attempt.job == id]
        return sorted(kept, key=lambda attempt: attempt.attempt)

    async def page(
        self, wanted: JobFilter | None = None, *, cursor: UUID | None = None, limit: int = 50
    ) -> Page[ListedJob]:
        """Newest first."""
        wanted = wanted or JobFilter()
        rows = [
            row
            for row in sorted(self._memory.jobs.values(), key=lambda row: row.id, reverse=True)
            if (cursor is None or row.id < cursor) and _fits(row, wanted)
        ]
        return Page([row.listed() for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None)

    async def cancel(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Waiting jobs end; running ones are asked to."""
        answers = [self._command("cancel", id, actor, self._cancel) for id in ids]
        rows = self._memory.rows(one.id for one in answers if one.effect is CommandEffect.DONE)
        if promoted := release(self._memory, rows):
            first = next(at for at, one in enumerate(answers) if one.effect is CommandEffect.DONE)
            answers[first] = replace(answers[first], promoted=tuple(await self.existing(promoted)))
        return answers

    async def retry(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """A new life for what has ended."""
        held = self._retake(ids)
        return [
            replace(
                self._command(
                    "retry", id, actor, (lambda _: CommandEffect.REFUSED) if id in held else self._retry
                ),
                holder=held.get(id),
            )
            for id in ids
        ]

    async def run_now(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Scheduled jobs are queued."""
        return [self._command("run-now", id, actor, self._run_now) for id in ids]

    def _retake(self, ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """Take the keys of ended jobs again; those that can't have theirs, with who holds it."""
        memory = self._memory
        keyed = [row for row in memory.rows(ids) if row.state.terminal and row.new.unique is not None]
        holders: dict[str, UUID] = {}
        for row in sorted(keyed, key=lambda row: row.id):
            assert row.new.unique is not None
            name = row.new.unique.name
            key = memory.keys.get(name)
            kept = key is not None and (key.holder in ids or not memory.jobs[key.holder].state.terminal)
            holders[name] = key.holder if key is not None and kept else row.id
        for name, holder in holders.items():
            key = memory.keys.setdefault(name, HeldKey(holder, None, memory.clock.now(), None))
            key.holder = holder
        return {
            row.id: holders[row.new.unique.name]
            for row in keyed
            if row.new.unique is not None and holders[row.new.unique.name] != row.id
        }

    def _insert(self, job: NewJob) -> None:
        memory, now = self._memory, self._memory.clock.now()
        memory.name_queue(job.queue)
        due = in_utc(job.run_at) if job.run_at else now + timedelta(seconds=job.delay)
        later = due > now
        memory.jobs[job.id] = JobRow(
            new=job,
            state=State.SCHEDULED if later else State.QUEUED,
            created_at=now,
            updated_at=now,
            run_at=due if later else None,
            queued_at=None if later else now,
            expires_at=None if job.expires_in is None else now + timedelta(seconds=job.expires_in),
        )

    def _accepted(self, row: JobRow) -> Accepted:
        left = (row.run_at - self._memory.clock.now()).total_seconds() if row.run_at else 0.0
        return Accepted(
            id=row.id,
            queue=row.new.queue,
            priority=row.new.priority,
            state=row.state,
            run_at=row.run_at,
            created_at=row.created_at,
            due_in=max(0.0, left),
            limit_group=row.limit_group,
        )

    def _command(
        self, action: str, id: UUID, actor: str, change: Callable[[JobRow], CommandEffect]
    ) -> Commanded:
        row = self._memory.jobs.get(id)
        if row is None:
            return Commanded(id, CommandEffect.MISSING)
        effect = change(row)
        if effect is not CommandEffect.REFUSED:
            now = self._memory.clock.now()
            self._memory.audit.append(AuditEntry(new_id(), now, actor, action, "job", str(id), {}))
        return Commanded(id, effect, row.state, row.lane, row.worker, row.attempt, row.limit_group)

    def _cancel(self, row: JobRow) -> CommandEffect:
        now = self._memory.clock.now()
        if row.state in WAITING:
            self._memory.move(row, Event.CANCELLED, Writer.ACTION, State.CANCELLED)
            row.cancel_requested_at = now
            return CommandEffect.DONE
        if row.state is State.RUNNING:
            row.cancel_requested_at = row.cancel_requested_at or now
            return CommandEffect.REQUESTED
        return CommandEffect.REFUSED

    def _retry(self, row: JobRow) -> CommandEffect:
        if not row.state.terminal:
            return CommandEffect.REFUSED
        if row.state is State.COMPLETED:
            self._memory.keep(row, "completed", error=None, reason=None)
            row.checkpoint = None
        self._memory.move(row, Event.RETRIED, Writer.ACTION, State.QUEUED)
        row.errors = row.stalls = row.snoozes = row.progress = 0
        row.life += 1
        row.result = row.error = row.progress_message = None
        row.expires_at = row.started_at = row.cancel_requested_at = None
        return CommandEffect.DONE

    def _run_now(self, row: JobRow) -> CommandEffect:
        if row.state is not State.SCHEDULED:
            return CommandEffect.REFUSED
        self._memory.move(row, Event.RUN_NOW, Writer.ACTION, State.QUEUED)
        return CommandEffect.DONE


def refuse_unstorable(job: NewJob) -> None:
    """What Postgres would not hold, and what nobody could read back."""
    checked(job.payload, "/payload")
    if job.run_at is not None:
        try:
            in_utc(job.run_at)
        except ValueError as error:
            raise InvalidInput(FieldError("/run_at", str(error))) from error
    try:
        lenient(job.payload)
    except ValueError as error:
        raise InvalidInput(FieldError("/payload", f"this is not JSON: {error}")) from error
    for name in ("delay", "expires_in", "timeout"):
        seconds = getattr(job, name)
        if seconds is not None and not 0 <= seconds <= LONGEST:
            raise InvalidInput(FieldError(f"/{name}", f"{seconds} seconds can't be stored"))
    for text in (job.type, job.queue, *job.tags):
        if "\0" in text:
            raise InvalidInput(FieldError("", HOLDS_NUL))


def _fits(row: JobRow, wanted: JobFilter) -> bool:
    new, error = row.new, row.error or {}
    text = f"{error.get('type', '')} {error.get('message', '')}".lower()
    return all(
        (
            not wanted.states or row.state in wanted.states,
            wanted.type is None or new.type == wanted.type,
            wanted.queue is None or new.queue == wanted.queue,
            wanted.tag is None or wanted.tag in new.tags,
            wanted.created_after is None or row.created_at >= wanted.created_after,
            wanted.created_before is None or row.created_at < wanted.created_before,
            all((new.search or {}).get(name) == value for name, value in wanted.search.items()),
            not wanted.error_text or wanted.error_text.lower() in text,
        )
    )
