"""Jobs per queue and state, asked at most once a second however many look, and less often where that takes long."""

from corral.actions.ttl_cache import TtlCache
from corral.job.state import State
from corral.store import Store

FRESH_SECONDS = 1.0
"""A count of a million queued jobs costs Postgres 0.2 s."""
COST_FACTOR = 5.0
"""Counting takes at most a sixth of one connection's time."""


class CachedCounts:
    """The counts of jobs that lists and pages show, kept for a moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept = TtlCache(self._ask, FRESH_SECONDS, cost_factor=COST_FACTOR)

    async def by_queue(self) -> dict[str, dict[State, int]]:
        """Per queue; what is zero may be missing."""
        return await self._kept.get(b"")

    async def totals(self) -> dict[State, int]:
        """Over all queues; every state is there."""
        totals = dict.fromkeys(State, 0)
        for states in (await self.by_queue()).values():
            for state, count in states.items():
                totals[state] += count
        return totals

    async def _ask(self, _: bytes) -> dict[str, dict[State, int]]:
        return await self._store.stats.counts_by_queue()
