"""What the fake holds, and the one way a job moves: along a row of the table of transitions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from corral.ids import new_id
from corral.job.budget import EXACT
from corral.job.limit_use import parsed
from corral.job.state import Event, State, Writer, allowed
from corral.scaling.decision_record import ScalingDecision
from corral.store import AuditEntry, StoredFollowUp, StoredQueue, Term, WorkerRecord, WorkerState
from corral.store.jobs.queries import AttemptRecord
from corral.webhook.delivery import DeliveryStatus, StoredDelivery
from corral.webhook.webhook import Webhook
from corral_testing.fake.deliveries import TOLD, chosen, told_of
from corral_testing.fake.job_row import JobRow


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        """The moment it is."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


@dataclass(slots=True)
class HeldKey:
    """A unique key: who holds it, who waits for its end, and until when it is held; None: while the holder is live."""

    holder: UUID
    waiting: UUID | None
    taken_at: datetime
    until: datetime | None


@dataclass(slots=True)
class FakeWorker:
    """A worker incarnation, its state and its heartbeats."""

    record: WorkerRecord
    since: datetime
    state: WorkerState = WorkerState.ACTIVE
    drained_by: str | None = None
    counter: int = 0

    @property
    def alive(self) -> bool:
        """Whether it may hold jobs."""
        return self.state in {WorkerState.ACTIVE, WorkerState.DRAINING}


@dataclass(slots=True)
class ParkedKey:
    """A limit or key of one of which a provider asked to wait, until one job has succeeded that goes first."""

    until: datetime
    by: UUID
    reason: str
    probe: UUID | None = None


@dataclass(slots=True)
class WebhookSecretKey:
    """A secret that signs, and until when; None: until another one takes its place."""

    secret: str
    expires_at: datetime | None = None


@dataclass(slots=True)
class Memory:
    """Everything the fake knows."""

    clock: Clock = field(default_factory=Clock)
    jobs: dict[UUID, JobRow] = field(default_factory=dict)
    attempts: dict[tuple[UUID, int], AttemptRecord] = field(default_factory=dict)
    follow_ups: list[StoredFollowUp] = field(default_factory=list)
    keys: dict[str, HeldKey] = field(default_factory=dict)
    """Unique keys, by name."""
    workers: dict[UUID, FakeWorker] = field(default_factory=dict)
    queues: dict[str, StoredQueue] = field(default_factory=dict)
    leases: dict[str, Term] = field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The values of each limit."""
    overrides: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What is set over them, by limit and key."""
    holders: dict[str, tuple[UUID, int]] = field(default_factory=dict)
    """Of each key of a limit that is held for life: the job that keeps the slot, and in which of its lives it took it."""
    takes: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    """When how much was taken of each rate, and of each of its keys."""
    parts: dict[UUID, float] = field(default_factory=dict)
    """Of each job that was claimed in a batch: its part of the batch."""
    parked: dict[str, ParkedKey] = field(default_factory=dict)
    """By the name of the limit, or of its key."""
    decisions: dict[UUID, ScalingDecision] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    webhook_secrets: dict[str, list[WebhookSecretKey]] = field(default_factory=dict)
    """Of each webhook, oldest first."""
    deliveries: dict[UUID, StoredDelivery] = field(default_factory=dict)
    tells: bool = True
    """Whether webhooks are told of ends; False where a worker writes outcomes that has heard of no webhook."""

    def holder_of(self, name: str) -> JobRow | None:
        """The job that keeps the slot of a key until it has ended."""
        id, life = self.holders.get(name, (None, 0))
        row = self.jobs.get(id) if id else None
        return row if row is not None and row.life == life and not row.state.terminal else None

    def values_of(self, name: str) -> dict[str, Any]:
        """The values in force of a limit or of one of its keys, and whether it is paused."""
        limit, key = parsed(name)
        whole, one = self.overrides.get((limit, ""), {}), self.overrides.get((limit, key), {})
        paused = whole.get("paused", False) or one.get("paused", False)
        return self.limits.get(limit, {}) | whole | (one if key else {}) | {"paused": paused}

    def rows(self, ids: Iterable[UUID]) -> list[JobRow]:
        """The rows of those ids that exist, in the order of the ids."""
        return [self.jobs[id] for id in ids if id in self.jobs]

    def held_by(self, worker: UUID) -> list[JobRow]:
        """What runs under a worker, by id."""
        rows = [row for row in self.jobs.values() if row.state is State.RUNNING and row.worker == worker]
        return sorted(rows, key=lambda row: row.id)

    def in_state(self, states: Sequence[State]) -> list[JobRow]:
        """Every job in one of these states."""
        return [row for row in self.jobs.values() if row.state in states]

    def move(self, row: JobRow, event: Event, writer: Writer, after: State) -> None:
        """Take a job to its next state.

        Raises:
            AssertionError: the table of transitions has no such row.
        """
        assert after in allowed(row.state, event, writer), f"{row.state} does not become {after} on {event}"
        now = self.clock.now()
        if row.state is State.RUNNING:
            self._end_probe(row, opens=event is Event.SUCCEEDED)
            self._note_takes(row)
        row.state, row.updated_at, row.claim = after, now, None
        row.run_at = None
        if after is State.QUEUED:
            row.queued_at = row.queued_at if event is Event.RATE_LIMITED else now
            row.worker, row.finished_at = None, None
        elif after.terminal:
            row.finished_at, row.suspect = now, False
            self._tell(row)
        else:
            row.worker = None

    def _tell(self, row: JobRow) -> None:
        """Store what webhooks are told of the end of a job."""
        event, shown = f"job.{row.state}", row.job()
        for webhook in sorted(self.webhooks.values(), key=lambda one: one.name) if self.tells else ():
            if chosen(webhook, row.new, event):
                values = {name: getattr(shown, name) for name in TOLD}
                self.deliver(webhook.name, event, told_of(values, row.life), job=row.id, number=row.life)

    def deliver(
        self,
        webhook: str,
        event: str,
        data: Mapping[str, Any],
        *,
        job: UUID | None = None,
        number: int | None = None,
    ) -> StoredDelivery:
        """Store a delivery that is to be sent."""
        made = StoredDelivery(
            id=new_id(),
            webhook=webhook,
            event=event,
            job=job,
            number=number,
            data=data,
            status=DeliveryStatus.PENDING,
            sent_by=None,
            attempts=0,
            last_attempt_at=None,
            last_status=None,
            last_error=None,
            next_attempt_at=None,
            delivered_at=None,
            created_at=self.clock.now(),
        )
        self.deliveries[made.id] = made
        return made

    def _end_probe(self, row: JobRow, *, opens: bool) -> None:
        """A job that went first makes room for the next one, or for all."""
        for name in [name for name, key in self.parked.items() if key.probe == row.id]:
            if opens:
                del self.parked[name]
            else:
                self.parked[name].probe = None

    def _note_takes(self, row: JobRow) -> None:
        """What it took of rates that count until the end of attempts counts from now on."""
        for name in names_of(row):
            values = self.values_of(name)
            if values.get("at") == "attempt" and values["rate"] <= EXACT:
                self.takes.setdefault(name, []).append((self.clock.now(), cost_of(row, name)))

    def end_timed_out(self, row: JobRow, writer: Writer, *, reason: str) -> None:
        """End an attempt whose worker gave it up, and whose timeout had struck, as that error."""
        seconds = row.timed_out_retry_in
        self.keep(row, "failed" if seconds is None else "errored", error=row.error, reason=reason)
        row.errors += 1
        if seconds is None:
            self.move(row, Event.EXHAUSTED, writer, State.FAILED)
        else:
            self.move(row, Event.ERRED, writer, State.SCHEDULED)
            row.run_at = self.clock.now() + timedelta(seconds=seconds)

    def keep(self, row: JobRow, outcome: str, *, error: dict[str, Any] | None, reason: str | None) -> None:
        """Remember how the row's attempt ended, before it moves on."""
        self.attempts[row.id, row.attempt] = AttemptRecord(
            job=row.id,
            attempt=row.attempt,
            life=row.life,
            outcome=outcome,
            worker=row.worker,
            started_at=row.started_at,
            ended_at=self.clock.now(),
            error=error,
            reason=reason,
            result=None,
        )

    def name_queue(self, name: str) -> None:
        """A queue exists from the first time it is named."""
        if name not in self.queues:
            self.queues[name] = StoredQueue(name, None, None, {}, {}, self.clock.now())


def names_of(row: JobRow) -> tuple[str, ...]:
    """What a job takes of: limits, and their keys."""
    return row.new.limits.names if row.new.limits else ()


def cost_of(row: JobRow, name: str) -> float:
    """How much it takes of one of them."""
    assert row.new.limits is not None
    return row.new.limits.costs[row.new.limits.names.index(name)]


def release(memory: Memory, ended: Iterable[JobRow]) -> list[UUID]:
    """Give back the unique keys of jobs that have ended; the jobs that go on because of that."""
    promoted: list[UUID] = []
    rows = list(ended)
    for row in rows:
        key = None if row.new.unique is None else memory.keys.get(row.new.unique.name)
        if key is not None and key.waiting == row.id:
            key.waiting = None
    for row in rows:
        unique = row.new.unique
        key = None if unique is None else memory.keys.get(unique.name)
        if unique is None or key is None or key.holder != row.id:
            continue
        if key.waiting is not None:
            behind = memory.jobs[key.waiting]
            later = behind.run_at is not None and behind.run_at > memory.clock.now()
            run_at = behind.run_at if later else None
            after = State.SCHEDULED if later else State.QUEUED
            memory.move(behind, Event.KEY_FREE, Writer.WORKER, after)
            behind.run_at = run_at
            promoted.append(behind.id)
            key.holder, key.waiting, key.taken_at = behind.id, None, memory.clock.now()
        elif key.until is None:
            del memory.keys[unique.name]
    return promoted
