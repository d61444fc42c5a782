"""Renews the hints about paused queues in Redis, from the rows in Postgres."""

from corral.dispatch import Dispatch
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store

HINT_SECONDS = 15.0
"""Seconds that a hint lasts: three rounds. Without a leader, workers soon ask Postgres again."""


class Pauses(Duty):
    """The duty that renews the hints about pauses. They keep workers from popping ids that they may not claim."""

    name = "pauses"
    period = 5.0

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch

    async def round(self, reign: Reign) -> int:  # noqa: ARG002 - a hint needs no lease
        """Renew the hint of every paused queue."""
        paused = await self._paused()
        if paused:
            await self._dispatch.hints.pause(paused, HINT_SECONDS)
            # A queue resumed since the first look must not keep the hint that was set after its end.
            resumed = paused - await self._paused()
            await self._dispatch.hints.unpause(resumed)
        return len(paused)

    async def _paused(self) -> set[str]:
        return {queue.name for queue in await self._store.queues.list() if queue.paused}
