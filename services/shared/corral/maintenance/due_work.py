"""Looks for all duties whether there is something to do, and wakes those that have: one statement instead of one for each (protocol rule 26).

A duty for which nobody looks does its rounds at its own period. That is also what all do while the look fails, or takes
long: dead entries of an index, which stay while somebody holds a snapshot, then delay no other duty.
"""

import time
from collections.abc import Callable, Sequence

from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.query_budget import QueryBudget
from corral.store import Store
from corral.store.leader.due_work import LOOKED_FOR

SHARE, FREE = 0.05, 0.05
"""The share of time for looks that take long."""


class DueWorkDuty(Duty):
    """The duty that wakes other duties."""

    name = "due-work"
    period = 0.5

    def __init__(
        self,
        store: Store,
        duties: Sequence[Duty],
        *,
        share: float = SHARE,
        free: float = FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._duties = [duty for duty in duties if duty.name in LOOKED_FOR]
        self._pace = QueryBudget(share, free=free, clock=clock)

    async def round(self, reign: Reign) -> int:  # noqa: ARG002 - it writes nothing
        """Look once; how many duties have something to do."""
        if not self._pace.due:
            self.failed()
            return 0
        with self._pace.asked():
            found = await self._store.due_work.found()
        for duty in self._duties:
            duty.looked_for(found=duty.name in found)
        return len(found)

    def failed(self) -> None:
        """Have every duty look for itself."""
        for duty in self._duties:
            duty.unattended()
