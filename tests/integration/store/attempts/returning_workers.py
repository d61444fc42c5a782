"""Workers as a property test drives them: what each knows of its claims, and what has to hold whatever happens to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from corral.ids import new_id
from corral.job.job import Claimed
from corral.job.outcome import Erred, Finished, Outcome
from corral.job.state import State
from corral.store import BeyondSlots, Term
from corral.store.attempts.recorded import Verdict
from corral_testing.subject import CANCELLED, LONG, QUEUE, TIMED_OUT, TYPE, Subject
from corral_testing.unique_jobs import put, unique
from corral_worker.claiming.claim_ahead import apart

Held = tuple[UUID, int]


@dataclass(slots=True)
class Knowledge:
    """What one worker knows: what it began, what it holds without a slot, and each put-back that it ever sent."""

    id: UUID
    begun: set[Held] = field(default_factory=set)
    held: dict[UUID, set[Held]] = field(default_factory=dict)
    """By claim; with an unknown put-back under way it is neither held nor gone."""
    sent: list[tuple[UUID, list[UUID]]] = field(default_factory=list)


class Story:
    """Two workers, a leader, and their jobs in one store."""

    def __init__(self, subject: Subject, term: Term) -> None:
        self.subject, self.term = subject, term
        self.workers: list[Knowledge] = []
        self.jobs: list[UUID] = []
        self._ever: set[Held] = set()

    async def hire(self, place: int) -> None:
        """A new worker in the place of another one, which knows no more what it was."""
        self.workers[place : place + 1] = [Knowledge(await self.subject.worker())]

    async def submit(self, keyed: bool) -> None:
        if not keyed:
            self.jobs.append(await self.subject.submit())
            return
        job = unique(str(len(self.jobs)))
        await put(self.subject, job)
        self.jobs.append(job.id)

    async def claim(self, place: int, number: int, free: int, lost: bool) -> None:
        """Claim the oldest; with a lost answer it is read again (rule 11)."""
        worker, claim, beyond = self.workers[place], new_id(), BeyondSlots(free, (TYPE,))
        page, _ = await self.subject.store.duties.queued_page()
        ids = [queued.id for queued in page][:number]
        answer = await self.subject.claim(worker.id, *ids, claim=claim, alone=True, beyond=beyond)
        claimed: Sequence[Claimed] = answer.claimed
        if lost:
            claimed = await self.subject.store.claims.claimed_under(claim)
        now, later = apart(claimed, beyond)
        assert len(now) <= max(free, 0) or not later
        for job in now:
            self._begin(worker, (job.id, job.attempt))
        if later:
            worker.held[claim] = {(job.id, job.attempt) for job in later}

    def _begin(self, worker: Knowledge, attempt: Held) -> None:
        assert attempt not in self._ever, "an attempt begins twice"
        self._ever.add(attempt)
        worker.begun.add(attempt)

    async def begin_held(self, place: int) -> None:
        """A slot is free: the first of what was claimed beyond them begins."""
        worker = self.workers[place]
        for waiting in worker.held.values():
            if waiting:
                attempt = min(waiting)
                waiting.discard(attempt)
                self._begin(worker, attempt)
                return

    async def put_back(self, place: int, answer: str) -> None:
        """Put back what a claim holds without a slot; the answer may be lost before or after it is written."""
        worker = self.workers[place]
        claim = next((claim for claim, waiting in worker.held.items() if waiting), None)
        if claim is None:
            return
        waiting = worker.held.pop(claim)
        ids = [id for id, _ in waiting]
        worker.sent.append((claim, ids))
        if answer == "not sent":
            return
        stay = await self.subject.store.claims.put_back(worker.id, claim, ids)
        if answer == "heard":
            await self._cancelled(worker, stay)

    async def repeat(self, place: int, which: int) -> None:
        """Send again a put-back, whatever became of it."""
        worker = self.workers[place]
        if worker.sent:
            claim, ids = worker.sent[which % len(worker.sent)]
            await self._cancelled(worker, await self.subject.store.claims.put_back(worker.id, claim, ids))

    async def _cancelled(self, worker: Knowledge, stay: set[UUID]) -> None:
        for id in stay:
            assert (id, 1) not in worker.begun, "what runs is not told to end as never begun"
            await self.subject.finish(worker.id, id, 1, CANCELLED)

    async def end(self, place: int, outcome: Outcome) -> None:
        """The first attempt that runs ends."""
        worker = self.workers[place]
        if worker.begun:
            id, attempt = min(worker.begun)
            worker.begun.discard((id, attempt))
            answer = await self.subject.finish(worker.id, id, attempt, outcome, unique=True)
            assert answer.verdict is Verdict.RECORDED, "it was its own until now"

    async def time_out(self, place: int) -> None:
        """The timeout of what runs strikes, and its handler goes on."""
        worker = self.workers[place]
        for id, attempt in sorted(worker.begun)[:1]:
            struck = Finished(id, attempt, Erred(TIMED_OUT, retry_in=LONG))
            assert await self.subject.store.attempts.time_out(worker.id, [struck]) == {id}

    async def beat(self, place: int) -> None:
        """A heartbeat takes nothing from a worker that lives."""
        worker = self.workers[place]
        pairs = [*worker.begun, *(one for waiting in worker.held.values() for one in waiting)]
        beat = self.subject.heartbeat(worker.id).beat(pairs, {})
        assert not set(beat.stolen) & set(pairs)

    async def cancel(self, which: int) -> None:
        if self.jobs:
            await self.subject.store.jobs.cancel([self.jobs[which % len(self.jobs)]], "ann")

    async def pause(self, paused: bool) -> None:
        await self.subject.store.queues.name([QUEUE])
        await (self.subject.store.queues.pause if paused else self.subject.store.queues.resume)(QUEUE, "ann")

    async def drain(self, place: int) -> None:
        await self.subject.store.workers.drain(self.workers[place].id, "ann")

    async def gone(self, place: int, how: str) -> None:
        """A worker is taken for lost, or says goodbye; what it sent before arrives after that, too."""
        worker = self.workers[place]
        if how == "lost":
            await self.subject.lose(worker.id, self.term)
        else:
            await self.subject.store.workers.stop(worker.id)
        for claim, waiting in [*worker.held.items(), *worker.sent]:
            ids = [one[0] if isinstance(one, tuple) else one for one in waiting]
            assert await self.subject.store.claims.put_back(worker.id, claim, ids) == set()
        await self.hire(place)

    async def check(self) -> None:
        """What a worker holds is its own; what never began has no trace."""
        jobs = {job.id: job for job in await self.subject.store.jobs.many(self.jobs)}
        for worker in self.workers:
            held = [one for waiting in worker.held.values() for one in waiting]
            for id, attempt in [*worker.begun, *held]:
                job = jobs[id]
                shown = (job.state, job.worker, job.attempt)
                assert shown == (State.RUNNING, worker.id, attempt), "taken from its worker"
        for job in jobs.values():
            if job.state is State.QUEUED and job.attempt == 0:
                told: tuple[Any, ...] = (job.worker, job.started_at, job.errors, job.releases, job.stalls)
                assert told == (None, None, 0, 0, 0)
                assert await self.subject.store.jobs.attempts(job.id) == []
