"""Where notes go: progress and log lines to Postgres, and hints about them to whoever watches."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch, Event, Logged, Progressed
from corral.errors import Unavailable
from corral.store import Progress, Store
from corral.store.logs import NewLogLine
from corral_worker.notes import Batch

log = structlog.get_logger(__name__)

Note = TypeVar("Note", Progress, NewLogLine)


async def write_notes(store: Store, dispatch: Dispatch, batch: Batch) -> None:
    """Write a batch of notes under the fence of their attempts.

    A note that Postgres refuses is dropped alone, counted, and named in the log by its job.

    Raises:
        Unavailable: Postgres is away; what is left in the batch may be written again.
    """
    if batch.progress:
        notes = list(batch.progress.values())
        mine: set[UUID] = set()

        async def show(some: Sequence[Progress]) -> None:
            mine.update(await store.attempts.progress(some))

        await _each(notes, show)
        batch.progress.clear()
        await dispatch.events.publish(
            *[Progressed(note.id, note.percent, note.message) for note in notes if note.id in mine]
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


async def _each(notes: list[Note], write: Callable[[Sequence[Note]], Awaitable[None]]) -> None:
    """Write the notes together or, where that is refused, one by one; those that were written leave the list."""
    try:
        await write(notes)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one must not take its neighbours along
        log.warning("notes.split", notes=len(notes), error=repr(error))
    else:
        return
    while notes:
        note = notes[0]
        try:
            await write([note])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # as above
            metrics.SWALLOWED.labels("notes").inc()
            log.error(  # noqa: TRY400  # the statement's traceback says nothing about the note
                "notes.dropped",
                what=_WHAT[type(note)],
                job=str(note.id),
                attempt=note.attempt,
                error=repr(error)[:500],
            )
        del notes[0]


_WHAT: dict[type, str] = {Progress: "progress", NewLogLine: "log line"}
