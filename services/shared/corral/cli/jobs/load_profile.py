"""The profile of a `corral load`: when its jobs are submitted, and of which type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from corral.job.bounds import Bounds
from corral.job.load_mix import DEMO_SHARES, dealt

MAX_BULK_JOBS = 500
"""The most jobs in one call."""
WEIGHT = Bounds(0, 1_000_000, whole=True)
LONGEST_WEIGHT = 1000
"""Characters of a weight: Python reads no whole number of more than 4,300 digits."""


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A number of jobs, submitted as fast as possible or at a rate."""

    count: int
    rate: float | None = None
    """Jobs a second; None for as fast as possible."""
    mix: Mapping[str, int] = field(default_factory=lambda: dict(DEMO_SHARES))
    """Weight of each job type."""
    seed: int = 0

    def types(self) -> Iterator[str]:
        """The type of each job in order; the same for the same seed."""
        return dealt(self.mix, self.count, self.seed)

    def due(self, elapsed: float) -> int:
        """Number of jobs that should have been submitted after so many seconds."""
        return self.count if self.rate is None else min(self.count, int(elapsed * self.rate) + 1)


def parse_mix(text: str) -> dict[str, int]:
    """Parse `demo.echo=9,demo.sleep=1`, or one type.

    Raises:
        ValueError: the text has another form; the message says what is wrong.
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
