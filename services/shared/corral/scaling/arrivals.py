"""How many jobs arrive per second now, learned from all that came since the rate last changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MAX_PAST_SECONDS = 180.0
"""Seconds of the past that are learned from, at most; for long jobs `PAST_SERVICE_TIMES` times the time that one takes."""
PAST_SERVICE_TIMES = 3.0
MAX_SIGNALS = 1200
"""Signals that are remembered at most, however long a job takes."""
MIN_INTERVAL_SECONDS = 0.1
"""Seconds between two signals, at least: a new leader may speak right after the old one, and that is no rate."""
CHANGE_WINDOWS_SIGNALS = (3, 6, 10, 16, 25, 40, 65, 105, 170)
"""Signals that may be a new rate: the last so many."""
CHANGE_SIGMAS = 4.4
"""Standard deviations from what came before, from which on it is a new rate."""
SLOPE_SIGMAS = 0.7
"""Standard deviations from which a slope is one."""
OUTLIER_SIGMAS = 4.0
"""Standard deviations above the middle from which a second's arrivals are a burst."""
MAX_OUTLIER_SECONDS = 2
"""Seconds that a burst may take."""
MIN_LINE_SIGNALS = 30
"""Signals that a line needs."""


@dataclass(frozen=True, slots=True)
class ArrivalRate:
    """Arriving jobs per second, and the standard error of that number."""

    per_second: float = 0.0
    rise: float = 0.0
    """By how much it changes per second, where that is plain."""
    deviation: float = 0.0
    """Standard deviation of `per_second`."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many jobs arrived in one queue in each of the last seconds, as the leader counted them."""

    total: int | None = None
    """The counter as last seen."""
    counts: tuple[int, ...] = ()
    """Jobs that came between one signal and the next, since the rate last changed; the newest last."""
    lengths: tuple[float, ...] = ()
    """Seconds between the two."""
    watched: int = 0
    """Signals counted in all, before the last change too."""

    def seen(self, total: int, seconds: float, mean: float) -> "Arrivals":
        """Record the counter of arrivals, `seconds` after the last one. A counter that fell was started anew.

        `mean` is how long a job takes: what lasts less is no change of the load.
        """
        if self.total is None:
            return Arrivals(total)
        came = total - self.total if total >= self.total else total
        kept = min(MAX_SIGNALS, math.ceil(max(MAX_PAST_SECONDS, PAST_SERVICE_TIMES * mean)))
        counts, lengths = (
            (*self.counts, came)[-kept:],
            (*self.lengths, max(seconds, MIN_INTERVAL_SECONDS))[-kept:],
        )
        kept = _since_change(counts, lengths, mean)
        return Arrivals(total, counts[-kept:], lengths[-kept:], self.watched + 1)

    def rate(self) -> ArrivalRate:
        """The mean of the arrivals since the rate last changed, or the end of their trend where they have one.

        A burst within a second or two is no rate: what it brought waits in the queue, and is counted there.
        """
        if not self.counts:
            return ArrivalRate()
        cap = _cap(sorted(self.counts))
        length = sum(self.lengths)
        half = length / 2
        at = counted = leaning = squares = 0.0
        for seconds, came in zip(self.lengths, self.counts, strict=True):
            off = at + seconds / 2 - half
            at += seconds
            taken = min(came, cap)
            counted += taken
            leaning += off * taken
            squares += off * off * seconds
        mean, deviation = counted / length, math.sqrt(max(counted, 1.0)) / length
        if len(self.counts) < MIN_LINE_SIGNALS:
            return ArrivalRate(mean, 0.0, deviation)
        plain = leaning * leaning / (max(mean, 1 / length) * squares)
        if plain <= SLOPE_SIGMAS**2:
            return ArrivalRate(mean, 0.0, deviation)
        rise = leaning / squares * (1 - SLOPE_SIGMAS**2 / plain)
        return ArrivalRate(max(0.0, mean + rise * half), rise, deviation)


def _since_change(counts: Sequence[int], lengths: Sequence[float], mean: float) -> int:
    """How many of the last signals are left when all before the plainest change of the rate is forgotten."""
    plainest, found = CHANGE_SIGMAS, len(counts)
    for look in CHANGE_WINDOWS_SIGNALS:
        if look > len(counts) - 3:
            break
        if look < mean:
            continue
        earlier, longer = _without_bursts(counts[:-look]), sum(lengths[:-look])
        came, lasted = _without_bursts(counts[-look:]), sum(lengths[-look:])
        plain = _unlike(came, earlier, lasted / (lasted + longer))
        if plain > plainest:
            plainest, found = plain, look
    return found


def _unlike(late: float, early: float, share: float) -> float:
    """Standard deviations between two counts, of which the late one is expected to be that share of both.

    Source: signed root of the likelihood ratio of two Poisson counts; a few jobs too many are told from a new rate
    by it, and silence is soon seen, where the plain difference does neither.
    """
    both = late + early
    return math.sqrt(max(0.0, 2 * (_against(late, both * share) + _against(early, both * (1 - share)))))


def _against(count: float, expected: float) -> float:
    return count * math.log(count / expected) if count > 0 else 0.0


def _without_bursts(counts: Sequence[int]) -> float:
    """Jobs; what is far above the middle of a second counts as much as the cap."""
    ordered = sorted(counts)
    cap = _cap(ordered)
    return sum(ordered) if ordered[-1] <= cap else sum(min(came, cap) for came in ordered)


def _cap(ordered: Sequence[int]) -> float:
    kept = ordered[: max(1, len(ordered) - max(MAX_OUTLIER_SECONDS, len(ordered) // 20))]
    middle = sum(kept) / len(kept)
    return middle + OUTLIER_SIGMAS * math.sqrt(middle) + 2
