"""How long a job waits after an error. Seconds throughout."""

import random
from dataclasses import dataclass

from corral.job.limits import (
    BACKOFF_CAP,
    BACKOFF_FACTOR,
    BACKOFF_JITTER,
    DELAY,
    MAX_DELAY_SECONDS,
    MAX_WAITS,
)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same wait after every error."""

    seconds: float
    jitter: float = 0.0
    cap: float = MAX_DELAY_SECONDS

    def delay(self, errors: int) -> float:
        """Seconds before the next try after the `errors`-th error (from 1), without jitter."""
        _count(errors)
        return min(self.seconds, self.cap)


@dataclass(frozen=True, slots=True)
class Linear:
    """`seconds` more after every error: s, 2s, 3s and so on."""

    seconds: float
    jitter: float = 0.0
    cap: float = MAX_DELAY_SECONDS

    def delay(self, errors: int) -> float:
        """Seconds before the next try after the `errors`-th error (from 1), without jitter."""
        return min(self.seconds * _count(errors), self.cap)


@dataclass(frozen=True, slots=True)
class Exponential:
    """`seconds` doubled (or times `factor`) after every error: s, 2s, 4s and so on."""

    seconds: float
    factor: float = 2.0
    jitter: float = 0.0
    cap: float = MAX_DELAY_SECONDS

    def delay(self, errors: int) -> float:
        """Seconds before the next try after the `errors`-th error (from 1), without jitter."""
        exponent = _count(errors) - 1
        try:
            return min(self.seconds * self.factor**exponent, self.cap)
        except OverflowError:
            return self.cap


@dataclass(frozen=True, slots=True)
class Exact:
    """A list of waits; the last one repeats."""

    waits: tuple[float, ...]
    jitter: float = 0.0
    cap: float = MAX_DELAY_SECONDS

    def delay(self, errors: int) -> float:
        """Seconds before the next try after the `errors`-th error (from 1), without jitter."""
        return min(self.waits[min(_count(errors), len(self.waits)) - 1], self.cap)


Backoff = Fixed | Linear | Exponential | Exact

DEFAULT = Exponential(seconds=1.0, jitter=0.1)


def wait(backoff: Backoff, errors: int, chance: random.Random) -> float:
    """Seconds to wait after the `errors`-th error: the delay, times 1 ± a random part of `jitter`."""
    delay = backoff.delay(errors)
    spread = backoff.jitter * delay
    return min(max(0.0, delay + chance.uniform(-spread, spread)), backoff.cap)


def check(backoff: Backoff) -> None:
    """Refuse a backoff that makes no sense.

    Raises:
        ValueError: a wait, factor, jitter or cap out of range; the message names it.
    """
    waits = backoff.waits if isinstance(backoff, Exact) else (backoff.seconds,)
    if not 1 <= len(waits) <= MAX_WAITS:
        raise ValueError(f"backoff: an exact list has {len(waits):,} waits; it must have 1 to {MAX_WAITS:,}")
    checks = [("a wait", seconds, DELAY) for seconds in waits]
    checks += [("jitter", backoff.jitter, BACKOFF_JITTER), ("cap", backoff.cap, BACKOFF_CAP)]
    if isinstance(backoff, Exponential):
        checks.append(("factor", backoff.factor, BACKOFF_FACTOR))
    for name, value, bounds in checks:
        if (fault := bounds.fault(value)) is not None:
            raise ValueError(f"backoff: {name} {fault}")


def _count(errors: int) -> int:
    if errors < 1:
        raise ValueError(f"errors is counted from 1, not {errors}")
    return errors
