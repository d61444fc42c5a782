"""Where notes go: progress and log lines to Postgres, and hints about them to whoever watches."""

import structlog

from corral.dispatch import Dispatch, Event, Logged, Progressed
from corral.store import Progress, Store
from corral_worker.notes import Batch

log = structlog.get_logger(__name__)


async def write_notes(store: Store, dispatch: Dispatch, batch: Batch) -> None:
    """Write a batch of notes under the fence of their attempts.

    Raises:
        Unavailable: Postgres is away; the batch may be written again.
    """
    events: list[Event] = []
    if batch.progress:
        notes = list(batch.progress.values())
        mine = await store.attempts.progress(
            [Progress(note.id, note.attempt, note.percent, note.message) for note in notes]
        )
        events += [Progressed(note.id, note.percent, note.message) for note in notes if note.id in mine]
    if batch.lines:
        appended = await store.attempts.append_logs(batch.lines)
        for job in appended.truncated:
            log.info("job.log_full", job=str(job))
        said = {line.id: None for line in batch.lines if line.id not in appended.fenced}
        if said:
            events.append(Logged(tuple(said)))
    if events:
        await dispatch.events.publish(*events)
