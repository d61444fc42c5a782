"""Requests with `?wait` (protocol rule 28): one subscription and one query serve all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.event import Gap, JobsChanged
from corral.dispatch.events import Listener
from corral.errors import CorralError
from corral.job.job import Job
from corral.job.state import TERMINAL
from corral.store import Store

log = structlog.get_logger(__name__)

READ_SECONDS = 1.0
"""Seconds between two reads of the rows while no event comes. Events may be lost."""


class Waiters:
    """All waiting requests of one process. Register before the job is committed, so that its end is not missed."""

    def __init__(
        self, store: Store, dispatch: Dispatch, *, limit: int, read_seconds: float = READ_SECONDS
    ) -> None:
        """`limit`: the most requests that wait at once. `read_seconds`: between two reads of the rows without an event."""
        self._store = store
        self._dispatch = dispatch
        self._limit, self._read_seconds = limit, read_seconds
        self._waiting: dict[UUID, list[asyncio.Future[Job]]] = {}
        self._count = 0
        self._hinted: set[UUID] = set()
        self._hint = asyncio.Event()
        self._listener: Listener | None = None

    @contextmanager
    def waiting(self, job_id: UUID) -> Iterator[asyncio.Future[Job] | None]:
        """A future of the ended job; None where too many requests wait already, and the caller answers at once."""
        if self._count >= self._limit:
            metrics.WAITERS_REFUSED.inc()
            yield None
            return
        future: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, []).append(future)
        self._dispatch.events.wake()
        if self._listener is not None:
            self._listener.missed = False  # the row is read after this
        self._count += 1
        metrics.WAITERS.inc()
        try:
            yield future
        finally:
            self._count -= 1
            metrics.WAITERS.dec()
            futures = self._waiting[job_id]
            futures.remove(future)
            if not futures:
                del self._waiting[job_id]

    async def run(self) -> None:
        """Listen for events, read the rows and complete the futures. Runs as long as the process."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look())

    async def _listen(self) -> None:
        async with self._dispatch.events.listen(wanted=lambda: bool(self._waiting)) as listener:
            self._listener = listener
            async for event in listener:
                match event:
                    case JobsChanged(state=state, ids=ids) if self._waiting and state in TERMINAL:
                        self._hinted.update(job_id for job_id in ids if job_id in self._waiting)
                    case Gap():
                        self._hinted.update(self._waiting)
                if self._hinted:
                    self._hint.set()

    async def _look(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._read_seconds):
                    await self._hint.wait()
            except TimeoutError:
                ids = set(self._waiting)
            else:
                ids = self._hinted & self._waiting.keys()
            self._hinted.clear()
            self._hint.clear()
            if not ids:
                continue
            try:
                jobs = await self._store.jobs.many(list(ids))
            except CorralError as error:
                metrics.SWALLOWED.labels("waiters").inc()
                log.warning("waiters.blind", waiting=self._count, error=str(error))
                continue
            for job in jobs:
                if job.state.terminal:
                    self._tell(job)

    def _tell(self, job: Job) -> None:
        for future in self._waiting.get(job.id, ()):
            if not future.done():
                future.set_result(job)
