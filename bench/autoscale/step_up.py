"""What a scaler asks for when a load steps up and stays: how far beyond what it soon needs."""

from collections.abc import Iterator, Sequence

FIRST = 1
"""Pods that a run begins with."""


def overshoot(changes: Sequence[tuple[float, int]], since: float, until: float) -> float:
    """The most pods that are wanted in the first half of a high load, over the median of its second half.

    Args:
        changes: second, and by how many pods more (or fewer) are wanted from then on.
        since: second from which on the load is high.
        until: second at which it falls.
    """
    middle = (since + until) / 2
    most = max(pods for pods, _ in _wanted(changes, since, middle))
    return most / _median(sorted(_wanted(changes, middle, until)))


def _wanted(changes: Sequence[tuple[float, int]], since: float, until: float) -> Iterator[tuple[int, float]]:
    """Pods that are wanted, and for how many seconds of that time."""
    pods, began = FIRST, since
    for at, change in changes:
        if at >= until:
            break
        if at > since:
            yield pods, at - began
            began = at
        pods += change
    yield pods, until - began


def _median(wanted: Sequence[tuple[int, float]]) -> int:
    """The pods below which less than half of the time is; `wanted` is sorted."""
    half, passed = sum(seconds for _, seconds in wanted) / 2, 0.0
    for pods, seconds in wanted:
        passed += seconds
        if passed >= half:
            return pods
    raise ValueError("no time passed")
