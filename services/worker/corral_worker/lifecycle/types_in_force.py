"""The options of job types as they are in force: what code declares, with what operators set over it."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from corral import metrics
from corral.actions.submissions.type_cache import TypeCache
from corral.errors import CorralError
from corral.job.job import Claimed
from corral.job.options import Options
from corral.store import Store

log = structlog.get_logger(__name__)


class TypesInForce:
    """Registered job types with their options, read anew with each heartbeat."""

    def __init__(self, store: Store, installation: Mapping[str, Any]) -> None:
        self.known = TypeCache(store, installation)

    async def read(self) -> None:
        """Read them before the first job. Without Postgres the declarations count."""
        try:
            await self.known.read()
        except CorralError as error:
            metrics.SWALLOWED.labels("types-in-force").inc()
            log.warning("types.unread", error=str(error))

    def refresh(self) -> None:
        """Ask for news in the background. Belongs to the event loop."""
        self.known.refresh()

    def of_type(self, name: str) -> Options | None:
        """The options of a type in its own queue, as last read; None where it is not registered."""
        known = self.known.at_hand(name)
        return None if known is None else known.options

    def options(self, claimed: Claimed) -> Options | None:
        """The options of a job's type in its queue, as last read; None where the type is not registered."""
        known = self.known.at_hand(claimed.type)
        return None if known is None else known.by_queue.get(claimed.queue)

    def limited(self) -> Sequence[str]:
        """The types that take of limits in one of their queues, as last read."""
        return self.known.at_hand_limited
