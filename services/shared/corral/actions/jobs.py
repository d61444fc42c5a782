"""What a person does to jobs that exist: cancel, retry, run now. Postgres first, then Redis is told."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.existing import existing
from corral.actions.submissions import json_value
from corral.dispatch import Dispatch, entry_of
from corral.dispatch.event import JobsChanged
from corral.errors import Conflict, NotFound, Unavailable
from corral.job.job import Job
from corral.job.lane import Lane
from corral.job.state import State
from corral.store import Store
from corral.store.jobs.commands import Commanded, CommandEffect

log = structlog.get_logger(__name__)

MAX_RECEIPT_BYTES = 1_048_576
"""Of a receipt that a person gives."""
_REFUSALS = {
    "cancel": "it has ended already",
    "retry": "only an ended job can be retried; cancel it first",
    "run-now": "only a scheduled job can be run before its time",
}


class JobActions:
    """Actions on jobs, one or many. `actor` is who the audit names."""

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch

    async def get(self, job_id: UUID) -> Job:
        """The job of that id.

        Raises:
            NotFound: there is none.
        """
        return existing(await self._store.jobs.get(job_id), "job", job_id)

    async def cancel(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Waiting jobs end at once; running ones are asked to end, and their workers are hurried."""
        answers = await self._store.jobs.cancel(ids, actor)
        await self._told("cancel", lambda: self._hurry(answers))
        promoted = [one for answer in answers for one in answer.promoted if one.state is State.QUEUED]
        if promoted:  # they waited behind one of these, for its unique key
            entries = [entry_of(Lane(one.queue, one.priority), one.id, one.limit_group) for one in promoted]
            await self._told("cancel", lambda: self._dispatch.lanes.enqueue(entries))
        await self._publish(answers)
        return answers

    async def retry(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """A new life for ended jobs; one whose unique key another live job holds is refused."""
        return await self._queue("retry", await self._store.jobs.retry(ids, actor))

    async def run_now(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Scheduled jobs are queued before their time."""
        return await self._queue("run-now", await self._store.jobs.run_now(ids, actor))

    async def settle(self, job_id: UUID, effect: str, actor: str, *, done: bool, receipt: Any = None) -> None:
        """Say of an effect that is perhaps done that it is done, or that it is to be done again.

        Raises:
            NotFound: there is no such job, or it has no such effect.
            Conflict: the job runs, or the effect is known to be done.
            InvalidInput, TooLarge: the receipt can't be stored.
        """
        text = (
            None
            if receipt is None
            else json_value.encode(receipt, limit=MAX_RECEIPT_BYTES, pointer="/receipt", from_wire=True)
        )
        await self._store.effects.settle(job_id, effect, actor, done=done, receipt=text)
        metrics.EFFECTS.labels("settled").inc()
        job = await self.get(job_id)  # its state is the one before; who shows it looks at the effects, too
        await self._dispatch.events.publish(JobsChanged(job.state.value, (job_id,)))

    async def _queue(self, action: str, answers: list[Commanded]) -> list[Commanded]:
        entries = [
            entry_of(answer.lane, answer.id, answer.limit_group)
            for answer in answers
            if answer.effect is CommandEffect.DONE and answer.lane is not None
        ]
        if entries:
            await self._told(action, lambda: self._dispatch.lanes.enqueue(entries))
        await self._publish(answers)
        return answers

    async def _hurry(self, answers: list[Commanded]) -> None:
        by_worker: dict[UUID, list[UUID]] = {}
        for answer in answers:
            if answer.effect is CommandEffect.REQUESTED and answer.worker is not None:
                by_worker.setdefault(answer.worker, []).append(answer.id)
        for worker_id, ids in by_worker.items():
            worker = await self._store.workers.get(worker_id)
            if worker is not None:
                await self._dispatch.hints.cancel(worker.name, ids)

    async def _publish(self, answers: list[Commanded]) -> None:
        changed: dict[State, list[UUID]] = {}
        for answer in answers:
            if answer.effect in (CommandEffect.DONE, CommandEffect.REQUESTED) and answer.state is not None:
                changed.setdefault(answer.state, []).append(answer.id)
        events = [JobsChanged(state, tuple(ids)) for state, ids in changed.items()]
        await self._dispatch.events.publish(*events)

    async def _told(self, action: str, tell: Callable[[], Awaitable[object]]) -> None:
        """Tell Redis what is stored already. Where Redis is away, the effect comes later."""
        try:
            await tell()
        except Unavailable as error:
            metrics.SWALLOWED.labels(f"action.{action}").inc()
            log.warning("action.not_hurried", action=action, error=str(error))


def only(action: str, answers: Sequence[Commanded]) -> Commanded:
    """The only element of the answers: that of the one job that was asked about.

    Raises:
        NotFound: there is no such job.
        Conflict: it is not in a state in which this can be done.
    """
    (answer,) = answers
    match answer.effect:
        case CommandEffect.MISSING:
            raise NotFound("job", answer.id)
        case CommandEffect.REFUSED:
            if answer.holder is not None:
                raise Conflict(f"job {answer.id} can't be retried: job {answer.holder} holds its unique key")
            raise Conflict(f"job {answer.id} is {answer.state}: {_REFUSALS[action]}")
        case _:
            return answer
