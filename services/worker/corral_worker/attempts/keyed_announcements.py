"""Stores follow-ups with a unique key, beside the outcomes: whoever holds such a key holds up no outcome."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.actions.submissions.keyed_follow_ups import store_apart
from corral.errors import CorralError
from corral.store.attempts.keyed_follow_ups import KeyedFollowUps

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 3.0
"""How long a stopping worker waits for those that are under way; the leader stores the others."""


class KeyedAnnouncements:
    """Stores what was kept with outcomes, in the background. Belongs to one event loop."""

    def __init__(self, store: KeyedFollowUps, enqueuer: Enqueuer) -> None:
        self._store = store
        self._enqueuer = enqueuer
        self._tasks: set[asyncio.Task[None]] = set()

    def store_soon(self, ids: Sequence[UUID]) -> None:
        """Store those of these follow-ups that were kept."""
        task = asyncio.create_task(self._store_all(ids))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait a moment for those under way."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _store_all(self, ids: Sequence[UUID]) -> None:
        for one in ids:
            try:
                await store_apart(self._store, self._enqueuer, one)
            except CorralError as error:
                metrics.SWALLOWED.labels("keyed-follow-up").inc()
                log.warning("follow_up.left_to_the_leader", job=str(one), reason=str(error))
