"""Ways to bring a job into each state, and to make each event happen: the table of transitions, acted out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from corral.ids import new_id
from corral.job.outcome import Outcome
from corral.job.state import Event, State
from corral.store import Term
from corral_testing.subject import (
    CANCELLED,
    ERRED,
    EXHAUSTED,
    LONG,
    PARKED,
    RELEASED,
    SNOOZED,
    SUCCEEDED,
    Subject,
)


@dataclass(slots=True)
class Walker:
    """One job on its way through the table, with a worker and a leader at hand."""

    subject: Subject
    worker: UUID
    term: Term
    id: UUID
    claim: UUID = field(default_factory=new_id)
    """The claim under which it runs, where it does."""

    @classmethod
    async def at(cls, state: State, subject: Subject, *, max_stalls: int = 2) -> "Walker":
        """A job of its own, brought to `state`."""
        delay = LONG if state is State.SCHEDULED else 0.0
        id = await subject.submit(delay=delay, expires_in=2 * LONG, max_stalls=max_stalls)
        walker = cls(subject, await subject.worker(), await subject.lead(), id)
        if state is State.BLOCKED:
            await subject.block(id)
        elif state is State.CANCELLED:
            await subject.store.jobs.cancel([id], "the test")
        elif state not in {State.SCHEDULED, State.QUEUED}:
            await subject.running(walker.worker, id, claim=walker.claim)
            if state is State.COMPLETED:
                await walker.end(SUCCEEDED)
            elif state is State.FAILED:
                await walker.end(EXHAUSTED)
        assert (await subject.job(id)).state is state
        return walker

    async def end(self, outcome: Outcome) -> None:
        """Finish under the attempt that was or would be the current one."""
        attempt = max(1, (await self.subject.job(self.id)).attempt)
        await self.subject.finish(self.worker, self.id, attempt, outcome)

    async def cancel(self) -> None:
        """Ask for a cancel, and let a running attempt honour it."""
        answer = await self.subject.store.jobs.cancel([self.id], "the test")
        if answer[0].state is State.RUNNING:
            await self.end(CANCELLED)

    async def expire(self) -> None:
        """Let the time pass that the job gave itself."""
        await self.subject.advance(2 * LONG)
        await self.subject.store.duties.expire(self.term)

    async def promote(self) -> None:
        """Let the job's time come."""
        await self.subject.advance(LONG)
        await self.subject.store.duties.promote(self.term)

    async def lose(self) -> None:
        """Take the worker for lost."""
        await self.subject.lose(self.worker, self.term)


def happenings(walker: Walker) -> dict[Event, Callable[[], Awaitable[object]]]:
    """How each event is made to happen; those of flows are not there yet."""
    store, id = walker.subject.store, walker.id
    return {
        Event.DUE: walker.promote,
        Event.RUN_NOW: lambda: store.jobs.run_now([id], "the test"),
        Event.CLAIMED: lambda: walker.subject.claim(walker.worker, id, alone=True),
        Event.SUCCEEDED: lambda: walker.end(SUCCEEDED),
        Event.ERRED: lambda: walker.end(ERRED),
        Event.EXHAUSTED: lambda: walker.end(EXHAUSTED),
        Event.STALLED: walker.lose,
        Event.STALLED_OUT: walker.lose,
        Event.RELEASED: lambda: walker.end(RELEASED),
        Event.RETURNED: lambda: store.claims.put_back(walker.worker, walker.claim, [id]),
        Event.SNOOZED: lambda: walker.end(replace(SNOOZED, wait=1.0)),
        Event.RATE_LIMITED: lambda: walker.end(PARKED),
        Event.CANCELLED: walker.cancel,
        Event.EXPIRED: walker.expire,
        Event.RETRIED: lambda: store.jobs.retry([id], "the test"),
    }
