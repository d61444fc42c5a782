"""When the jobs of a load are submitted, and of which type. Pure."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from corral.job.bounds import Bounds

DEFAULT_MIX = {"demo.echo": 90, "demo.sleep": 6, "demo.cpu": 2, "demo.fail": 2}
PAYLOADS: dict[str, object] = {
    "demo.echo": {"hello": "corral"},
    "demo.sleep": {"seconds": 0.2},
    "demo.cpu": {"seconds": 0.05},
    "demo.fail": {"times": 1},
    "report.generate": {"title": "Queue statistics", "source": "queue-statistics"},
}
"""What a job of each type gets where nothing else is given."""
MAX_BULK_JOBS = 500
"""Jobs in one call at most."""
WEIGHT = Bounds(0, 1_000_000, whole=True)
LONGEST_WEIGHT = 1000
"""Characters: Python reads no whole number of more than 4,300 digits."""


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A load: so many jobs at once, or so many a second for a time."""

    count: int
    rate: float | None = None
    """Jobs a second; None: as fast as they are taken."""
    mix: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_MIX))
    """Job type to weight."""
    seed: int = 0

    def types(self) -> Iterator[str]:
        """The type of each job in order; the same for the same seed."""
        dice = random.Random(self.seed)  # noqa: S311  not a secret
        names, weights = list(self.mix), list(self.mix.values())
        for _ in range(self.count):
            yield dice.choices(names, weights)[0]

    def due(self, elapsed: float) -> int:
        """How many jobs should have been submitted after so many seconds."""
        return self.count if self.rate is None else min(self.count, int(elapsed * self.rate) + 1)


def parse_mix(text: str) -> dict[str, int]:
    """`demo.echo=9,demo.sleep=1`, or one type.

    Raises:
        ValueError: it is not written like that; the message says what is.
    """
    mix: dict[str, int] = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        if not name or (equals and not (weight.strip().isdecimal() and len(weight) < LONGEST_WEIGHT)):
            raise ValueError(f"{part!r} is not TYPE=WEIGHT with a whole number")
        mix[name.strip()] = int(weight) if equals else 1
        if (fault := WEIGHT.fault(mix[name.strip()])) is not None:
            raise ValueError(f"the weight of {name.strip()} {fault}")
    if sum(mix.values()) == 0:
        raise ValueError("every weight is 0")
    return mix


def percentile(sorted_values: list[float], percent: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    if not sorted_values:
        return 0.0
    return sorted_values[
        min(len(sorted_values) - 1, max(0, int(len(sorted_values) * percent / 100 + 0.5) - 1))
    ]
