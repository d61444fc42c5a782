"""How many jobs may be claimed before slots are free for them: where those of the last claim ended as soon as they had begun."""

import time
from collections.abc import Sequence

from corral.dispatch import Budget
from corral_worker.slots import Slots

AT_ONCE_SECONDS = 0.05
"""Nothing is claimed ahead where the last claim's handlers took longer, together: what waits for a slot goes back after 0.2 s."""


class ClaimAhead:
    """What the last claim's jobs say of the next one's (protocol rule 9). Belongs to the event loop."""

    def __init__(self, slots: Slots, seconds: float = AT_ONCE_SECONDS) -> None:
        self._slots = slots
        self._seconds = seconds
        self._begun = self._ended_before = 0
        """How many jobs the last claim started, and how many handlers had ended before."""
        self._begun_at = 0.0
        self._share = 0.0
        """The share of them whose handlers ended as soon as they had begun."""
        self.count = 0
        """How many jobs may be claimed now beyond the free slots."""
        self.grouped = False
        """Whether groups had turns in the last pop, or a claim brought batches: nothing is claimed ahead then, for they wait for no slot."""

    def begin(self, jobs: int) -> None:
        """Note that so many claimed jobs begin now."""
        self._begun, self._ended_before, self._begun_at = jobs, self._slots.ended, time.monotonic()

    async def look(self) -> None:
        """See how many of the last claim's jobs ended as soon as they had begun."""
        begun, self._begun = self._begun, 0
        if self._slots.ended < self._ended_before + begun:
            await self._slots.begun()
        ended = min(begun, self._slots.ended - self._ended_before)
        self._share = ended / begun if begun else 0.0
        quick = time.monotonic() - self._begun_at <= self._seconds and not self.grouped
        self.count = self._slots.ahead(ended) if quick else 0

    def budgets(self, claiming: int) -> Sequence[Budget]:
        """What may be popped beside a claim of so many jobs: as many of them will end at once as did of those before."""
        ending = int(claiming * self._share)
        ahead = self._slots.ahead(ending) if self.count and not self.grouped else 0
        return self._slots.budgets(ahead, claiming=claiming, ending=ending)
