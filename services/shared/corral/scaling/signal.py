"""The signal: what the leader of maintenance says about the backlog, once a second.

Work is counted in seconds, not in jobs. A reader calls the signal lost when
its sequence has not moved for `LOST_SECONDS` of the reader's own clock; an
absent signal is lost, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from corral.scaling.limited_signal import LimitedSignal
from corral.scaling.worker_signal import WorkerSignal

LOST_SECONDS = 15.0
"""Seconds without a new sequence number after which a reader stops believing the last one."""
MAX_ELAPSED_TOLD = 50
"""Running jobs of one type whose elapsed time is told: the longest."""


@dataclass(frozen=True, slots=True)
class TypeSignal:
    """The jobs of one type in one queue."""

    completed: int = 0
    """Jobs of this type that completed in this queue lately: what the two below were learned from."""
    mean: float = 0.0
    """Seconds that a completed job ran."""
    variance: float = 0.0
    """Seconds squared."""
    share: float = 0.0
    """Of the jobs that are claimed next, how many are of this type: 0 to 1."""
    running: int = 0
    elapsed: tuple[float, ...] = ()
    """Seconds since their claim, of at most `MAX_ELAPSED_TOLD` running jobs; the longest first.

    As old as when Postgres was asked: of the same moment as `completed`, so that none is counted as both.
    """

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON, as `QueueSignal.of`."""
        return cls(
            completed=int(given.get("completed", 0)),
            mean=float(given.get("mean", 0.0)),
            variance=float(given.get("variance", 0.0)),
            share=float(given.get("share", 0.0)),
            running=int(given.get("running", 0)),
            elapsed=tuple(float(seconds) for seconds in given.get("elapsed", ())),
        )


@dataclass(frozen=True, slots=True)
class QueueSignal:
    """The backlog of one queue."""

    queued: int = 0
    """Jobs that are due, not claimed, and not held back by a limit."""
    running: int = 0
    oldest: float = 0.0
    """Seconds that the oldest due job has waited; 0 where none waits."""
    arrivals: float = 0.0
    """Jobs that became due per second, lately: to be shown. The law counts `arrived`."""
    arrived: int = 0
    """Jobs without limits that ever became due. It only rises; after a wipe it begins anew."""
    work: float = 0.0
    """Seconds of work that the queued jobs of known types will take on one slot."""
    unknown: int = 0
    """Queued jobs whose type has not completed often enough to know its time; each counts one slot."""
    due_soon: int = 0
    """Jobs that become due within the time a worker needs to start."""
    paused: bool = False
    """Nobody may claim what is queued: it asks for no workers."""
    types: Mapping[str, TypeSignal] = field(default_factory=lambda: MappingProxyType({}))
    """Those that wait, run, or completed here lately: all of them, so that the mean is of what arrives."""
    limited: LimitedSignal | None = None
    """Those among all of these that take of limits; None where there are none, or where an older leader wrote this."""

    @property
    def waiting(self) -> int:
        """Jobs that are due and not claimed, also those that a limit has no room for."""
        return self.queued + (self.limited.held if self.limited else 0)

    @property
    def came(self) -> int:
        """Jobs that ever became due, with limits or without."""
        return self.arrived + (self.limited.arrived if self.limited else 0)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON; what is missing is nothing, what is unknown is left out (another release wrote it)."""
        return cls(
            queued=int(given.get("queued", 0)),
            running=int(given.get("running", 0)),
            oldest=float(given.get("oldest", 0.0)),
            arrivals=float(given.get("arrivals", 0.0)),
            arrived=int(given.get("arrived", 0)),
            work=float(given.get("work", 0.0)),
            unknown=int(given.get("unknown", 0)),
            due_soon=int(given.get("due_soon", 0)),
            paused=bool(given.get("paused", False)),
            types={name: TypeSignal.of(one) for name, one in given.get("types", {}).items()},
            limited=LimitedSignal.of(given["limited"]) if given.get("limited") else None,
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """The backlog of all queues at one moment."""

    sequence: int
    """Rises by one with every signal of one leader, and by millions when another takes over."""
    queues: Mapping[str, QueueSignal]
    at: float = 0.0
    """Seconds of the leader's own monotonic clock: only differences within one reign mean anything."""
    workers: Mapping[str, WorkerSignal] = field(default_factory=lambda: MappingProxyType({}))
    """Every live worker, by name; where two incarnations share one, the latest."""


@dataclass(slots=True)
class SignalWatch:
    """Tells whether a signal is fresh, by the reader's own monotonic clock."""

    _sequence: int | None = None
    _moved: float = float("-inf")

    def fresh(self, signal: Signal | None, now: float) -> bool:
        """Whether the signal moved within the last `LOST_SECONDS` seconds; `now` in monotonic seconds."""
        if signal is not None and signal.sequence != self._sequence:
            self._sequence, self._moved = signal.sequence, now
        return signal is not None and now - self._moved <= LOST_SECONDS
