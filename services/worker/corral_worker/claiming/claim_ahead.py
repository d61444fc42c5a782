"""How many jobs a claim may take beyond the free slots: where those of its types end as soon as they begin (rule 9)."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from corral.dispatch import Budget
from corral.job.job import Claimed
from corral.store import BeyondSlots
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.claiming.slots import Slots

QUICK_RUNS = 200
"""A type is quick once so many runs in a row ended here before the event loop turned again."""
HOLD_SECONDS = 0.05
"""A claim takes no more jobs than are expected to begin within this; what has not begun by then is put back."""
AHEAD_PER_SLOT = 2
"""How many jobs may be claimed beyond the free slots, for each of these."""
FULL_BATCH = 200
"""Jobs in one claim up to which more are claimed than slots are free: larger claims cost nearly as much per job."""
REMEMBERED = 8
"""Claims of which the slowest says how long a job takes."""


class ClaimAhead:
    """What the claims of late say of the next one. Belongs to the event loop."""

    def __init__(
        self,
        slots: Slots,
        attempts: HeldAttempts,
        may_wait: Callable[[Claimed], bool],
        quick_runs: int = QUICK_RUNS,
    ) -> None:
        """`may_wait` answers whether a job runs on the event loop, and by itself."""
        self._slots = slots
        self._attempts = attempts
        self._may_wait = may_wait
        self._quick_runs = quick_runs
        self._runs: Counter[str] = Counter()
        """Runs in a row that ended at once, by type."""
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)
        """Seconds for each job of a claim, from its start until all had ended."""
        self._early = False
        """Whether the last look was an early one."""
        self._begun: Sequence[Claimed] = ()
        self._ended_before = 0
        """The jobs that the last claim started, and how many handlers had ended before."""
        self._began_at = 0.0
        self._share = 0.0
        """The share of them whose handlers ended as soon as they had begun."""
        self.count = 0
        """How many jobs may be claimed now beyond the free slots."""
        self.used = False
        """Whether what is popped in this round may be more than slots are free."""
        self.more = False
        """Whether there are more jobs than the last pop took: ids in its lanes, or jobs of groups whose limits have room."""

    def begin(self, begun: Sequence[Claimed]) -> None:
        """Note that these jobs begin now."""
        self._begun, self._ended_before, self._began_at = begun, self._slots.ended, time.monotonic()

    async def look(self, *, early: bool = False) -> None:
        """See how many of the last claim's jobs ended as soon as they had begun, and decide about the next claim.

        `early`: right after they began, before anything was waited for. The next look keeps what was seen then.
        """
        begun, self._begun = self._begun, ()
        if self._early and not begun:
            self._early = False
            return
        self._early, self._share, self.count = early, 0.0, 0
        if not begun:
            return
        if self._slots.ended < self._ended_before + len(begun):
            await asyncio.sleep(0)  # let them begin
        ended = min(len(begun), self._slots.ended - self._ended_before)
        self._share = ended / len(begun)
        if early:
            self._count_runs(begun)
            if ended == len(begun):
                self._seconds.append((time.monotonic() - self._began_at) / ended)
                self.count = self._most(begun)

    def _count_runs(self, begun: Sequence[Claimed]) -> None:
        self._runs.update([job.type for job in begun if self._may_wait(job)])
        if not self._slots.idle:
            self._forget([execution.claimed.type for execution in self._attempts.running()])

    def returned(self, jobs: Sequence[Claimed]) -> None:
        """Note that these were put back, because what began before them did not end at once: nothing is known of them now."""
        self._forget(job.type for job in jobs)

    def room(self) -> Sequence[Budget]:
        """What may be popped now."""
        self.used = self.count > 0
        return self._slots.budgets(self.count)

    def room_beside(self, claiming: int) -> Sequence[Budget]:
        """What may be popped beside a claim of so many jobs: as many of them will end at once as did of those before."""
        return self._slots.budgets(self.count, claiming=claiming, ending=int(claiming * self._share))

    def beyond(self, popped: int) -> BeyondSlots | None:
        """What a claim of so many jobs may take beyond the free slots; None where they are not more than these."""
        free = self._slots.free_on_loop
        if not self.count or popped <= free:
            return None
        return BeyondSlots(free, [kind for kind, runs in self._runs.items() if runs >= self._quick_runs])

    def _most(self, begun: Sequence[Claimed]) -> int:
        """How many more than slots are free may be claimed, after these ended at once."""
        if not self.more or any(self._runs[kind] < self._quick_runs for kind in {job.type for job in begun}):
            return 0
        free = self._slots.free_on_loop
        expected = int(HOLD_SECONDS / max(*self._seconds, 1e-9))
        return max(0, min(AHEAD_PER_SLOT * free, FULL_BATCH - free, expected - free))

    def _forget(self, types: Iterable[str]) -> None:
        for kind in types:
            self._runs.pop(kind, None)


def apart(
    claimed: Sequence[Claimed], beyond: BeyondSlots | None
) -> tuple[Sequence[Claimed], Sequence[Claimed]]:
    """The jobs of one claim that begin at once, and those that wait for a slot: first attempts of quick types."""
    if beyond is None or len(claimed) <= beyond.free:
        return claimed, ()
    quick = set(beyond.types)
    may_wait = [job for job in claimed if job.attempt == 1 and not job.unique and job.type in quick]
    later = may_wait[max(0, beyond.free - (len(claimed) - len(may_wait))) :]
    waiting = {job.id for job in later}
    return [job for job in claimed if job.id not in waiting], later
