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

EVENTS_SECONDS = 0.025
"""The least time between two publications; the first after a silence goes at once."""


class Announcements:
    """Tells Redis what Postgres has recorded. Belongs to the event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._tasks: set[asyncio.Task[None]] = set()
        self._untold: defaultdict[State, list[UUID]] = defaultdict(list)
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = 0.0
        self.withheld: set[UUID] = set()
        """Released jobs whose handlers still run here: the sweep hands them out when we are gone (rule 17)."""

    def claimed(self, jobs: Sequence[Claimed]) -> None:
        """These jobs run now."""
        self._tell(State.RUNNING, [job.id for job in jobs])

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
        for state, ids in states.items():
            self._tell(state, ids)
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
            await self._dispatch.lanes.enqueue(entries, front=True)
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("enqueue").inc()
            log.warning("dispatch.left_to_sweep", jobs=len(entries), error=str(error))

    async def drained(self) -> None:
        """Wait until everything is told, or was tried."""
        if self._telling is not None:
            self._telling.cancel()
            self._publish()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _tell(self, state: State, ids: Sequence[UUID]) -> None:
        """Publish now; but where much happens, what happened within some milliseconds at once."""
        if not ids:
            return
        self._untold[state].extend(ids)
        if self._telling is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._told_at + EVENTS_SECONDS - loop.time()
        if wait <= 0:
            self._publish()
        else:
            self._telling = loop.call_later(wait, self._publish)

    def _publish(self) -> None:
        self._telling = None
        self._told_at = asyncio.get_running_loop().time()
        untold, self._untold = self._untold, defaultdict(list)
        self._later(
            self._dispatch.events.publish(
                *(JobsChanged(state.value, tuple(ids)) for state, ids in untold.items())
            )
        )

    async def _hint_due(self, seconds: float) -> None:
        try:
            await self._dispatch.hints.due_in(seconds)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("hint-due").inc()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
