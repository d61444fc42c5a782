"""The jobs of a queue as the law counts them: those without limits, and those that take of limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from corral.scaling.limited_signal import LimitedSignal
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal

LIMITED = " limited"
"""Behind a queue's name, in the name of its stream of limited jobs. No queue's name has a space."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Jobs of one queue that arrive and wait together."""

    name: str
    slots: int
    """Of the kind that they take, in one worker."""
    queue: QueueSignal
    """These jobs alone."""
    limited: LimitedSignal | None = None
    """What limits let them; None for those without limits."""


def streams(signal: Signal, pool: PoolSpec) -> Iterator[Stream]:
    """The streams of all queues that the pool serves."""
    for name, queue in signal.queues.items():
        if pool.serves(name):
            yield from _of_queue(name, pool.slots_for(name), queue)


def _of_queue(name: str, slots: int, queue: QueueSignal) -> Iterator[Stream]:
    limited = queue.limited
    if limited is None:
        yield Stream(name, slots, queue)
        return
    types: Mapping[str, bool] = {kind: kind in limited.types for kind in queue.types}
    soon = bool(types) and all(types.values())  # a queue whose types all take of limits
    yield Stream(
        name,
        slots,
        replace(
            queue,
            queued=max(0, queue.queued - limited.queued),
            running=max(0, queue.running - limited.running),
            oldest=min(queue.oldest, limited.oldest_other),
            work=max(0.0, queue.work - limited.work),
            unknown=max(0, queue.unknown - limited.unknown),
            due_soon=0 if soon else queue.due_soon,
            types={kind: told for kind, told in queue.types.items() if not types[kind]},
            limited=None,
        ),
    )
    # Each slot that is given back is taken again at once by one that is held: they count, up to the ceiling.
    held = 0 if limited.used_up else limited.held
    yield Stream(
        name + LIMITED,
        int(max(1, min(slots, limited.per_worker))),
        replace(
            queue,
            queued=limited.queued + held,
            running=limited.running,
            # Whoever waits for a limit is not late by any fault of the workers.
            oldest=0.0 if limited.held else limited.oldest,
            arrived=limited.arrived,
            work=limited.work + (limited.held_work if held else 0.0),
            unknown=limited.unknown + (limited.held_unknown if held else 0),
            due_soon=queue.due_soon if soon else 0,
            types={kind: told for kind, told in queue.types.items() if types[kind]},
            limited=None,
        ),
        limited,
    )
