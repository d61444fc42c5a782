"""The queue of finished attempts, and what writes their outcomes: all that ended while a batch was written is the next.

A lone outcome goes at once, and a batch never waits to be filled. While Postgres is away outcomes
are held, and the claim loop stops claiming when too many are (protocol rule 16).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import structlog
from prometheus_client import Histogram

from corral import metrics
from corral.errors import CorralError, Unavailable
from corral.job.limit_use import parsed
from corral.job.outcome import (
    Cancelled,
    Erred,
    ErrorKind,
    Exhausted,
    Finished,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.state import State
from corral.job_log import JobLog
from corral.store.attempts.attempts import Attempts as AttemptStore
from corral.store.attempts.keyed_follow_ups import keyed
from corral.store.attempts.recorded import Recorded, Verdict
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Raised
from corral_worker.attempts.keyed_announcements import KeyedAnnouncements
from corral_worker.attempts.updates import Updates
from corral_worker.claiming.claim_ahead import AHEAD_PER_SLOT
from corral_worker.claiming.slots import Slots
from corral_worker.lifecycle.this_worker import ThisWorker

log = structlog.get_logger(__name__)

MAX_BATCH = 500
MAX_BATCH_BYTES = 8 * 2**20
"""Bytes of results in one write; a larger result is written alone."""
MIN_LIMIT, MIN_WITH_BATCHES, LIMIT_PER_SLOT = 500, 4_000, 4
"""Outcomes that are held while Postgres is away: at least the first, or the second where one claim brings 1,000 jobs in batches."""
LEAST_SHARE = 1 / (1 + AHEAD_PER_SLOT)
"""Of the time from claim to outcome, what a job of a batch used a slot for at least: one that was claimed ahead shared its slot."""
MAX_HELD_BYTES = 64 * 2**20
"""Bytes of results that may wait to be written; while more wait, nothing is claimed."""


class FinishedAttempts:
    """A queue: attempts that have ended and are not written yet. Bounded: `room` says how many more may be begun."""

    def __init__(self, slots: Slots, limit: int | None = None, *, batches: bool = False) -> None:
        """`limit` is how many attempts it may hold; by default four for each slot, and more where batches are handled."""
        least = MIN_WITH_BATCHES if batches else MIN_LIMIT
        self._limit = limit or max(least, LIMIT_PER_SLOT * sum(slots.sizes.values()))
        self._slots = slots
        self._waiting: list[Execution] = []
        self._writing: list[Execution] = []
        self._bytes = self._writing_bytes = 0
        """Bytes of results: of all attempts that are held, and of those that are being written."""
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def add(self, execution: Execution) -> None:
        """Put in an attempt that has ended, so that its outcome is written."""
        self._waiting.append(execution)
        self._bytes += execution.size
        self._some.set()
        self._none.clear()

    @property
    def held(self) -> int:
        """How many outcomes are not written yet."""
        return len(self._waiting) + len(self._writing)

    @property
    def waiting(self) -> int:
        """How many of them are not being written now."""
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more jobs may be claimed before outcomes are written."""
        return 0 if self._bytes > MAX_HELD_BYTES else self._limit - self.held

    async def written(self) -> None:
        """Wait until everything is written."""
        await self._none.wait()

    async def take(self) -> list[Execution]:
        """Take out what has waited longest, as much as one write may hold; waits until there is something."""
        await self._some.wait()
        while self._slots.waiting:  # noqa: ASYNC110  # for turns of the loop: what was claimed together is written so
            await asyncio.sleep(0)
        size = count = 0
        for execution in self._waiting[:MAX_BATCH]:
            if count and size + execution.size > MAX_BATCH_BYTES:
                break
            size += execution.size
            count += 1
        self._writing, self._waiting = self._waiting[:count], self._waiting[count:]
        self._writing_bytes = size
        if not self._waiting:
            self._some.clear()
        return self._writing

    def done(self) -> None:
        """Say that what was taken is written, or will never be."""
        full = self.room <= 0
        self._writing = []
        self._bytes -= self._writing_bytes
        if full:
            self._slots.freed.set()
        if not self._waiting:
            self._none.set()


class Completer:
    """Writes the outcomes of finished attempts, in batches; one per worker."""

    def __init__(
        self,
        store: AttemptStore,
        finished: FinishedAttempts,
        attempts: HeldAttempts,
        *,
        worker: ThisWorker,
        updates: Updates,
        announcements: Announcements,
        job_log: JobLog,
        keyed_follow_ups: KeyedAnnouncements,
    ) -> None:
        self._store = store
        self._finished = finished
        self._attempts = attempts
        self._worker = worker
        self._updates = updates
        self._announcements = announcements
        self._job_log = job_log
        self._keyed = keyed_follow_ups
        self._histograms: dict[tuple[str, str], Histogram] = {}
        self.succeeded = self.failed = 0
        self.seconds = 0.0
        """Seconds that all attempts ran whose outcomes were written."""

    async def run(self) -> None:
        """Write outcomes as attempts end, until cancelled."""
        while True:
            await self._write(await self._finished.take())
            self._finished.done()

    async def _write(self, batch: list[Execution]) -> None:
        """Write a batch, again and again until Postgres has taken it; attempts that were lost meanwhile are left out."""
        waits = doubling(*POSTGRES_RETRY_SECONDS)
        while batch := [execution for execution in batch if execution.held]:
            try:
                await self._write_once(batch)
            except Unavailable as error:
                metrics.RESULTS_HELD.set(self._finished.held)
                log.warning("results.held", results=self._finished.held, error=str(error))
                await asyncio.sleep(next(waits))
            except Exception as error:  # noqa: BLE001  # one bad outcome must not hold the others
                if len(batch) > 1:
                    log.warning("results.split", results=len(batch), error=repr(error))
                    for execution in batch:
                        await self._write([execution])
                    return
                self._refused(batch[0], error)
            else:
                return

    async def _write_once(self, batch: Sequence[Execution]) -> None:
        if self._updates.pending:  # a log line belongs to a running attempt: it goes first
            await self._updates.flush()
        finished = [one.finished for one in batch if one.finished is not None]
        artifacts = {one.claimed.id: tuple(one.artifacts.values()) for one in batch if one.artifacts}
        worker = self._worker.incarnation or _NO_WORKER
        ahead = sum([one.ahead for one in batch])
        recorded = await self._store.finish(
            worker,
            finished,
            artifacts=artifacts or None,
            webhooks=self._worker.webhooks,
            share=max(LEAST_SHARE, 1 - ahead / len(batch)) if ahead else 1.0,
        )
        metrics.COMPLETION_BATCH.observe(len(batch))
        metrics.RESULTS_HELD.set(self._finished.waiting)
        for execution in batch:
            self._attempts.forget(execution)
        self._count(batch, [one.outcome for one in finished], recorded)
        self._log(batch, finished, recorded)
        self._follow_ups(finished, recorded)
        self._announcements.recorded(recorded)

    def _refused(self, execution: Execution, error: Exception) -> None:
        """Postgres refuses this outcome: the attempt fails with that as its error; a second time it is dropped."""
        claimed = execution.claimed
        metrics.SWALLOWED.labels("completion").inc()
        log.error("result.refused", job=str(claimed.id), attempt=claimed.attempt, error=repr(error))
        told = str(error) if isinstance(error, CorralError) else repr(error)
        if execution.follow_ups and execution.ending is not None:  # they change no outcome
            self._updates.log(
                execution, f"its {len(execution.follow_ups):,} follow-ups can't be stored: {told[:1000]}", {}
            )
            execution.follow_ups.clear()
            execution.finish(execution.ending)
            return
        if execution.refused:
            self._attempts.forget(execution)
            return
        execution.refused = True
        execution.finish(
            Raised(JobError(ErrorKind.RESULT, "ResultRefused", f"the result can't be stored: {told[:1000]}"))
        )

    def _count(
        self, batch: Sequence[Execution], outcomes: Sequence[Outcome], recorded: Sequence[Recorded]
    ) -> None:
        now = time.monotonic()
        kinds: Counter[tuple[str, str, str]] = Counter()
        for execution, outcome, answer in zip(batch, outcomes, recorded, strict=True):
            claimed = execution.claimed
            kind = _KINDS[type(outcome)]
            if isinstance(outcome, Parked) and answer.state is State.QUEUED:
                metrics.LIMIT_PARKED.labels(parsed(outcome.name)[0]).inc()
            elif isinstance(outcome, Snoozed) and answer.state in {State.FAILED, State.CANCELLED}:
                kind = answer.state.value  # it may snooze no more
            kinds[claimed.queue, claimed.type, kind] += 1
            seconds = (execution.ended or now) - execution.started
            self.seconds += seconds
            self._histogram(claimed.queue, claimed.type).observe(seconds)
        for (queue, job_type, kind), count in kinds.items():
            metrics.JOBS_FINISHED.labels(queue, job_type, kind).inc(count)
            if kind == "released":
                metrics.RELEASED.labels(queue).inc(count)
            elif kind == "succeeded":
                self.succeeded += count
            elif kind not in {"snoozed", "rate-limited"}:
                self.failed += count

    def _log(
        self, batch: Sequence[Execution], finished: Sequence[Finished], recorded: Sequence[Recorded]
    ) -> None:
        now = time.monotonic()
        self._job_log.ended(
            (execution.claimed, one.outcome, answer.state, (execution.ended or now) - execution.started)
            for execution, one, answer in zip(batch, finished, recorded, strict=True)
            if answer.verdict is not Verdict.FENCED
        )

    def _follow_ups(self, finished: Sequence[Finished], recorded: Sequence[Recorded]) -> None:
        """Count and log the jobs that were stored with these outcomes; those with keys are stored apart, soon."""
        apart: list[UUID] = []
        for one, answer in zip(finished, recorded, strict=True):
            if answer.verdict is not Verdict.FENCED:
                apart += [each.job.id for each in keyed(one)]
            if not answer.follow_ups:
                continue
            stored = {job.id: job for job in answer.follow_ups}
            kept = [follow_up for follow_up in one.follow_ups if follow_up.job.id in stored]
            self._job_log.accepted([each.job for each in kept], [stored[each.job.id] for each in kept])
            for each in kept:
                metrics.FOLLOW_UPS.labels(each.on.value).inc()
                metrics.JOBS_SUBMITTED.labels(each.job.queue, each.job.type).inc()
        if apart:
            self._keyed.store_soon(apart)

    def _histogram(self, queue: str, job_type: str) -> Histogram:
        """The histogram of a type's running times; looking it up by labels costs more than counting."""
        found = self._histograms.get((queue, job_type))
        if found is None:
            found = self._histograms[queue, job_type] = metrics.JOB_RUN.labels(queue, job_type)
        return found


_NO_WORKER = UUID(int=0)
"""Matches no row: what a process writes that is registered under no incarnation."""
_KINDS: dict[type[Outcome], str] = {
    Succeeded: "succeeded",
    Erred: "errored",
    Exhausted: "failed",
    Released: "released",
    Snoozed: "snoozed",
    Parked: "rate-limited",
    Cancelled: "cancelled",
}
