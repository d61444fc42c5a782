"""The fake's `leases` and `duties`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from corral.errors import LeaseLost
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import WAITING, Event, State, Writer
from corral.store import LEADER, Queued, QueuedCursor, Term
from corral.store.leader.housekeeping import Folded
from corral_testing.fake.job_row import JobRow, urgency
from corral_testing.fake.memory import Memory


class FakeLeases:
    """See corral.store.leader.leases."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def read(self, name: str = LEADER) -> Term | None:
        """The lease as it stands."""
        return self._memory.leases.get(name)

    async def acquire(self, holder: str, seen: Term | None, name: str = LEADER) -> Term | None:
        """Take the lease if it is still as seen."""
        current = self._memory.leases.get(name)
        if current is None:
            term = Term(name, holder, 1, 0) if seen is None else None
        elif seen is not None and (
            (seen.term, seen.beat) == (current.term, current.beat) or current.holder == holder
        ):
            term = Term(name, holder, current.term + 1, current.beat + 1)
        else:
            term = None
        if term is not None:
            self._memory.leases[name] = term
        return term

    async def renew(self, term: Term) -> Term:
        """Show life."""
        self.hold(term)
        renewed = replace(self._memory.leases[term.name], beat=self._memory.leases[term.name].beat + 1)
        self._memory.leases[term.name] = renewed
        return renewed

    async def give_up(self, term: Term) -> None:
        """Let others take it at once."""
        current = self._memory.leases.get(term.name)
        if current is not None and (current.holder, current.term) == (term.holder, term.term):
            given = replace(current, holder="", term=current.term + 1, beat=current.beat + 1)
            self._memory.leases[term.name] = given

    def hold(self, term: Term) -> None:
        """Refuse what is done in the name of a term that is over."""
        current = self._memory.leases.get(term.name)
        if current is None or current.term != term.term:
            raise LeaseLost(term.name, term.term)


class FakeDuties:
    """See corral.store.leader.duties; without retention. There is nothing to fold: counts are taken from the jobs."""

    def __init__(self, memory: Memory, leases: FakeLeases) -> None:
        self._memory = memory
        self._leases = leases

    async def promote(
        self, term: Term, limit: int = 1000, *, within: float | None = None
    ) -> Sequence[Queued]:
        """Queue what is due, earliest first."""
        self._leases.hold(term)
        memory = self._memory
        now = memory.clock.now()
        due = [
            row
            for row in memory.in_state([State.SCHEDULED])
            if row.run_at is not None and row.run_at <= now and _recent(row.run_at, now, within)
        ]
        due.sort(key=lambda row: (row.run_at, row.id))
        for row in due[:limit]:
            memory.move(row, Event.DUE, Writer.MAINTENANCE, State.QUEUED)
        return [Queued(row.lane, row.id, 0.0, row.limit_group) for row in due[:limit]]

    async def expire(self, term: Term, limit: int = 1000) -> list[UUID]:
        """Cancel what was not claimed in time."""
        self._leases.hold(term)
        memory = self._memory
        now = memory.clock.now()
        late = [
            row
            for row in memory.in_state(sorted(WAITING))
            if row.expires_at is not None and row.expires_at <= now and row.attempt == 0
        ]
        for row in late[:limit]:
            row.error = {"kind": "expired", "message": "expired before it was claimed"}
            memory.move(row, Event.EXPIRED, Writer.MAINTENANCE, State.CANCELLED)
        return [row.id for row in late[:limit]]

    async def fold_stats(self, term: Term, limit: int = 20_000) -> Folded:  # noqa: ARG002  there is nothing
        """Nothing is left to fold."""
        self._leases.hold(term)
        return Folded(0)

    async def next_due(self, *, within: float | None = None) -> float | None:
        """Seconds until the next scheduled job is due."""
        now = self._memory.clock.now()
        times = [
            row.run_at
            for row in self._memory.in_state([State.SCHEDULED])
            if row.run_at is not None and _recent(row.run_at, now, within)
        ]
        return (min(times) - now).total_seconds() if times else None

    async def queued_page(
        self,
        lane: Lane | None = None,
        cursor: QueuedCursor | None = None,
        limit: int = 5000,
        *,
        within: float | None = None,
    ) -> tuple[list[Queued], QueuedCursor | None]:
        """Queued jobs, oldest first, list by list."""
        rows = sorted(self._memory.in_state([State.QUEUED]), key=urgency)
        now = self._memory.clock.now()
        rows = [
            row
            for row in rows
            if row.limit_group is None
            and (lane is None or (row.lane == lane and _recent(row.queued_at, now, within)))
        ]
        if cursor is not None:
            rows = [row for row in rows if urgency(row) > _place(cursor)]
        page = rows[:limit]
        return [self._queued(row) for row in page], _cursor(page[-1]) if len(page) == limit else None

    def _queued(self, row: JobRow) -> Queued:
        assert row.queued_at is not None
        age: timedelta = self._memory.clock.now() - row.queued_at
        return Queued(row.lane, row.id, age.total_seconds())


def _recent(moment: datetime | None, now: datetime, within: float | None) -> bool:
    return within is None or (moment is not None and (now - moment).total_seconds() <= within)


def _cursor(row: JobRow) -> QueuedCursor:
    queue, suspect, priority, queued_at, id = urgency(row)
    return QueuedCursor(queue, suspect, priority.value, queued_at.isoformat(), id)


def _place(cursor: QueuedCursor) -> tuple[str, bool, Priority, datetime, UUID]:
    queued_at = datetime.fromisoformat(cursor.queued_at)
    return (cursor.queue, cursor.suspect, Priority(cursor.priority), queued_at, cursor.id)
