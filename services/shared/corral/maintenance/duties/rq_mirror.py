"""Keeps RQ's registries and hashes up to date where CORRAL_RQ_COMPAT is `full`, for RQ's own workers and readers.

Changes arrive as events, are read from Postgres, and are visible within a second or two. What was missed
is found by going through the registries, a page a round.
"""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from uuid import UUID

from corral.dispatch import Dispatch, JobsChanged
from corral.dispatch.events import Listener
from corral.dispatch.rq_compat import PAGE, Mirrored
from corral.job.lane import Lane
from corral.job.priority import PRIORITIES
from corral.job.state import State
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store

MAX_EVENTS_PER_ROUND = 10_000
"""Events in one round. More are left to the check of one page per round."""
SHOWN = tuple(state for state in State if state is not State.QUEUED)
"""States that have a registry. Queued jobs are in lists instead."""


class RqMirror(Duty):
    """The duty that writes the registries and makes parked jobs visible to RQ's workers. Otherwise it does nothing."""

    name = "rq"
    period = 1.0

    def __init__(self, store: Store, dispatch: Dispatch, *, wanted: bool) -> None:
        self._store = store
        self._dispatch = dispatch
        self._wanted = wanted
        self._stack = AsyncExitStack()
        self._listener: Listener | None = None
        self._pages: list[tuple[Lane, State]] = []
        self._start = 0
        if not wanted:
            self.period = 60.0

    async def __aenter__(self) -> Self:
        if self._wanted:
            self._listener = await self._stack.enter_async_context(
                self._dispatch.events.listen(MAX_EVENTS_PER_ROUND)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def round(self, reign: Reign) -> int:  # noqa: ARG002 - what is shown needs no lease
        """Write what has changed, and check one page of the registries."""
        before = await self._dispatch.rq.want(self._wanted)
        if not self._wanted:
            return 0
        lanes = await self._dispatch.repair.lanes()
        if not before:
            for lane in lanes:
                await self._dispatch.rq.describe(lane)
        await self._dispatch.rq.unpark(lanes)
        shown = 0
        changed = self._changed()
        for start in range(0, len(changed), PAGE):
            shown += await self._show(changed[start : start + PAGE])
        return shown + await self._look_through_a_page()

    def _changed(self) -> list[UUID]:
        """The jobs in the events since the last round, each once."""
        events = self._listener.taken() if self._listener is not None else []
        return list(
            dict.fromkeys(job for event in events if isinstance(event, JobsChanged) for job in event.ids)
        )

    async def _show(self, ids: list[UUID]) -> int:
        stored = await self._store.jobs.existing(ids)
        await self._dispatch.rq.mirror(
            Mirrored(Lane(job.queue, job.priority), job.id, job.state) for job in stored
        )
        return len(stored)

    async def _look_through_a_page(self) -> int:
        """Correct one page of a registry where jobs have changed, or were removed, without an event that arrived."""
        if not self._pages:
            queues = await self._store.queues.list()
            self._pages = [
                (Lane(queue.name, priority), state)
                for queue in queues
                for priority in PRIORITIES
                for state in SHOWN
            ]
            if not self._pages:
                return 0
        lane, state = self._pages[-1]
        wrong: int | None = None
        with self.apart.each(f"{state} of {lane.name}"):
            wrong = await self._look_through(lane, state)
        if wrong is None and self._pages and self._pages[-1] == (lane, state):
            self._pages.pop()  # the next round looks at another one
            self._start = 0
        return wrong or 0

    async def _look_through(self, lane: Lane, state: State) -> int:
        ids, read = await self._dispatch.rq.mirrored(lane, state, self._start)
        if read < PAGE:
            self._pages.pop()
            self._start = 0
        stored = {job.id: job.state for job in await self._store.jobs.existing(ids)}
        wrong = [Mirrored(lane, job, stored.get(job)) for job in ids if stored.get(job) is not state]
        await self._dispatch.rq.mirror(wrong)
        self._start = max(0, self._start + read - len(wrong)) if read == PAGE else 0
        return len(wrong)
