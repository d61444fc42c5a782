"""The fake's `limit_leases`: slots that handlers and programs hold beside those of jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from corral.job.state import State
from corral.store import Term
from corral.store.limits.leases import LEASE_SECONDS, LeaseAnswer
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import Memory


@dataclass(frozen=True, slots=True)
class FakeSlot:
    """One slot of each of these names."""

    names: tuple[str, ...]
    job: UUID | None
    attempt: int | None
    program: str | None
    since: datetime
    until: datetime


class FakeLimitLeases:
    """See corral.store.limits.leases."""

    def __init__(
        self, memory: Memory, leases: FakeLeases, held: dict[UUID, FakeSlot], full: Callable[[str], bool]
    ) -> None:
        """`held` is what this writes, for others to read; `full` tells whether a name has no room."""
        self._memory = memory
        self._leases = leases
        self._held = held
        self._full = full

    async def take(self, lease: UUID, names: Sequence[str], job: UUID, attempt: int) -> LeaseAnswer:
        """Take one slot of each, of all or of none."""
        return self._take(lease, names, job, attempt, None)

    async def take_for_program(self, lease: UUID, names: Sequence[str], program: str) -> bool:
        """The same for a program."""
        return self._take(lease, names, None, None, program).taken

    async def of_program(self, lease: UUID) -> list[str]:
        """What a program holds by this lease."""
        slot = self._held.get(lease)
        return list(slot.names) if slot is not None and slot.program is not None else []

    async def renew(self, leases: Sequence[UUID]) -> set[UUID]:
        """Hold these on; those that are still held."""
        now = self._memory.clock.now()
        kept = {
            one
            for one in leases
            if (slot := self._held.get(one)) is not None
            and slot.until > now
            and self._runs(slot.job, slot.attempt)
        }
        for one in kept:
            self._held[one] = replace(self._held[one], until=now + timedelta(seconds=LEASE_SECONDS))
        return kept

    async def release(self, lease: UUID) -> list[str]:
        """Give a slot back."""
        slot = self._held.pop(lease, None)
        return [] if slot is None else list(slot.names)

    async def expire(self, term: Term, limit: int = 1000) -> dict[str, int]:
        """End what was not renewed."""
        self._leases.hold(term)
        over = [id for id, slot in self._held.items() if slot.until < self._memory.clock.now()]
        freed: dict[str, int] = {}
        for id in over[:limit]:
            for name in self._held.pop(id).names:
                freed[name] = freed.get(name, 0) + 1
        return freed

    def _take(
        self, lease: UUID, names: Sequence[str], job: UUID | None, attempt: int | None, program: str | None
    ) -> LeaseAnswer:
        holds = self._runs(job, attempt)
        if lease in self._held:
            return LeaseAnswer(True, holds)
        if not holds or any(self._full(name) for name in names):
            return LeaseAnswer(False, holds)
        now = self._memory.clock.now()
        until = now + timedelta(seconds=LEASE_SECONDS)
        self._held[lease] = FakeSlot(tuple(names), job, attempt, program, now, until)
        return LeaseAnswer(True, holds)

    def _runs(self, job: UUID | None, attempt: int | None) -> bool:
        if job is None:
            return True
        row = self._memory.jobs.get(job)
        return row is not None and row.state is State.RUNNING and row.attempt == attempt
