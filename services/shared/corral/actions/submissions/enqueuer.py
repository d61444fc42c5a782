"""Tells Redis what Postgres has stored: jobs that wait to be claimed, due times, and events for whoever watches.

All of it are hints: the sweep enqueues a job that Redis did not take (protocol rule 7), the promoter looks by itself,
and streams read the rows again. So nobody has to wait for any of it, and an absent Redis loses nothing.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import AnyEntry, Dispatch, JobsChanged, entry_of
from corral.errors import CorralError
from corral.job.job import Accepted, Displaced
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State

log = structlog.get_logger(__name__)

IDS_PER_CALL = 1000
"""Ids in one round trip, and in one event."""
MAX_BACKLOG = 50_000
"""Ids kept for a Redis that does not answer; those beyond are left to the sweep."""
EVENTS_SECONDS = 0.025
"""The least time between two publications; the first after a silence goes at once."""
CLOSE_SECONDS = 5.0
"""How long a stopping process waits for Redis to take the rest."""

NotTaken = Callable[[Sequence[AnyEntry], CorralError], None]
"""Counts and logs, in the words of whoever enqueues, what Redis did not take; without entries it was a due time."""


def submit_not_taken(entries: Sequence[AnyEntry], error: CorralError) -> None:
    """Of jobs that were submitted just now."""
    metrics.HAND_OVER_FAILED.inc(len(entries))
    log.warning("submit.redis_away", left_to_the_sweep=len(entries), error=str(error))


class Enqueuer:
    """Enqueues jobs that Postgres has stored, and publishes what changed. Belongs to one event loop."""

    def __init__(
        self,
        dispatch: Dispatch,
        not_taken: NotTaken = submit_not_taken,
        *,
        front: bool = False,
        at_once: bool = False,
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        """Make the enqueuer of one process; with `front` its jobs go before all others, as those do that a worker gave back.

        With `at_once` they wait for no full batch, as those that were tried before do.
        """
        self._dispatch = dispatch
        self._not_taken = not_taken
        self._front = front
        self._at_once = at_once
        self._max_backlog = max_backlog
        self._entries: deque[AnyEntry] = deque()
        self._freed: Counter[str] = Counter()
        self._due_in: float | None = None
        self._enqueuing: asyncio.Task[None] | None = None
        self._changed: defaultdict[State, list[UUID]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._published_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def accepted(self, jobs: Sequence[Accepted]) -> None:
        """Take jobs that were just committed: enqueue the queued ones soon, and wake the promoter for the scheduled ones."""
        lanes: dict[tuple[str, Priority], Lane] = {}
        entries: list[AnyEntry] = []
        due: list[float] = []
        for job in jobs:
            if job.state is State.QUEUED:
                key = job.queue, job.priority
                lane = lanes.get(key) or lanes.setdefault(key, Lane(*key))
                entries.append(entry_of(lane, job.id, job.limit_group))
            elif job.state is State.SCHEDULED:
                due.append(job.due_in)
        if due:
            self.due_soon(min(due))
        if entries:
            self.enqueue_soon(entries)
            self.changed(State.QUEUED, [entry.id for entry in entries])
        if displaced := [one for job in jobs for one in job.displaced]:
            self._displaced(displaced)

    def _displaced(self, jobs: Sequence[Displaced]) -> None:
        """Publish what was ended for new jobs, and hurry those that were asked to stop."""
        self.changed(State.CANCELLED, [one.id for one in jobs if one.by is not None])
        stopping: defaultdict[str, list[UUID]] = defaultdict(list)
        for one in jobs:
            metrics.LIMIT_DISPLACED.labels(one.limit, "superseded" if one.by else "cancel-running").inc()
            if one.worker:
                stopping[one.worker].append(one.id)
        for worker, ids in stopping.items():
            self._task(self._hurry(worker, ids))

    async def _hurry(self, worker: str, ids: Sequence[UUID]) -> None:
        try:
            await self._dispatch.hints.cancel(worker, ids)
        except CorralError as error:  # the worker hears of it with its next heartbeat
            metrics.SWALLOWED.labels("hurry-cancel").inc()
            log.warning("submit.cancel_not_hurried", worker=worker, error=str(error))

    def enqueue_soon(self, entries: Sequence[AnyEntry]) -> None:
        """Enqueue these jobs in the background, after those that are being enqueued."""
        self._entries.extend(entries)
        if len(self._entries) > self._max_backlog:
            self._leave_to_the_sweep(len(self._entries) - self._max_backlog)
        self._start()

    def free_soon(self, names: Mapping[str, int]) -> None:
        """Tell Redis that so many jobs gave back something of these limits and keys: whoever waits for it gets a turn."""
        self._freed.update(names)
        self._start()

    def due_soon(self, seconds: float) -> None:
        """Tell the promoter that a job is due in `seconds`, so that it looks again by then."""
        self._due_in = seconds if self._due_in is None else min(self._due_in, seconds)
        self._start()

    async def enqueue(self, entries: Sequence[AnyEntry]) -> None:
        """Enqueue these jobs now. What Redis does not take is logged, and the sweep enqueues it later."""
        try:
            await self._dispatch.lanes.enqueue(entries, front=self._front, at_once=self._at_once)
        except CorralError as error:
            self._not_taken(entries, error)

    def changed(self, state: State, ids: Sequence[UUID]) -> None:
        """Publish that these jobs are in this state now. Under load the changes of a few milliseconds are published together."""
        if not ids:
            return
        if not self._dispatch.events.heard:
            self._dispatch.events.gap_soon()
            return
        self._changed[state].extend(ids)
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._published_at + EVENTS_SECONDS - loop.time()
        if wait <= 0:
            self._publish()
        else:
            self._timer = loop.call_later(wait, self._publish)

    async def close(self) -> None:
        """Wait a moment for Redis to take what has not been sent yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._publish()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    def _start(self) -> None:
        if self._enqueuing is None or self._enqueuing.done():
            self._enqueuing = self._task(self._run())

    async def _run(self) -> None:
        while self._entries or self._freed or self._due_in is not None:
            due_in, self._due_in = self._due_in, None
            if self._freed:
                await self._free()
            if self._entries:
                count = min(IDS_PER_CALL, len(self._entries))
                await self.enqueue([self._entries.popleft() for _ in range(count)])
            if due_in is not None:
                try:
                    await self._dispatch.hints.due_in(due_in)
                except CorralError as error:
                    self._not_taken((), error)

    async def _free(self) -> None:
        freed, self._freed = self._freed, Counter()
        try:
            await self._dispatch.rings.free(freed)
        except CorralError as error:  # the leader looks once a second
            self._not_taken((), error)

    def _publish(self) -> None:
        self._timer = None
        self._published_at = asyncio.get_running_loop().time()
        changed, self._changed = self._changed, defaultdict(list)
        events = [
            JobsChanged(state.value, tuple(ids[start : start + IDS_PER_CALL]))
            for state, ids in changed.items()
            for start in range(0, len(ids), IDS_PER_CALL)
        ]
        self._task(self._dispatch.events.publish(*events))

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _leave_to_the_sweep(self, count: int) -> None:
        for _ in range(count):
            self._entries.popleft()
        metrics.HAND_OVER_FAILED.inc(count)
        log.warning("submit.left_to_the_sweep", jobs=count, why="backlog")
