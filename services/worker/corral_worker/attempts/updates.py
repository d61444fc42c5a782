"""Updates of running jobs: progress and log lines, kept for a moment, written together under the fence, and told to whoever watches."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch, Event, Logged, Progressed
from corral.errors import Unavailable
from corral.store import Progress, Store
from corral.store.attempts.logs import NewLogLine
from corral_worker.attempts.execution import MAX_LINE, MAX_LINES, Execution

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 0.2
"""Seconds for which an update may wait for others, to be written with them."""
MAX_HELD = 20_000
"""Lines that wait for an absent Postgres; further ones are dropped and counted."""


@dataclass(slots=True)
class UpdateBatch:
    """Updates that are written together."""

    progress: dict[Execution, Progress] = field(default_factory=dict)
    lines: list[NewLogLine] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.progress or self.lines)


class Updates:
    """Collects updates from the event loop and from threads; one write at a time."""

    def __init__(self, write: Callable[[UpdateBatch], Awaitable[None]]) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._batch = UpdateBatch()
        self._scheduled = False
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def progress(self, execution: Execution, percent: int, message: str | None) -> None:
        """Keep the newest progress of the attempt."""
        claimed = execution.claimed
        update = Progress(claimed.id, claimed.attempt, percent, message)
        with self._lock:
            self._batch.progress[execution] = update
        self._schedule()

    def log(self, execution: Execution, text: str, fields: dict[str, Any]) -> None:
        """Keep a line, unless the attempt has said enough. Text and fields are storable (`corral.storable`)."""
        with self._lock:  # threads of one handler count together
            enough = execution.lines_taken >= MAX_LINES or len(self._batch.lines) >= MAX_HELD
            if enough:
                execution.lines_dropped += 1
            else:
                execution.lines_taken += 1
        if not enough:
            self._add(execution, text, fields)

    def close(self, execution: Execution) -> None:
        """Add a line that says how many lines were not kept, if any: the attempt has ended."""
        if execution.lines_dropped:
            metrics.LOGS_TRUNCATED.labels(execution.claimed.type).inc()
            self._add(execution, f"{execution.lines_dropped:,} further lines were not kept", {})

    @property
    def pending(self) -> bool:
        """Whether something is not written yet: what is being written is lost, too, if its attempt ends first."""
        return bool(self._batch) or self._writing.locked()

    async def flush(self) -> None:
        """Write the updates that wait. What can't be written now is kept.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._writing:
            with self._lock:
                batch, self._batch = self._batch, UpdateBatch()
            if not batch:
                return
            try:
                await self._write(batch)
            except Unavailable:
                with self._lock:
                    newer, self._batch = self._batch, batch
                    self._batch.progress.update(newer.progress)
                    self._batch.lines.extend(newer.lines)
                raise
            except Exception as error:  # an update that can't be written must not hold an outcome
                metrics.SWALLOWED.labels("notes").inc()
                jobs = {str(line.id) for line in batch.lines} | {
                    str(one.id) for one in batch.progress.values()
                }
                log.exception(
                    "notes.dropped", error=repr(error), lines=len(batch.lines), jobs=sorted(jobs)[:20]
                )

    def _add(self, execution: Execution, text: str, fields: dict[str, Any]) -> None:
        claimed = execution.claimed
        line = NewLogLine(claimed.id, claimed.attempt, datetime.now(UTC), text[:MAX_LINE], fields)
        with self._lock:
            self._batch.lines.append(line)
        self._schedule()

    def _schedule(self) -> None:
        # In a context of its own: the attempt that speaks first is none of the others' business.
        if self._scheduled:
            return
        self._scheduled = True
        if threading.get_ident() == self._thread:
            self._loop.call_later(FLUSH_SECONDS, self._start, context=Context())
        else:
            self._loop.call_soon_threadsafe(
                self._loop.call_later, FLUSH_SECONDS, self._start, context=Context()
            )

    def _start(self) -> None:
        self._task = self._loop.create_task(self._flush_quietly())

    async def _flush_quietly(self) -> None:
        self._scheduled = False
        try:
            await self.flush()
        except Unavailable as error:
            log.warning("notes.held", error=str(error), lines=len(self._batch.lines))
            self._schedule()


Note = TypeVar("Note", Progress, NewLogLine)


async def write_updates(store: Store, dispatch: Dispatch, batch: UpdateBatch) -> None:
    """Write a batch of updates under the fence of their attempts.

    An update that Postgres refuses is dropped alone, counted, and named in the log by its job.

    Raises:
        Unavailable: Postgres is away; what is left in the batch may be written again.
    """
    if batch.progress:
        updates = list(batch.progress.values())
        mine: set[UUID] = set()

        async def show(some: Sequence[Progress]) -> None:
            mine.update(await store.attempts.progress(some))

        await _each(updates, show)
        batch.progress.clear()
        await dispatch.events.publish(
            *[
                Progressed(update.id, update.percent, update.message)
                for update in updates
                if update.id in mine
            ]
        )
    if batch.lines:
        said: dict[UUID, None] = {}

        async def append(some: Sequence[NewLogLine]) -> None:
            appended = await store.attempts.append_logs(some)
            for job in appended.truncated:
                log.info("job.log_full", job=str(job))
            for job in appended.fenced:
                metrics.FENCED.labels("log").inc()
                log.warning("job.fenced", write="log", job=str(job))
            said.update((line.id, None) for line in some if line.id not in appended.fenced)

        await _each(batch.lines, append)
        batch.lines.clear()
        events: list[Event] = [Logged(tuple(said))] if said else []
        await dispatch.events.publish(*events)


async def _each(updates: list[Note], write: Callable[[Sequence[Note]], Awaitable[None]]) -> None:
    """Write the updates together or, where that is refused, one by one; those that were written leave the list."""
    try:
        await write(updates)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one must not take its neighbours along
        log.warning("notes.split", notes=len(updates), error=repr(error))
    else:
        return
    while updates:
        update = updates[0]
        try:
            await write([update])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # as above
            metrics.SWALLOWED.labels("notes").inc()
            log.error(  # noqa: TRY400  # the statement's traceback says nothing about the update
                "notes.dropped",
                what=_WHAT[type(update)],
                job=str(update.id),
                attempt=update.attempt,
                error=repr(error)[:500],
            )
        del updates[0]


_WHAT: dict[type, str] = {Progress: "progress", NewLogLine: "log line"}
