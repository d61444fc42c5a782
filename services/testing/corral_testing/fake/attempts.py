"""The fake's `attempts`: what is written about jobs that run, to their end."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from corral.job.job import Accepted
from corral.job.limits import MAX_SNOOZES
from corral.job.outcome import (
    Cancelled,
    Erred,
    Exhausted,
    Finished,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.state import Event, State, Writer
from corral.store import Progress, Recorded, StoredFollowUp, Verdict
from corral.store.attempts.endings import EXPIRES, SNOOZED, error_json, kind_of
from corral.store.postgres.json_text import checked, decode
from corral_testing.fake.follow_ups import FOLLOWS_ON
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.jobs import FakeJobs, refuse_unstorable
from corral_testing.fake.memory import Memory, ParkedKey, release


class FakeAttempts:
    """See corral.store.attempts.attempts; artifacts and logs are not kept."""

    def __init__(self, memory: Memory, jobs: FakeJobs) -> None:
        self._memory, self._jobs = memory, jobs

    async def finish(
        self,
        worker: UUID,
        finished: Sequence[Finished],
        *,
        artifacts: Mapping[UUID, Sequence[UUID]] | None = None,  # noqa: ARG002  not kept
        webhooks: bool = False,
        share: float = 1.0,  # noqa: ARG002  times are not counted
    ) -> list[Recorded]:
        """Write how attempts ended, under the fence."""
        for item in finished:
            if isinstance(item.outcome, Succeeded) and item.outcome.result is not None:
                checked(item.outcome.result, "/result")
            for one in item.follow_ups:
                refuse_unstorable(one.job)
        self._memory.tells = webhooks
        try:
            answers = [await self._finish(worker, item) for item in finished]
        finally:
            self._memory.tells = True
        unique = self._memory.rows(item.id for item in finished if item.unique)
        promoted = release(self._memory, [row for row in unique if row.state.terminal])
        if promoted:
            answers[0] = answers[0]._replace(promoted=tuple(await self._jobs.existing(promoted)))
        return answers

    async def time_out(self, worker: UUID, finished: Sequence[Finished]) -> set[UUID]:
        """Keep the errors of attempts that are past their timeout and still run."""
        struck = set()
        for item in finished:
            row, outcome = self._memory.jobs.get(item.id), item.outcome
            assert isinstance(outcome, Erred | Exhausted)
            if row is not None and row.runs_under(worker, item.attempt):
                row.error = decode(error_json(outcome.error))
                row.timed_out_attempt = item.attempt
                row.timed_out_retry_in = outcome.retry_in if isinstance(outcome, Erred) else None
                struck.add(item.id)
        return struck

    async def progress(self, items: Sequence[Progress]) -> set[UUID]:
        """Write how far attempts have come."""
        written = set()
        for item in {item.id: item for item in items}.values():
            row = self._memory.jobs.get(item.id)
            if row and row.state is State.RUNNING and row.attempt == item.attempt:
                row.progress = min(100, max(0, item.percent))
                row.progress_message = item.message or row.progress_message
                written.add(item.id)
        return written

    async def checkpoint(self, id: UUID, attempt: int, value: str) -> bool:
        """Keep JSON text for later attempts."""
        row = self._memory.jobs.get(id)
        if row is None or row.state is not State.RUNNING or row.attempt != attempt:
            return False
        row.checkpoint = checked(value, "/checkpoint")
        return True

    async def _finish(self, worker: UUID, item: Finished) -> Recorded:
        row = self._memory.jobs.get(item.id)
        if row is not None and row.runs_under(worker, item.attempt):
            self._end(row, item)
            recorded = self._recorded(item, row, Verdict.RECORDED)
            return recorded._replace(follow_ups=await self._store_follow_ups(row, item))
        if row is None or not self._already(row, item):
            return self._recorded(item, row, Verdict.FENCED)
        earlier = await self._jobs.existing([one.job.id for one in item.follow_ups])
        return self._recorded(item, row, Verdict.ALREADY)._replace(follow_ups=tuple(earlier))

    async def _store_follow_ups(self, row: JobRow, item: Finished) -> tuple[Accepted, ...]:
        kept = [one for one in item.follow_ups if one.on in FOLLOWS_ON[row.state]]
        self._memory.follow_ups += [
            StoredFollowUp(item.id, item.attempt, one.on, one.job.id, one.job.type, None) for one in kept
        ]
        return tuple(await self._jobs.insert([one.job for one in kept]))

    def _already(self, row: JobRow, item: Finished) -> bool:
        kind, kept = kind_of(item), self._memory.attempts.get((item.id, item.attempt))
        if kind == State.COMPLETED:
            ended = row.state is State.COMPLETED and row.attempt == item.attempt
            return ended or (kept is not None and kept.outcome == kind)
        failed = kept is not None and kept.outcome == "failed" and kind in {SNOOZED, "errored"}
        return kept is not None and (kept.outcome in {kind, "cancelled"} or failed)

    def _end(self, row: JobRow, item: Finished) -> None:
        memory, outcome = self._memory, item.outcome
        if isinstance(outcome, Succeeded):
            row.result, row.error, row.progress = outcome.result, None, 100
            memory.move(row, Event.SUCCEEDED, Writer.WORKER, State.COMPLETED)
            return
        cancelled = isinstance(outcome, Cancelled) or row.cancel_requested_at is not None
        if isinstance(outcome, Snoozed | Parked) and not cancelled:
            self._ask_for_later(row, outcome)
            return
        error = decode(error_json(outcome.error)) if isinstance(outcome, Erred | Exhausted) else None
        reason = None
        if isinstance(outcome, Released | Cancelled | Parked):
            reason = outcome.reason
        elif isinstance(outcome, Snoozed):
            reason = outcome.error.message
        given_up = isinstance(outcome, Erred) and item.unique and self._newer_waits(row)
        kind = "cancelled" if cancelled else "failed" if given_up else kind_of(item)
        memory.keep(row, kind, error=error, reason=reason)
        row.errors += error is not None
        row.error = error or row.error
        match outcome:
            case _ if cancelled:
                memory.move(row, Event.CANCELLED, Writer.WORKER, State.CANCELLED)
            case Erred() if given_up:
                memory.move(row, Event.EXHAUSTED, Writer.WORKER, State.FAILED)
            case Erred(retry_in=seconds):
                memory.move(row, Event.ERRED, Writer.WORKER, State.SCHEDULED)
                row.run_at = memory.clock.now() + timedelta(seconds=seconds)
            case Exhausted():
                memory.move(row, Event.EXHAUSTED, Writer.WORKER, State.FAILED)
            case _:
                memory.move(row, Event.RELEASED, Writer.WORKER, State.QUEUED)
                row.releases += 1

    def _ask_for_later(self, row: JobRow, outcome: Snoozed | Parked) -> None:
        """A snooze, within its bounds; or the wait that a provider asked for."""
        memory, later = self._memory, self._memory.clock.now() + timedelta(seconds=outcome.wait)
        if isinstance(outcome, Parked):
            memory.keep(row, "rate-limited", error=None, reason=outcome.reason)
            memory.move(row, Event.RATE_LIMITED, Writer.WORKER, State.QUEUED)
            before = memory.parked.get(outcome.name)
            if before is None or before.until < later:
                memory.parked[outcome.name] = ParkedKey(later, row.id, outcome.reason)
            else:
                before.probe = None
            row.snoozes += 1
            return
        snoozed = [
            one
            for one in memory.attempts.values()
            if (one.job, one.life, one.outcome) == (row.id, row.life, SNOOZED)
        ]
        if row.expires_at is not None and row.expires_at <= later:
            memory.keep(row, "cancelled", error=None, reason=EXPIRES)
            memory.move(row, Event.CANCELLED, Writer.WORKER, State.CANCELLED)
        elif row.expires_at is None and len(snoozed) >= MAX_SNOOZES:
            row.error = decode(error_json(outcome.error))
            memory.keep(row, "failed", error=row.error, reason=outcome.error.message)
            memory.move(row, Event.EXHAUSTED, Writer.WORKER, State.FAILED)
        else:
            memory.keep(row, SNOOZED, error=None, reason=outcome.error.message)
            memory.move(row, Event.SNOOZED, Writer.WORKER, State.SCHEDULED)
            row.run_at = later
            row.snoozes += 1

    def _newer_waits(self, row: JobRow) -> bool:
        key = None if row.new.unique is None else self._memory.keys.get(row.new.unique.name)
        return key is not None and key.holder == row.id and key.waiting is not None

    def _recorded(self, item: Finished, row: JobRow | None, verdict: Verdict) -> Recorded:
        if row is None:
            return Recorded(item.id, item.attempt, verdict, None, 0.0, None, None, suspect=False)
        left = (row.run_at - self._memory.clock.now()).total_seconds() if row.run_at else 0.0
        return Recorded(
            id=item.id,
            attempt=item.attempt,
            verdict=verdict,
            state=row.state,
            due_in=max(0.0, left),
            queue=row.new.queue,
            priority=row.new.priority,
            suspect=row.suspect,
            limits=row.new.limits.names if row.new.limits and verdict is Verdict.RECORDED else (),
            limit_group=row.limit_group,
        )
