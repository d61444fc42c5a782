"""The fake's `scaling`."""

from collections.abc import Sequence
from uuid import UUID

from corral.scaling.decision_record import ScalingDecision
from corral.store import Page, Term
from corral.store.jobs.list import LAST
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import Memory


class FakeScaling:
    """See corral.store.statistics.scaling; without retention."""

    def __init__(self, memory: Memory, leases: FakeLeases) -> None:
        self._memory = memory
        self._leases = leases

    async def add(self, decisions: Sequence[ScalingDecision], term: Term) -> int:
        """Keep decisions; those that are kept already change nothing."""
        self._leases.hold(term)
        before = len(self._memory.decisions)
        for decision in decisions:
            self._memory.decisions.setdefault(decision.id, decision)
        return len(self._memory.decisions) - before

    async def page(self, pool: str, *, cursor: UUID | None = None, limit: int = 50) -> Page[ScalingDecision]:
        """Decisions about a pool, newest first."""
        found = sorted(
            (
                one
                for one in self._memory.decisions.values()
                if one.pool == pool and one.id < (cursor or LAST)
            ),
            key=lambda one: one.id,
            reverse=True,
        )
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)
