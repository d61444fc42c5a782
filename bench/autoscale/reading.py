"""What is kept of one run, and the mean of a scaler's runs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from bench.autoscale.outcome import Outcome
from bench.autoscale.simulator import Run


@dataclass(frozen=True, slots=True)
class Reading:
    """One scaler under one load."""

    shape: str
    slots: int
    seed: int
    scaler: str
    p95: float
    """Seconds that all but 5 % of the jobs waited at most."""
    cost: float
    """Pod-seconds times slots over work: 1 is a slot paid for only while it works."""
    interrupted: int
    """Jobs."""
    reversals: int
    peak: int
    """Pods."""
    end: float
    """When the last job was done."""
    changes: tuple[tuple[float, int], ...] = ()
    """When pods were added or told to leave, and how many; of Corral's runs only."""

    @classmethod
    def of(
        cls, outcome: Outcome, run: Run, shape: str, seed: int, scaler: str, *, with_changes: bool
    ) -> Self:
        return cls(
            shape, run.cluster.slots, seed, scaler, round(outcome.p95, 4), round(outcome.cost, 5),
            outcome.interrupted, outcome.reversals, outcome.peak, round(outcome.last_end, 3),
            tuple((round(at, 3), change) for at, change in outcome.changes) if with_changes else (),
        )  # fmt: skip

    def to_json(self) -> list[Any]:
        return [getattr(self, one.name) for one in fields(self)]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Self:
        given = {one.name: value for one, value in zip(fields(cls), row, strict=True)}
        return cls(**{**given, "changes": tuple((at, change) for at, change in given["changes"])})


@dataclass(frozen=True, slots=True)
class Standing:
    """One scaler on one shape: the mean over the seeds, where nothing else is said."""

    scaler: str
    p95: float
    cost: float
    interrupted: int
    """In all runs together."""
    reversals: float
    peak: int
    """The highest of all runs."""


def standing(readings: Sequence[Reading]) -> Standing:
    """Of the same scaler, shape and slots."""
    count = len(readings)
    return Standing(
        readings[0].scaler,
        sum(one.p95 for one in readings) / count,
        sum(one.cost for one in readings) / count,
        sum(one.interrupted for one in readings),
        sum(one.reversals for one in readings) / count,
        max(one.peak for one in readings),
    )
