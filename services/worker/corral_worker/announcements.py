"""Telling Redis what Postgres has recorded: jobs to be claimed again, due times, events.

All of it are hints (the sweep and the promoter make up for lost ones), so nothing here is waited
for and nothing is held while Redis is away.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch, Entry, JobsChanged
from corral.errors import Unavailable
from corral.job.job import Claimed
from corral.job.lane import lane_of
from corral.job.state import State
from corral.store.attempts import Recorded, Verdict

log = structlog.get_logger(__name__)


class Announcements:
    """Belongs to the event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._tasks: set[asyncio.Task[None]] = set()
        self.withheld: set[UUID] = set()
        """Released jobs whose handlers still run here: the sweep hands them out when we are gone (rule 17)."""

    def claimed(self, jobs: Sequence[Claimed]) -> None:
        """These jobs run now."""
        if jobs:
            self._later(self._publish({State.RUNNING: [job.id for job in jobs]}))

    def recorded(self, answers: Sequence[Recorded]) -> None:
        """These attempts have ended."""
        states: defaultdict[State, list[UUID]] = defaultdict(list)
        entries: list[Entry] = []
        due: list[float] = []
        for one in answers:
            if one.verdict is Verdict.FENCED or one.state is None:
                continue
            states[one.state].append(one.id)
            if one.state is State.QUEUED and one.id not in self.withheld:
                assert one.queue is not None
                assert one.priority is not None
                entries.append(Entry(lane_of(one.queue, one.priority, suspect=one.suspect), one.id))
            elif one.state is State.SCHEDULED:
                due.append(one.due_in)
        if states:
            self._later(self._publish(states))
        if entries:
            self.hand_out(entries)
        if due:
            self._later(self._hint_due(min(due)))

    def hand_out(self, entries: Sequence[Entry]) -> None:
        """Enqueue soon."""
        self._later(self.enqueue(entries))

    async def enqueue(self, entries: Sequence[Entry]) -> None:
        """Hand out jobs that were given back, before all others."""
        try:
            await self._dispatch.enqueue(entries, front=True)
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("enqueue").inc()
            log.warning("dispatch.left_to_sweep", jobs=len(entries), error=str(error))

    async def drained(self) -> None:
        """Wait until everything is told, or was tried."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _publish(self, states: dict[State, list[UUID]]) -> None:
        await self._dispatch.events.publish(
            *(JobsChanged(state.value, tuple(ids)) for state, ids in states.items())
        )

    async def _hint_due(self, seconds: float) -> None:
        try:
            await self._dispatch.hint_due(seconds)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("hint-due").inc()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
