"""The fake's `workers` and the heartbeat."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from corral.errors import NotFound
from corral.job.state import Event, State, Writer
from corral.store import Beat, GivenBack, LiveWorker, Reclaimed, Term, WorkerRecord, WorkerState
from corral.store.workers.drains import POOL, leaves, person
from corral.store.workers.heartbeat import UNHELD, UNHELD_SECONDS
from corral.store.workers.reclaiming import STOPPED, lost
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import FakeWorker, Memory


class FakeWorkers:
    """See corral.store.workers.workers."""

    def __init__(self, memory: Memory, leases: FakeLeases) -> None:
        self._memory = memory
        self._leases = leases

    async def register(self, worker: WorkerRecord) -> None:
        """Make the incarnation known."""
        self._memory.workers.setdefault(worker.id, FakeWorker(worker, self._memory.clock.now()))

    async def list(self) -> Sequence[WorkerRecord]:
        """The workers that are alive."""
        return [self._record(fleet) for fleet in self._memory.workers.values() if fleet.alive]

    async def get(self, id: UUID) -> WorkerRecord | None:
        """The incarnation of that id."""
        fleet = self._memory.workers.get(id)
        return self._record(fleet) if fleet else None

    async def name_of(self, id: UUID) -> str | None:
        """Its name; None where nothing knows it."""
        fleet = self._memory.workers.get(id)
        return fleet.record.name if fleet else None

    async def live(self) -> Sequence[LiveWorker]:
        """Every worker that may hold jobs."""
        now = self._memory.clock.now()
        found = [
            LiveWorker(
                id=id,
                name=fleet.record.name,
                draining=fleet.state is WorkerState.DRAINING,
                drained_by=fleet.drained_by,
                alive_for=(now - fleet.since).total_seconds(),
            )
            for id, fleet in self._memory.workers.items()
            if fleet.alive
        ]
        return sorted(found, key=lambda worker: (worker.name, -worker.alive_for, worker.id))

    async def running(self) -> dict[UUID, int]:
        """How many jobs each worker runs."""
        counts = {id: len(self._memory.held_by(id)) for id in self._memory.workers}
        return {id: count for id, count in counts.items() if count}

    async def drain(self, which: UUID | str, actor: str) -> Sequence[UUID]:
        """No claim of this worker succeeds any more."""
        found = self._alive(which)
        for fleet in found:
            fleet.state = WorkerState.DRAINING
            fleet.drained_by = person(actor)
        return [fleet.record.id for fleet in found]

    async def lift(self, which: UUID | str, actor: str) -> Sequence[UUID]:  # noqa: ARG002
        """Let a worker claim again that a person drained."""
        draining = [one for one in self._alive(which) if one.state is WorkerState.DRAINING]
        pools = [one.drained_by for one in draining if one.drained_by and one.drained_by.startswith(POOL)]
        found = [one for one in draining if one.drained_by not in pools]
        if pools and not found:
            raise leaves(which, pools[0])
        for fleet in found:
            fleet.state, fleet.drained_by = WorkerState.ACTIVE, None
        return [fleet.record.id for fleet in found]

    async def drain_for(self, names: Iterable[str], by: str, term: Term) -> Sequence[UUID]:
        """Drain those of these names that nobody drains yet."""
        self._leases.hold(term)
        wanted = set(names)
        found = [
            fleet
            for fleet in self._memory.workers.values()
            if fleet.state is WorkerState.ACTIVE and fleet.record.name in wanted
        ]
        for fleet in found:
            fleet.state, fleet.drained_by = WorkerState.DRAINING, by
        return [fleet.record.id for fleet in found]

    async def undrain(self, names: Iterable[str], by: str, term: Term) -> Sequence[UUID]:
        """Let those claim again that are drained by `by`, and by nobody else."""
        self._leases.hold(term)
        wanted = set(names)
        found = [
            fleet
            for fleet in self._memory.workers.values()
            if fleet.state is WorkerState.DRAINING and fleet.drained_by == by and fleet.record.name in wanted
        ]
        for fleet in found:
            fleet.state, fleet.drained_by = WorkerState.ACTIVE, None
        return [fleet.record.id for fleet in found]

    async def stop(self, id: UUID) -> Sequence[Reclaimed]:
        """Say goodbye; what is held is released."""
        fleet = self._memory.workers.get(id)
        if fleet is None or not fleet.alive:
            return []
        fleet.state = WorkerState.STOPPED
        rows = self._memory.held_by(id)
        return [self._take(row, stalled=False, alone=len(rows) == 1, reason=STOPPED) for row in rows]

    async def observations(self) -> Sequence[tuple[UUID, int]]:
        """Every live worker's id and heartbeat counter."""
        return [(id, fleet.counter) for id, fleet in self._memory.workers.items() if fleet.alive]

    async def reclaim(
        self, worker: UUID, counter: int, term: Term, *, how: str | None = None
    ) -> Sequence[Reclaimed] | None:
        """Take a silent worker for lost, then its jobs."""
        self._leases.hold(term)
        fleet = self._memory.workers.get(worker)
        if fleet is None or not fleet.alive or fleet.counter != counter:
            return None
        fleet.state = WorkerState.LOST
        rows = self._memory.held_by(worker)
        return [self._take(row, stalled=True, alone=len(rows) == 1, reason=lost(how)) for row in rows]

    def _alive(self, which: UUID | str) -> Sequence[FakeWorker]:
        """Those of that id or name."""
        found = [
            fleet
            for fleet in self._memory.workers.values()
            if fleet.alive and which in {fleet.record.id, fleet.record.name}
        ]
        if not found:
            raise NotFound("worker", which)
        return found

    def _take(self, row: JobRow, *, stalled: bool, alone: bool, reason: str) -> Reclaimed:
        memory, attempt, timed_out = self._memory, row.attempt, row.timed_out
        cancelled = row.cancel_requested_at is not None
        if timed_out and not cancelled:
            memory.end_timed_out(row, Writer.MAINTENANCE, reason=reason)
            return self._reclaimed(row, attempt, alone=alone)
        stall = {"kind": "stall", "type": "WorkerLost", "message": reason} if stalled else None
        error = row.error if timed_out else stall
        outcome = "stalled" if stalled else "released"
        memory.keep(row, "cancelled" if cancelled else outcome, error=error, reason=reason)
        row.errors += timed_out
        row.error = error or row.error
        row.stalls += stalled and alone and not timed_out
        if cancelled:
            memory.move(row, Event.CANCELLED, Writer.MAINTENANCE, State.CANCELLED)
        elif stalled and row.stalls > row.new.max_stalls:
            memory.move(row, Event.STALLED_OUT, Writer.MAINTENANCE, State.FAILED)
        else:
            event = Event.STALLED if stalled else Event.RELEASED
            memory.move(row, event, Writer.MAINTENANCE, State.QUEUED)
            row.suspect = row.suspect or stalled
            row.releases += not stalled
        return self._reclaimed(row, attempt, alone=alone)

    def _reclaimed(self, row: JobRow, attempt: int, *, alone: bool) -> Reclaimed:
        due_in = (row.run_at - self._memory.clock.now()).total_seconds() if row.run_at else 0.0
        return Reclaimed(
            id=row.id,
            attempt=attempt,
            state=row.state,
            lane=row.lane,
            alone=alone,
            due_in=max(0.0, due_in),
            error=row.error,
            limit_group=row.limit_group,
        )

    def _record(self, fleet: FakeWorker) -> WorkerRecord:
        running = len(self._memory.held_by(fleet.record.id))
        return replace(fleet.record, state=fleet.state, drained_by=fleet.drained_by, running=running)


class FakeHeartbeat:
    """See corral.store.workers.heartbeat."""

    def __init__(self, memory: Memory, worker: UUID) -> None:
        self._memory = memory
        self._worker = worker

    def beat(self, held: Sequence[tuple[UUID, int]], status: Mapping[str, Any]) -> Beat:  # noqa: ARG002
        """Count one up and hear what the store thinks."""
        fleet = self._memory.workers.get(self._worker)
        if fleet is None or not fleet.alive:
            return Beat(known=False, draining=False, cancels=frozenset(), stolen=frozenset(), released=())
        fleet.counter += 1
        rows = self._memory.held_by(self._worker)
        mine = {(row.id, row.attempt) for row in rows}
        since = self._memory.clock.now() - timedelta(seconds=UNHELD_SECONDS)
        unheld = [
            row
            for row in rows
            if (row.id, row.attempt) not in held and row.started_at is not None and row.started_at < since
        ]
        cancels = {row.id for row in rows if (row.id, row.attempt) in held and row.cancel_requested_at}
        return Beat(
            known=True,
            draining=fleet.state is WorkerState.DRAINING,
            cancels=frozenset(cancels),
            stolen=frozenset(held) - mine,
            released=tuple(self._release(row) for row in unheld),
            webhooks=any(one.enabled and one.fields.events for one in self._memory.webhooks.values()),
        )

    def close(self) -> None:
        """Nothing to close."""

    def _release(self, row: JobRow) -> GivenBack:
        memory, attempt = self._memory, row.attempt
        cancelled = row.cancel_requested_at is not None
        if row.timed_out and not cancelled:
            memory.end_timed_out(row, Writer.WORKER, reason=UNHELD)
            row.worker = None
            return GivenBack(row.id, attempt, None)
        outcome = "cancelled" if cancelled else "released"
        memory.keep(row, outcome, error=row.error if row.timed_out else None, reason=UNHELD)
        row.errors += row.timed_out
        if cancelled:
            memory.move(row, Event.CANCELLED, Writer.WORKER, State.CANCELLED)
            row.worker = None
            return GivenBack(row.id, row.attempt, None)
        memory.move(row, Event.RELEASED, Writer.WORKER, State.QUEUED)
        row.releases += 1
        return GivenBack(row.id, row.attempt, row.lane, row.limit_group)
