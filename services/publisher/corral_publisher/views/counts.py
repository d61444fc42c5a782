"""Cached counts of jobs per queue and state: read at most once a second, and less often where counting is slow."""

from corral.actions.ttl_cache import TtlCache
from corral.job.state import State
from corral.store import Store

FRESH_SECONDS = 1.0
"""Seconds for which a count is reused. Counting a million queued jobs costs Postgres 0.2 s."""
COST_FACTOR = 5.0
"""A count that took t seconds is reused for at least 5 t, so that counting takes at most a sixth of a connection's time."""


class CachedCounts:
    """The counts of jobs that lists and pages show, cached for about a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept = TtlCache(self._ask, FRESH_SECONDS, cost_factor=COST_FACTOR)

    async def by_queue(self) -> dict[str, dict[State, int]]:
        """Counts per queue and state. A state without jobs may be missing."""
        return await self._kept.get(b"")

    async def totals(self) -> dict[State, int]:
        """Counts per state over all queues. Every state is present."""
        totals = dict.fromkeys(State, 0)
        for states in (await self.by_queue()).values():
            for state, count in states.items():
                totals[state] += count
        return totals

    async def _ask(self, _: bytes) -> dict[str, dict[State, int]]:
        return await self._store.stats.counts_by_queue()
