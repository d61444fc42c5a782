"""Which workers to remove when a pool has more than it needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from corral_operator.cluster.target import Pod

NEVER_READY_SECONDS: Final = 60.0
"""Seconds after which a pod that runs, is not ready and never registered as a worker is removed without a drain."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker as the leader's signal describes it. Its name is its pod's name."""

    name: str
    running: int
    """Jobs that it runs."""
    alive_for: float
    """Seconds since it registered."""
    draining: bool = False
    """Whether its drain is in force, so that it claims nothing."""


def may_go_unasked(pod: Pod, workers: Mapping[str, Candidate], unready_for: float) -> bool:
    """Whether a pod can be removed without a drain: its container does not run, or has never claimed a job.

    A container that starts right after this was read claims nothing for a second. A ReplicaSet that is
    scaled down at once has removed the pod by then, because it removes pods that are not ready first.
    """
    if pod.ready:
        return False
    return not pod.born or (pod.name not in workers and unready_for >= NEVER_READY_SECONDS)


def choose(
    count: int,
    pods: Iterable[Pod],
    workers: Mapping[str, Candidate],
    *,
    unasked: Collection[str],
    taken: Collection[str],
    spared: Collection[str],
) -> list[str]:
    """The names of the workers to remove: at most `count`, and fewer where not enough are known.

    Pods that need no drain come first, unscheduled ones before others; then workers: idle, least loaded, youngest.
    Workers that did not leave in time come last, so that one which does not answer does not block the others.

    Args:
        count: how many to choose.
        pods: all pods.
        workers: the workers in the signal, by name.
        unasked: pods that need no drain.
        taken: names that are chosen already.
        spared: workers that did not leave in time; not chosen while they run a job.
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
