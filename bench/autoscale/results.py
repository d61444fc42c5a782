"""What the last whole run found, for `python -m bench.autoscale page`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.autoscale.reading import Reading
from bench.autoscale.seen import Seen
from bench.measuring.child import ROOT

RESULTS = ROOT / ".corral" / "autoscale.json"


@dataclass(frozen=True)
class Results:
    """A run."""

    day: str
    seed: int
    quick: bool
    seeds: Sequence[int]
    seconds: float
    """That it took."""
    readings: Sequence[Reading]
    seen: Sequence[Seen]

    def save(self, path: Path = RESULTS) -> None:
        path.parent.mkdir(exist_ok=True)
        stored = {
            "day": self.day,
            "seed": self.seed,
            "quick": self.quick,
            "seeds": list(self.seeds),
            "seconds": self.seconds,
            "readings": [reading.to_json() for reading in self.readings],
            "seen": [one.to_json() for one in self.seen],
        }
        path.write_text(json.dumps(stored))

    @classmethod
    def load(cls, path: Path = RESULTS) -> "Results":
        stored: dict[str, Any] = json.loads(path.read_text())
        return cls(
            stored["day"],
            stored["seed"],
            stored["quick"],
            stored["seeds"],
            stored["seconds"],
            [Reading.from_json(row) for row in stored["readings"]],
            [Seen.from_json(row) for row in stored["seen"]],
        )
