"""The slots of limits that one attempt holds: those its job took when it started, and those its handler takes."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

from corral.actions.limits.held import HeldLimit
from corral.errors import Conflict, JobCancelled
from corral_worker.attempts.execution import Execution

if TYPE_CHECKING:
    from corral_worker.context.offered_services import HandlerServices

STOP_SECONDS = 0.5
"""How long a handler in a thread or a process goes on waiting after it was told to stop."""


class AttemptLimits:
    """The slots of one attempt. Belongs to the event loop of the worker."""

    def __init__(self, execution: Execution, services: "HandlerServices") -> None:
        self._execution = execution
        self._services = services
        self._held: dict[UUID, HeldLimit] = {}
        self._names: Counter[str] = Counter(execution.claimed.limits)

    async def hold(
        self,
        limit: str,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> UUID | None:
        """Hold a slot; its lease, None where the attempt holds it already.

        Raises:
            Conflict: it holds what stands behind this one in the order of names.
            JobCancelled: the attempt was told to stop meanwhile.
        """
        names = await self._services.limit_names(limit, key)
        missing = [name for name in names if not self._names[name]]
        if not missing:
            return None
        held = [name for name, count in self._names.items() if count]
        after = max(await self._services.without_rates(held), default="")
        if missing[0] < after:
            raise Conflict(
                f"{missing[0]} stands before {after}, which is held: limits are taken in the order of their names, so that"
                " no two jobs wait for each other; take it first, or name both in the limits of the job type"
            )
        taken = await self._taken(missing, timeout)
        self._held[taken.lease] = taken
        self._names.update(taken.names)
        return taken.lease

    async def _taken(self, names: list[str], timeout: float | None) -> HeldLimit:  # noqa: ASYNC109
        claimed = self._execution.claimed
        taking = asyncio.ensure_future(self._services.hold_limit(names, claimed.id, claimed.attempt, timeout))
        taken = False
        try:
            while not taking.done() and self._execution.stop is None:
                await asyncio.wait([taking], timeout=STOP_SECONDS)
            taken = taking.done()
        finally:
            if not taken:
                taking.cancel()
        if not taken:
            raise JobCancelled(f"job {claimed.id} was told to stop")
        return taking.result()

    async def lost(self, lease: UUID) -> bool:
        """Wait until the slot is lost, or given back: whether it was lost."""
        held = self._held.get(lease)
        if held is None:
            return False
        await held.lost.wait()
        return lease in self._held

    async def release(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""
        held = self._held.pop(lease, None)
        if held is None:
            return False
        self._names.subtract(held.names)
        kept = await self._services.release_limit(held)
        held.lost.set()  # nobody waits for it any more
        return kept
