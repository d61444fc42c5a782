"""The fake's `limit_claims`: what is in use is what runs, so that it can't be wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from corral.job.batch import Batch
from corral.job.budget import BURST_SHARE, EXACT
from corral.job.job import Claimed
from corral.job.limit_use import parsed
from corral.job.state import State
from corral.store import ClaimedGroups, GroupState, LimitState, SlotHolder, WorkerState
from corral.store.attempts.batch_claims import GatheringBatch
from corral_testing.fake.claims import claimed_from, start
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.memory import Memory, cost_of, names_of
from corral_testing.fake.open_claims import FakeOpenClaims
from corral_testing.fake.rates import rate_room
from corral_testing.fake.slots import FakeSlot

SLACK, INFINITE = 1e-9, float("inf")
NO_BATCHES: Mapping[str, Batch] = {}


class FakeLimitClaims(FakeOpenClaims):
    """See corral.store.attempts.limit_claims."""

    def __init__(self, memory: Memory, slots: Mapping[UUID, FakeSlot] | None = None) -> None:
        self._memory = memory
        self._slots = {} if slots is None else slots

    async def claim(
        self,
        worker: UUID,
        claim: UUID,
        groups: Mapping[UUID, int],
        types: Sequence[str],
        *,
        alone: bool,
        held: Sequence[UUID] = (),
        batches: Mapping[str, Batch] = NO_BATCHES,
    ) -> ClaimedGroups:
        """Take the oldest jobs of these groups that their limits have room for, batch by batch."""
        fleet = self._memory.workers.get(worker)
        if fleet is None or fleet.state is not WorkerState.ACTIVE:
            return ClaimedGroups([], {})
        claimed: list[Claimed] = []
        weights: dict[UUID, float] = {}
        for group, take in groups.items():
            waiting = [row for row in self._startable(group, alone=alone) if self._may_run(row, types)]
            batch = batches.get(waiting[0].new.type) if waiting and not alone else None
            rows = waiting[: 1 if alone and waiting and waiting[0].new.type in batches else take]
            if batch is not None:
                rows = self._together(waiting, batch, take)
            size = batch.size if batch is not None else 1
            for n, row in enumerate(rows):
                first = n % size == 0
                if self._full(row, first=first) or self._busy(
                    row, worker, [*held, *(one.id for one in claimed)]
                ):
                    break
                self._memory.parts[row.id] = float(first)
                self._take(row)
                for name in names_of(row):
                    if (parked := self._memory.parked.get(name)) is not None:
                        parked.probe = row.id
                start(self._memory, row, worker, claim)
                claimed.append(claimed_from(row))
                weights[group] = max((self._weight(name) for name in names_of(row)), default=1.0)
            started = [row.id for row in rows if row.claim == claim]
            for n, id in enumerate(started):
                self._memory.parts[id] = 1 / len(started[n - n % size :][:size])
        return ClaimedGroups(claimed, weights)

    async def look(
        self,
        groups: Sequence[UUID],
        *,
        alone: bool,
        worker: UUID | None = None,
        held: Sequence[UUID] = (),
        batches: Mapping[str, Batch] = NO_BATCHES,
    ) -> dict[UUID, GroupState]:
        """What each of these groups waits for now."""
        states = {}
        for group in groups:
            waiting = self._waiting(group, alone=alone)
            head = next(iter([*self._startable(group, alone=alone), *waiting]), None)
            if head is None:
                states[group] = GroupState(True)
                continue
            full = tuple(self._full(head))
            others = tuple(name for name in names_of(head) if name not in full)
            busy = self._busy(head, worker, held)
            batch = batches.get(head.new.type) if not alone else None
            opens = self._opens_in(full)
            if batch is None:
                states[group] = GroupState(False, full, others, busy, opens_in=opens)
                continue
            first = waiting[: batch.size]
            heavy = batch.max_bytes is not None and sum(map(_bytes, first)) > batch.max_bytes
            missing = 0 if heavy else batch.size - len(first)
            due_in = 0.0 if self._again(waiting, batch) else max(0.0, batch.wait - self._age(head))
            states[group] = GroupState(False, full, others, busy, due_in, missing, opens)
        return states

    async def gathered(self, job: UUID, size: int) -> GatheringBatch:
        """The jobs that wait with this one to be handled together."""
        row = self._memory.jobs.get(job)
        if row is None or row.limit_group is None or row.suspect:
            return GatheringBatch(0, 0.0)
        rows = self._waiting(row.limit_group, alone=False)[:size]
        return GatheringBatch(len(rows), self._age(rows[0]) if rows else 0.0)

    def _age(self, row: JobRow) -> float:
        assert row.queued_at is not None
        return (self._memory.clock.now() - row.queued_at).total_seconds()

    def _opens_in(self, full: Sequence[str]) -> float | None:
        """Seconds until all of these may have room by themselves."""
        waits: list[float] = []
        for name in full:
            values, now = self._memory.values_of(name), self._memory.clock.now()
            per = values.get("per") or 0.0
            held = values["paused"] or name in self._memory.parked or values.get("rate", EXACT + 1) > EXACT
            taken = [at for at, _ in self._memory.takes.get(name, []) if at > now - timedelta(seconds=per)]
            if held or not taken:
                return None
            waits.append((min(taken) - now).total_seconds() + per)
        return max(waits, default=None)

    def _again(self, waiting: list[JobRow], batch: Batch) -> bool:
        """Whether a batch that is not full has a job that was tried before."""
        return len(waiting) < batch.size and any(row.attempt for row in waiting)

    def _together(self, waiting: list[JobRow], batch: Batch, take: int) -> list[JobRow]:
        """The jobs of the batches that may start."""
        old = self._age(waiting[0]) >= batch.wait or self._again(waiting, batch)
        if batch.max_bytes is not None:
            rows = waiting[: batch.size]
            fit = [
                row
                for n, row in enumerate(rows, 1)
                if n == 1 or sum(map(_bytes, rows[:n])) <= batch.max_bytes
            ]
            return fit if old or len(fit) == batch.size or len(fit) < len(rows) else []
        rows = waiting[: batch.size * take]
        return rows if len(rows) < batch.size and old else rows[: len(rows) - len(rows) % batch.size]

    async def limits_of(self, job: UUID) -> list[LimitState]:
        """Every limit of a job."""
        row = self._memory.jobs.get(job)
        if row is None or row.new.limits is None:
            return []
        return [self._state(name, row) for name in row.new.limits.names]

    async def by_worker(self, limit: str) -> dict[str, int]:
        """How many jobs of a limit each worker runs."""
        rows = [row for row in self._memory.in_state([State.RUNNING]) if limit in _limits(row)]
        return dict(Counter(self._memory.workers[row.worker].record.name for row in rows if row.worker))

    async def holders(self, name: str, limit: int = 10) -> list[SlotHolder]:
        """The jobs that hold something of a limit or a key, longest first."""
        rows = self._holding(name)
        found = [SlotHolder(row.id, row.worker, row.started_at, self._part(row, name)) for row in rows]
        for slot in self._slots.values():
            if name in slot.names:
                holder = None if slot.job is None else self._memory.jobs.get(slot.job)
                worker = None if holder is None else holder.worker
                found.append(SlotHolder(slot.job, worker, slot.since, 1, slot.program))
        found.sort(key=lambda one: (one.since or self._memory.clock.now(), str(one.job)))
        return found[:limit]

    def has_no_slot(self, name: str) -> bool:
        """Whether a handler or a program finds no slot of this name."""
        return self._state(name, None).closed

    def _holding(self, name: str) -> list[JobRow]:
        """What runs and takes of a name, and the job that keeps its slot while it waits."""
        rows = [row for row in self._memory.in_state([State.RUNNING]) if name in names_of(row)]
        holder = self._memory.holder_of(name)
        return rows if holder is None or holder in rows else [*rows, holder]

    def _startable(self, group: UUID, *, alone: bool) -> list[JobRow]:
        """The waiting jobs of a group; where slots are kept for life, only the one that keeps them."""
        rows = self._waiting(group, alone=alone)
        kept = [self._memory.holder_of(name) for name in (names_of(rows[0]) if rows else ())]
        return [row for row in rows if all(holder in (None, row) for holder in kept)]

    def _busy(self, row: JobRow, worker: UUID | None, held: Sequence[UUID]) -> tuple[str, ...]:
        """Limits of a job of which the worker runs as many as each worker may."""
        runs = [one for one in self._memory.rows(held) if one.worker == worker and one.state is State.RUNNING]
        return tuple(
            limit
            for limit in sorted(_limits(row))
            if (most := self._memory.values_of(limit).get("per_worker")) is not None
            and sum(limit in _limits(one) for one in runs) >= most
        )

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

    def _full(self, row: JobRow, *, first: bool = True) -> list[str]:
        """The limits and keys that have no room for a job; all but the first of a batch need none of what counts batches."""
        names = [name for name in names_of(row) if first or not self._by_batch(name)]
        return [name for name in names if self._state(name, row).closed]

    def _by_batch(self, name: str) -> bool:
        return self._memory.values_of(parsed(name)[0]).get("unit") == "batch"

    def _part(self, row: JobRow, name: str) -> float:
        """What a job that runs holds of a name."""
        return self._memory.parts.get(row.id, 1.0) if self._by_batch(name) else cost_of(row, name)

    def _take(self, row: JobRow) -> None:
        for name in names_of(row):
            values = self._memory.values_of(name)
            if "rate" in values and not self._until_end(values):
                self._memory.takes.setdefault(name, []).append((self._memory.clock.now(), cost_of(row, name)))
            if self._for_life(name) and self._memory.holder_of(name) is None:
                self._memory.holders[name] = (row.id, row.life)

    def _until_end(self, values: Mapping[str, Any]) -> bool:
        """Whether what runs counts of a rate, and what it took from its end on."""
        return bool(values.get("at") == "attempt" and values["rate"] <= EXACT)

    def _for_life(self, name: str) -> bool:
        values = self._memory.values_of(name)
        return values.get("hold") == "life" and values.get("each" if parsed(name)[1] else "total") == 1

    def _weight(self, name: str) -> float:
        return float(self._memory.values_of(name).get("weights", {}).get(parsed(name)[1], 1))

    def _state(self, name: str, row: JobRow | None) -> LimitState:
        cost, holder = (
            1.0 if row is None or self._by_batch(name) else cost_of(row, name),
            self._memory.holder_of(name),
        )
        limit, key = parsed(name)
        values = self._memory.values_of(name)
        bound, rate, per = values.get("each" if key else "total"), values.get("rate"), values.get("per")
        in_use = sum(self._part(one, name) for one in self._holding(name))
        in_use += sum(slot.names.count(name) for slot in self._slots.values())
        declared = limit in self._memory.limits
        parked = self._memory.parked.get(name)
        waits = parked is not None and (parked.until > self._memory.clock.now() or parked.probe is not None)
        if not declared or values["paused"] or waits:
            room = -1.0
        elif rate is not None and per is not None:
            room = rate_room(self._memory, name, rate, per, values.get("burst") or rate * BURST_SHARE)
            if self._until_end(values):
                room -= in_use
        else:
            room = (INFINITE if bound is None else bound) - in_use
            if holder is not None:
                room = cost if holder is row else min(room, 0)
        now = self._memory.clock.now() if values["paused"] else None
        by = (
            "ann" if (limit, key) in self._memory.overrides or (limit, "") in self._memory.overrides else None
        )
        per_worker = values.get("per_worker")
        return LimitState(
            name,
            cost,
            room,
            in_use,
            bound,
            rate,
            per,
            declared,
            now,
            by,
            parked_until=parked.until if parked else None,
            parked_by=parked.by if parked else None,
            parked_reason=parked.reason if parked else None,
            probe=parked.probe if parked else None,
            for_life=self._for_life(name),
            per_worker=per_worker,
        )


def _bytes(row: JobRow) -> int:
    return len(row.new.payload.encode())


def _limits(row: JobRow) -> set[str]:
    return {parsed(name)[0] for name in names_of(row)}
