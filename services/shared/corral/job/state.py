"""The states of a job and the transitions between them, as data.

The table below is the protocol: the store's statements implement it, the
property tests walk it, and the diagram in the documentation is drawn from it.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a job. Stored as text in `jobs.state`."""

    BLOCKED = "blocked"
    """Waits for other jobs to end: those that it needs, or the one that holds its unique key."""
    SCHEDULED = "scheduled"
    """Waits for its time (`run_at`), by request or after an error (backoff)."""
    QUEUED = "queued"
    """May be claimed by any worker of its queue."""
    RUNNING = "running"
    """Held by one worker under one attempt number."""
    COMPLETED = "completed"
    """Its handler returned; the result is stored."""
    FAILED = "failed"
    """Ended without budget: errors or stalls used up, or discarded. Others say dead letter."""
    CANCELLED = "cancelled"
    """Ended on request, or expired before it was claimed."""

    @classmethod
    def read(cls, stored: str) -> "State":
        """The stored state. One of a later release counts as blocked: the job waits for something unknown here."""
        return _KNOWN.get(stored, cls.BLOCKED)

    @property
    def terminal(self) -> bool:
        """Whether the job has ended; a retry by a person begins a new life."""
        return self in TERMINAL

    @property
    def live(self) -> bool:
        """Whether the job has not ended yet."""
        return self not in TERMINAL


_KNOWN = {state.value: state for state in State}
TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
WAITING = frozenset({State.BLOCKED, State.SCHEDULED, State.QUEUED})


class Event(StrEnum):
    """What makes a job move."""

    SUBMITTED = "submitted"
    PARENTS_DONE = "parents-done"
    PARENT_FAILED = "parent-failed"
    KEY_FREE = "key-free"
    """The job that held its unique key has ended."""
    REPLACED = "replaced"
    """A newer submission of its unique key gave it another payload, and another time."""
    DUE = "due"
    RUN_NOW = "run-now"
    CLAIMED = "claimed"
    SUCCEEDED = "succeeded"
    ERRED = "erred"
    """The handler failed and budget is left: the job waits out its backoff."""
    EXHAUSTED = "exhausted"
    """The handler failed without budget left, or discarded the job."""
    STALLED = "stalled"
    """The worker was lost and stalls are left."""
    STALLED_OUT = "stalled-out"
    """The worker was lost once too often."""
    RELEASED = "released"
    """A stopping worker gave the job back."""
    RETURNED = "returned"
    """A worker put back a job whose handler it had not begun: as if it had never been claimed."""
    SNOOZED = "snoozed"
    """The handler asked to be run again later."""
    RATE_LIMITED = "rate-limited"
    """A provider asked for a wait: the limit is parked, and the job keeps its place."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETRIED = "retried"
    """A person asked for a new life."""


class Writer(StrEnum):
    """Who may write a transition. A write to a running job is always fenced by its attempt."""

    SUBMIT = "submit"
    WORKER = "worker"
    MAINTENANCE = "maintenance"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: `before` is None for a job that does not exist yet."""

    before: State | None
    event: Event
    after: State
    writers: frozenset[Writer]

    @property
    def fenced(self) -> bool:
        """Whether the write names the attempt: everything about a running job."""
        return self.before is State.RUNNING


def _rows() -> tuple[Transition, ...]:
    s, e, w = State, Event, Writer
    submit, worker = frozenset({w.SUBMIT}), frozenset({w.WORKER})
    maintenance, action = frozenset({w.MAINTENANCE}), frozenset({w.ACTION})
    rows: list[tuple[State | None, Event, State, frozenset[Writer]]] = [
        (None, e.SUBMITTED, s.BLOCKED, submit),
        (None, e.SUBMITTED, s.SCHEDULED, submit),
        (None, e.SUBMITTED, s.QUEUED, submit),
        (s.BLOCKED, e.PARENTS_DONE, s.QUEUED, maintenance | worker),
        (s.BLOCKED, e.PARENT_FAILED, s.CANCELLED, maintenance | worker),
        (s.BLOCKED, e.PARENT_FAILED, s.FAILED, maintenance | worker),
        (s.BLOCKED, e.KEY_FREE, s.QUEUED, worker | action | maintenance),
        (s.BLOCKED, e.KEY_FREE, s.SCHEDULED, worker | action | maintenance),
        (s.SCHEDULED, e.REPLACED, s.SCHEDULED, submit),
        (s.SCHEDULED, e.REPLACED, s.QUEUED, submit),
        (s.QUEUED, e.REPLACED, s.SCHEDULED, submit),
        (s.SCHEDULED, e.DUE, s.QUEUED, maintenance),
        (s.SCHEDULED, e.RUN_NOW, s.QUEUED, action),
        (s.QUEUED, e.CLAIMED, s.RUNNING, worker),
        (s.RUNNING, e.SUCCEEDED, s.COMPLETED, worker),
        (s.RUNNING, e.ERRED, s.SCHEDULED, worker | maintenance),
        (s.RUNNING, e.EXHAUSTED, s.FAILED, worker | maintenance),
        (s.RUNNING, e.STALLED, s.QUEUED, maintenance),
        (s.RUNNING, e.STALLED_OUT, s.FAILED, maintenance),
        (s.RUNNING, e.RELEASED, s.QUEUED, worker | maintenance),
        (s.RUNNING, e.RETURNED, s.QUEUED, worker),
        (s.RUNNING, e.SNOOZED, s.SCHEDULED, worker),
        (s.RUNNING, e.RATE_LIMITED, s.QUEUED, worker),
        (s.RUNNING, e.CANCELLED, s.CANCELLED, worker | maintenance),
        *[(state, e.CANCELLED, s.CANCELLED, action | maintenance) for state in sorted(WAITING)],
        *[(state, e.EXPIRED, s.CANCELLED, maintenance) for state in sorted(WAITING)],
        *[(state, e.RETRIED, s.QUEUED, action) for state in sorted(TERMINAL)],
    ]
    return tuple(Transition(*row) for row in rows)


TRANSITIONS = _rows()


def allowed(before: State | None, event: Event, writer: Writer) -> frozenset[State]:
    """The states that `writer` may move a job to from `before` on `event`; empty where refused."""
    return frozenset(
        row.after
        for row in TRANSITIONS
        if row.before is before and row.event is event and writer in row.writers
    )
