"""The fake's `unique_jobs` and `unique_keys`: one job of each key, decided as the store decides it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

from corral.job.duplicates import Decisions, JobSeen, KeySeen, decide
from corral.job.job import Accepted, NewJob
from corral.job.moment import in_utc
from corral.job.state import Event, State, Writer
from corral.job.unique import OnDuplicate
from corral.refusals import Duplicate
from corral.store import Term
from corral.store.unique.answers import answer_of, refusal
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.jobs import FakeJobs, refuse_unstorable
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import HeldKey, Memory, release


class FakeUniqueJobs:
    """See corral.store.unique.unique_jobs."""

    def __init__(self, memory: Memory, jobs: FakeJobs) -> None:
        self._memory, self._jobs = memory, jobs

    async def insert(
        self, submissions: Sequence[Sequence[NewJob]], *, partial: bool = False
    ) -> list[list[Accepted] | Duplicate]:
        """Store submissions, each as if those before it were stored."""
        for job in (job for jobs in submissions for job in jobs):
            refuse_unstorable(job)
        seen = {name: self._seen(key) for name, key in self._memory.keys.items()}
        decisions = decide(seen, submissions, partial=partial)
        await self._write(decisions)
        told = {one.id: one for one in await self._jobs.existing(list(self._memory.jobs))}
        return [
            refusal(jobs, refused)
            if answers is None
            else [answer_of(job, one, told, seen) for job, one in zip(jobs, answers, strict=True)]
            for jobs, answers, refused in zip(submissions, decisions.answers, decisions.refused, strict=True)
        ]

    def _seen(self, key: HeldKey) -> KeySeen:
        now = self._memory.clock.now()
        is_open = key.until is not None and key.until > now
        waiting = None if key.waiting is None else self._job(key.waiting)
        return KeySeen(
            self._job(key.holder), waiting, open=is_open, over=key.until is not None and not is_open
        )

    def _job(self, id: UUID) -> JobSeen:
        row = self._memory.jobs[id]
        return JobSeen(id, row.state, row.new.queue, row.new.priority)

    async def _write(self, decisions: Decisions) -> None:
        memory, now = self._memory, self._memory.clock.now()
        await self._jobs.insert(list(decisions.new.values()))
        for name, taken in decisions.keys.items():
            before = memory.keys.get(name)
            anew = taken.anew or before is None
            memory.keys[name] = HeldKey(
                taken.holder,
                taken.waiting,
                now if anew or before is None else before.taken_at,
                _until(now, taken.unique.within) if anew or before is None else before.until,
            )
            if taken.waiting in decisions.new:
                row = memory.jobs[taken.waiting]
                row.state, row.queued_at = State.BLOCKED, None
        for id, job in decisions.payloads.items():
            assert job.unique is not None
            self._replace(memory.jobs[id], job, memory.keys[job.unique.name])

    def _replace(self, row: JobRow, job: NewJob, key: HeldKey) -> None:
        memory, now, unique = self._memory, self._memory.clock.now(), job.unique
        assert unique is not None
        due = in_utc(job.run_at) if job.run_at else now + timedelta(seconds=job.delay)
        if unique.max_wait is not None:
            due = min(due, key.taken_at + timedelta(seconds=unique.max_wait))
        behind = row.state is State.BLOCKED
        row.new = replace(job, id=row.id, queue=row.new.queue, priority=row.new.priority)
        row.errors, row.error, row.checkpoint, row.updated_at = 0, None, None, now
        if behind or unique.on_duplicate is OnDuplicate.KEEP_LATEST:
            return
        later = due > now
        if later or row.state is State.SCHEDULED:
            memory.move(row, Event.REPLACED, Writer.SUBMIT, State.SCHEDULED if later else State.QUEUED)
        row.run_at = due if later else None


class FakeUniqueKeys:
    """See corral.store.unique.holders."""

    def __init__(self, memory: Memory, jobs: FakeJobs, leases: FakeLeases) -> None:
        self._memory, self._jobs, self._leases = memory, jobs, leases

    async def settle(
        self, term: Term, after: str = "", limit: int = 2_000, *, waited_for: bool = False
    ) -> tuple[int, list[Accepted], str]:
        """Give back what ended without doing so, and forget what is over. There is one page."""
        self._leases.hold(term)
        memory, now = self._memory, self._memory.clock.now()
        over = [
            name
            for name, key in sorted(memory.keys.items())
            if name > after
            and (key.waiting is not None or not waited_for)
            and (
                (memory.jobs[key.holder].state.terminal and key.until is None)
                or (key.until is not None and key.until <= now)
            )
        ][:limit]
        ended = [
            memory.jobs[id]
            for name in over
            for id in (memory.keys[name].holder, memory.keys[name].waiting)
            if id is not None and memory.jobs[id].state.terminal
        ]
        promoted = release(memory, ended)
        for name in over:
            key = memory.keys.get(name)
            if key is not None and key.until is not None and key.until <= now and key.waiting is None:
                del memory.keys[name]
        return len(over), await self._jobs.existing(promoted), ""


def _until(now: datetime, within: float | None) -> datetime | None:
    if within is None:
        return None
    return datetime.max.replace(tzinfo=now.tzinfo) if within == inf else now + timedelta(seconds=within)
