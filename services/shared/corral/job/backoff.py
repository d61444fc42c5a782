"""How long a job waits after an error. Seconds throughout."""

import random
from dataclasses import dataclass

from corral.job.limits import MAX_DELAY_SECONDS


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
    if not waits:
        raise ValueError("backoff: an exact list needs at least one wait")
    for seconds in waits:
        if not 0 <= seconds <= MAX_DELAY_SECONDS:
            raise ValueError(f"backoff: a wait of {seconds} s is not between 0 and {MAX_DELAY_SECONDS} s")
    if isinstance(backoff, Exponential) and not 1 <= backoff.factor <= 100:
        raise ValueError(f"backoff: factor {backoff.factor} is not between 1 and 100")
    if not 0 <= backoff.jitter <= 1:
        raise ValueError(f"backoff: jitter {backoff.jitter} is not between 0 and 1")
    if not 0 < backoff.cap <= MAX_DELAY_SECONDS:
        raise ValueError(f"backoff: cap {backoff.cap} s is not between 0 and {MAX_DELAY_SECONDS} s")


def _count(errors: int) -> int:
    if errors < 1:
        raise ValueError(f"errors is counted from 1, not {errors}")
    return errors
