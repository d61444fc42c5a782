"""Who leaves, when a pool has more workers than it needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from corral_operator.target import Pod

STUCK_AFTER: Final = 60.0
"""Seconds after which a pod that runs, is not ready and is no worker that anyone knows of may go unasked."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker as the signal tells of it. Its name is its pod's name."""

    name: str
    running: int
    """Jobs that it holds."""
    alive_for: float
    """Seconds since it registered."""
    draining: bool = False
    """Whether the leader has made its drain true: it claims nothing."""


def may_go_unasked(pod: Pod, workers: Mapping[str, Candidate], unready_for: float) -> bool:
    """Whether nothing can be lost with a pod: its container does not run, or runs without ever claiming.

    A container that starts right after this was read claims nothing for a second: a ReplicaSet that is
    told at once has taken the pod by then, because a pod that is not ready goes first.
    """
    if pod.ready:
        return False
    return not pod.born or (pod.name not in workers and unready_for >= STUCK_AFTER)


def choose(
    count: int,
    pods: Iterable[Pod],
    workers: Mapping[str, Candidate],
    *,
    unasked: Collection[str],
    taken: Collection[str],
    spared: Collection[str],
) -> list[str]:
    """The names of those that leave: at most `count`, and fewer where not enough are known.

    First those that may go unasked, unplaced ones before others; then workers: idle, least loaded, youngest.
    Those that did not go in their time come last, so that one which does not answer keeps nobody else.

    Args:
        count: how many are wanted.
        pods: all that there are.
        workers: those that the signal tells of.
        unasked: pods that may go unasked.
        taken: already chosen.
        spared: did not go in their time; not to be chosen while they hold a job.
    """
    ranked = sorted(_ranked(pods, workers, unasked, taken, spared))
    return [name for _, name in ranked[: max(0, count)]]


def _ranked(
    pods: Iterable[Pod],
    workers: Mapping[str, Candidate],
    unasked: Collection[str],
    taken: Collection[str],
    spared: Collection[str],
) -> Iterator[tuple[tuple[float, ...], str]]:
    for pod in pods:
        if pod.name in taken:
            continue
        if pod.name in unasked:
            yield (0, 0 if pod.unschedulable else 1, 0), pod.name
            continue
        worker = workers.get(pod.name)
        if worker is not None and not (worker.running and pod.name in spared):
            yield (2 if pod.name in spared else 1, worker.running, worker.alive_for), pod.name
