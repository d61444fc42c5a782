"""The chart of a pool's last minutes as SVG paths: workers above, queued jobs below, decisions as vertical lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corral.scaling.decision_record import ScalingDecision
from corral_publisher.views.pools import PoolView, Sample

WINDOW_SECONDS = 300.0
"""Seconds that a chart shows by default."""
EDGE_STEP_SECONDS = 2.0
"""Seconds by which the chart moves at a time."""
GAP_SECONDS = 10.0
"""Seconds without a sample that leave a gap in a line."""
WIDTH, HEIGHT = 600.0, 100.0
"""Size of the drawing in its own units; the page stretches it."""
AXIS_ENDS = (1, 2, 3, 4, 5, 6, 8, 10)
"""The largest value of an axis is one of these times a power of ten."""


@dataclass(frozen=True, slots=True)
class DecisionMark:
    """A decision of the autoscaler and its place in the chart."""

    x: str
    kind: str
    """`up`, `down`, or `note` where only a condition changed."""
    decision: ScalingDecision


@dataclass(frozen=True, slots=True)
class PoolChart:
    """The chart of a pool as SVG paths. A path may be empty."""

    minutes: int
    ready: str
    desired: str
    queued: str
    most_workers: int
    most_queued: int
    marks: tuple[DecisionMark, ...]
    words: str
    """A description for screen readers."""


def chart_of(view: PoolView, window: float = WINDOW_SECONDS) -> PoolChart:
    """Draw the chart of a pool. It ends now, by the clock of the autoscaler."""
    end = math.ceil((view.status.at + view.silent) / EDGE_STEP_SECONDS) * EDGE_STEP_SECONDS
    begin = end - window
    samples = [sample for sample in view.samples if sample.at >= begin]
    earlier = _earlier(view.decisions, begin, samples[0].at if samples else end)
    most = max((max(one.ready, one.desired) for one in samples), default=0)
    workers = _axis(max(most, *(wanted for _, wanted in earlier), 0), least=1)
    queued = _axis(max((one.queued for one in samples), default=0), least=10)
    stretches = [_steps(stretch, begin, window) for stretch in _stretches(samples)]
    wanted = [[(_x(at, begin, window), one) for at, one in earlier]] if earlier else []
    wanted += [[(x, one.desired) for x, one in stretch] for stretch in stretches]
    return PoolChart(
        minutes=round(window / 60),
        ready=" ".join(_area([(x, one.ready / workers) for x, one in stretch]) for stretch in stretches),
        desired=" ".join(_line([(x, one / workers) for x, one in stretch]) for stretch in wanted),
        queued=" ".join(_area([(x, one.queued / queued) for x, one in stretch]) for stretch in stretches),
        most_workers=workers,
        most_queued=queued,
        marks=tuple(
            DecisionMark(_number(_x(one.at, begin, window)), _kind(one), one)
            for one in reversed(view.decisions)
            if begin <= one.at <= end
        ),
        words=_words(samples, round(window / 60)),
    )


def _earlier(decisions: Sequence[ScalingDecision], begin: float, first: float) -> list[tuple[float, int]]:
    """The target before the first sample of this process, from the decisions: times and numbers of workers."""
    known = [one for one in reversed(decisions) if begin <= one.at < first]
    if not known:
        return []
    return [(begin, known[0].before), *((one.at, one.after) for one in known), (first, known[-1].after)]


def _axis(most: int, *, least: int) -> int:
    """The largest value of an axis: a round number, so that it seldom changes."""
    wanted = max(most, least)
    size = 10 ** max(0, len(str(wanted)) - 1)
    return int(next(step * size for step in AXIS_ENDS if step * size >= wanted))


def _stretches(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Groups of samples without a gap between them."""
    stretch: list[Sample] = []
    for sample in samples:
        if stretch and sample.at - stretch[-1].at > GAP_SECONDS:
            yield stretch
            stretch = []
        stretch.append(sample)
    if stretch:
        yield stretch


def _steps(stretch: Sequence[Sample], begin: float, window: float) -> list[tuple[float, Sample]]:
    """The samples of a group with their x; the last one is drawn until the next would have come."""
    last = stretch[-1]
    held = Sample(last.at + 1.0, last.ready, last.desired, last.queued)
    return [(_x(one.at, begin, window), one) for one in (*stretch, held)]


def _x(at: float, begin: float, window: float) -> float:
    return min(WIDTH, (at - begin) / window * WIDTH)


def _line(points: Sequence[tuple[float, float]]) -> str:
    """The path of a step line through heights from 0 to 1. The last point only ends the line."""
    (x, height), *rest = points
    path = [f"M{_number(x)} {_y(height)}"]
    for x, now in rest[:-1]:
        if now != height:
            path.append(f"H{_number(x)}V{_y(now)}")
        height = now
    path.append(f"H{_number(rest[-1][0])}")
    return "".join(path)


def _area(points: Sequence[tuple[float, float]]) -> str:
    """The path of the area below such a line."""
    begin = _number(points[0][0])
    return f"{_line(points)}V{_number(HEIGHT)}H{begin}Z"


def _y(height: float) -> str:
    return _number(HEIGHT * (1 - height))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _kind(decision: ScalingDecision) -> str:
    if decision.after == decision.before:
        return "note"
    return "up" if decision.after > decision.before else "down"


def _words(samples: Sequence[Sample], minutes: int) -> str:
    if not samples:
        return f"Nothing is known of the last {minutes} minutes."
    ready, queued = [one.ready for one in samples], [one.queued for one in samples]
    return (
        f"The last {minutes} minutes: {min(ready)} to {max(ready)} workers, now {ready[-1]};"
        f" up to {max(queued):,} jobs queued, now {queued[-1]:,}."
    )
