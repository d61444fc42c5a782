"""The fake's `stats`: counts alone."""

from corral.job.state import State
from corral_testing.fake.memory import Memory


class FakeStats:
    """See corral.store.statistics.stats; without what happened in a time."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def counts(self) -> dict[State, int]:
        """Stored jobs per state; every state is there."""
        totals = dict.fromkeys(State, 0)
        for row in self._memory.jobs.values():
            totals[row.state] += 1
        return totals

    async def counts_by_queue(self) -> dict[str, dict[State, int]]:
        """The same per queue; what is zero is missing."""
        queues: dict[str, dict[State, int]] = {}
        for row in self._memory.jobs.values():
            counts = queues.setdefault(row.new.queue, {})
            counts[row.state] = counts.get(row.state, 0) + 1
        return queues
