"""One run second by second, to be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bench.autoscale.ours import Corral
from bench.autoscale.outcome import Cluster
from bench.autoscale.peers import Hpa, Naive
from bench.autoscale.shape import SHAPES
from bench.autoscale.simulator import Run, Scaler

DRAWN_SLOTS, DRAWN_MOST = 4, 20
EVERY = 4
"""Seconds between two points."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One shape under one scaler: for each point, second, pods, jobs queued and jobs running."""

    shape: str
    scaler: str
    points: Sequence[tuple[float, int, int, int]]
    reasons: Sequence[tuple[float, str]] = ()
    """Second and reason of each change; of Corral's."""

    def to_json(self) -> dict[str, Any]:
        return {"shape": self.shape, "scaler": self.scaler, "points": self.points, "reasons": self.reasons}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            stored["shape"],
            stored["scaler"],
            [(at, pods, queued, running) for at, pods, queued, running in stored["points"]],
            [(at, reason) for at, reason in stored["reasons"]],
        )


def seen(seed: int) -> list[Seen]:
    """Every shape under the law, the naive law and KEDA as its documents set it up."""
    return [_one(shape.name, scaler, seed) for shape in SHAPES for scaler in _drawn()]


def _drawn() -> tuple[Scaler, ...]:
    usual = Hpa(
        "KEDA", poll=30.0, running=False, target=float(DRAWN_SLOTS), window=300.0, unlimited=False
    )  # KEDA's defaults: polled each 30 s, Kubernetes' stabilization and policies
    return Corral(), Naive(), usual


def _one(name: str, scaler: Scaler, seed: int) -> Seen:
    shape = next(shape for shape in SHAPES if shape.name == name)
    load = shape.draw(seed, DRAWN_SLOTS, DRAWN_MOST)
    outcome = Run(load, Cluster(DRAWN_SLOTS, most=DRAWN_MOST), scaler, seed).go(sampled=True)
    points = [
        (float(round(at)), pods, queued, running)
        for at, pods, queued, running in outcome.samples[::EVERY]
        if at <= load.duration
    ]
    reasons = [(round(at, 1), why) for at, _, _, why in scaler.reasons] if isinstance(scaler, Corral) else []
    return Seen(name, scaler.name, points, reasons)
