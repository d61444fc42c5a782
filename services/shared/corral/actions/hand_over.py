"""Handing stored jobs to Redis, behind the answer: a commit never waits for it, and losing it loses nothing.

Jobs that Redis did not take are found by the sweep (protocol rule 7).
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.events import JobsChanged
from corral.dispatch.lanes import Entry
from corral.errors import CorralError
from corral.job.job import Accepted
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State

log = structlog.get_logger(__name__)

IDS_PER_CALL = 1000
"""Ids in one round trip."""
MAX_BACKLOG = 50_000
"""Ids kept for a Redis that does not answer; those beyond are left to the sweep."""
CLOSE_SECONDS = 5.0
"""How long a stopping process waits for Redis to take the rest."""


class HandOver:
    """Hands stored jobs to Redis: a queue that one task empties. Belongs to one event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._entries: deque[Entry] = deque()
        self._due_in: float | None = None
        self._task: asyncio.Task[None] | None = None

    def give(self, accepted: Sequence[Accepted]) -> None:
        """Take over freshly committed jobs: queued ones are enqueued, scheduled ones wake the promoter."""
        lanes: dict[tuple[str, Priority], Lane] = {}
        for job in accepted:
            if job.state is State.QUEUED:
                key = job.queue, job.priority
                lane = lanes.get(key) or lanes.setdefault(key, Lane(*key))
                self._entries.append(Entry(lane, job.id))
            elif job.state is State.SCHEDULED:
                self._due_in = job.due_in if self._due_in is None else min(self._due_in, job.due_in)
        if len(self._entries) > MAX_BACKLOG:
            self._leave_to_the_sweep(len(self._entries) - MAX_BACKLOG, "backlog")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Wait a moment for Redis to take what is left."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()

    async def _run(self) -> None:
        while self._entries or self._due_in is not None:
            chunk = [self._entries.popleft() for _ in range(min(IDS_PER_CALL, len(self._entries)))]
            due_in, self._due_in = self._due_in, None
            try:
                if chunk:
                    await self._dispatch.lanes.enqueue(chunk)
                if due_in is not None:
                    await self._dispatch.hints.due_in(due_in)
                if chunk:
                    await self._dispatch.events.publish(
                        JobsChanged(State.QUEUED, tuple(entry.id for entry in chunk))
                    )
            except CorralError as error:
                metrics.HAND_OVER_FAILED.inc(len(chunk))
                log.warning("submit.redis_away", left_to_the_sweep=len(chunk), error=str(error))

    def _leave_to_the_sweep(self, count: int, why: str) -> None:
        for _ in range(count):
            self._entries.popleft()
        metrics.HAND_OVER_FAILED.inc(count)
        log.warning("submit.left_to_the_sweep", jobs=count, why=why)
