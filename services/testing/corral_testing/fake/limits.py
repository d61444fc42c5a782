"""The fake's `limit_claims`: what is in use is what runs, so that it can't be wrong."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from corral.job.budget import BURST_SHARE, EXACT
from corral.job.job import Claimed
from corral.job.limit_use import parsed
from corral.job.state import State
from corral.store import ClaimedGroups, GroupState, LimitState, SlotHolder, WorkerState
from corral_testing.fake.memory import JobRow, Memory
from corral_testing.fake.running import claimed_from, start

SLACK = 1e-9
INFINITE = float("inf")


class FakeLimitClaims:
    """See corral.store.limit_claims."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def claim(
        self, worker: UUID, claim: UUID, groups: Mapping[UUID, int], types: Sequence[str], *, alone: bool
    ) -> ClaimedGroups:
        """Take the oldest jobs of these groups that their limits have room for."""
        fleet = self._memory.workers.get(worker)
        if fleet is None or fleet.state is not WorkerState.ACTIVE:
            return ClaimedGroups([], {})
        claimed: list[Claimed] = []
        weights: dict[UUID, float] = {}
        for group, take in groups.items():
            rows = [row for row in self._waiting(group, alone=alone) if self._may_run(row, types)]
            for row in rows[:take]:
                if self._full(row):
                    break
                self._take(row)
                for name in _names(row):
                    if (parked := self._memory.parked.get(name)) is not None:
                        parked.probe = row.id
                start(self._memory, row, worker, claim)
                claimed.append(claimed_from(row))
                weights[group] = max(self._weight(name) for name in _names(row))
        return ClaimedGroups(claimed, weights)

    async def look(self, groups: Sequence[UUID], *, alone: bool) -> dict[UUID, GroupState]:
        """What each of these groups waits for now."""
        states = {}
        for group in groups:
            head = next(iter(self._waiting(group, alone=alone)), None)
            full = tuple(self._full(head)) if head else ()
            others = tuple(name for name in _names(head) if name not in full) if head else ()
            states[group] = GroupState(head is None, full, others)
        return states

    async def limits_of(self, job: UUID) -> list[LimitState]:
        """Every limit of a job."""
        row = self._memory.jobs.get(job)
        if row is None or row.new.limits is None:
            return []
        return [
            self._state(name, cost)
            for name, cost in zip(row.new.limits.names, row.new.limits.costs, strict=True)
        ]

    async def holders(self, name: str, limit: int = 10) -> list[SlotHolder]:
        """The running jobs that hold something of a limit or a key, longest first."""
        rows = [row for row in self._memory.in_state([State.RUNNING]) if name in _names(row)]
        rows.sort(key=lambda row: (row.started_at, row.id))
        return [SlotHolder(row.id, row.worker, row.started_at, _cost(row, name)) for row in rows[:limit]]

    def _waiting(self, group: UUID, *, alone: bool) -> list[JobRow]:
        rows = [
            row
            for row in self._memory.in_state([State.QUEUED])
            if row.limit_group == group and row.suspect == alone
        ]
        return sorted(rows, key=lambda row: (row.queued_at, row.id))

    def _may_run(self, row: JobRow, types: Sequence[str]) -> bool:
        expired = (
            row.expires_at is not None and row.expires_at <= self._memory.clock.now() and not row.attempt
        )
        return row.new.type in types and not expired and not self._memory.queues[row.new.queue].paused

    def _full(self, row: JobRow) -> list[str]:
        """The limits and keys that have no room for a job."""
        return [name for name in _names(row) if self._state(name, _cost(row, name)).closed]

    def _take(self, row: JobRow) -> None:
        for name in _names(row):
            if "rate" in self._memory.values_of(name):
                self._memory.takes.setdefault(name, []).append((self._memory.clock.now(), _cost(row, name)))

    def _weight(self, name: str) -> float:
        return float(self._memory.values_of(name).get("weights", {}).get(parsed(name)[1], 1))

    def _state(self, name: str, cost: float) -> LimitState:
        limit, key = parsed(name)
        values = self._memory.values_of(name)
        bound, rate, per = values.get("each" if key else "total"), values.get("rate"), values.get("per")
        in_use = sum(
            _cost(row, name) for row in self._memory.in_state([State.RUNNING]) if name in _names(row)
        )
        declared = limit in self._memory.limits
        parked = self._memory.parked.get(name)
        waits = parked is not None and (parked.until > self._memory.clock.now() or parked.probe is not None)
        if not declared or values["paused"] or waits:
            room = -1.0
        elif rate is not None and per is not None:
            room = self._rate_room(name, rate, per, values.get("burst") or rate * BURST_SHARE)
        else:
            room = (INFINITE if bound is None else bound) - in_use
        now = self._memory.clock.now() if values["paused"] else None
        by = (
            "ann" if (limit, key) in self._memory.overrides or (limit, "") in self._memory.overrides else None
        )
        told = (None,) * 4 if parked is None else (parked.until, parked.by, parked.reason, parked.probe)
        return LimitState(name, cost, room, in_use, bound, rate, per, declared, now, by, *told)

    def _rate_room(self, name: str, rate: float, per: float, burst: float) -> float:
        takes, now = self._memory.takes.get(name, []), self._memory.clock.now()
        if rate <= EXACT:
            return rate - sum(cost for at, cost in takes if at > now - timedelta(seconds=per))
        left, since = burst, takes[0][0] if takes else now
        for at, cost in takes:
            left = min(burst, left + (at - since).total_seconds() * (rate - burst) / per) - cost
            since = at
        return float(min(burst, left + (now - since).total_seconds() * (rate - burst) / per))


def _names(row: JobRow) -> tuple[str, ...]:
    return row.new.limits.names if row.new.limits else ()


def _cost(row: JobRow, name: str) -> float:
    assert row.new.limits is not None
    return row.new.limits.costs[row.new.limits.names.index(name)]
