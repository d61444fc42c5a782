"""The order in which a worker looks into its lanes (protocol rule 9). Pure."""

from collections.abc import Iterable, Sequence

from corral.job.lane import Lane
from corral.job.priority import PRIORITIES

POPS_PER_LOOK_FROM_BELOW = 20
"""Every so many pops the lowest priority comes first, so that nothing starves."""


class LaneOrder:
    """Priority first; within a priority the queue that came first last time comes last."""

    def __init__(self, queues: Iterable[str]) -> None:
        names = sorted(queues)
        turned = [names[start:] + names[:start] for start in range(len(names))] or [[]]
        self._orders = [
            [Lane(queue, priority) for priority in PRIORITIES for queue in order] for order in turned
        ]
        self._from_below = [
            [Lane(queue, priority) for priority in reversed(PRIORITIES) for queue in order]
            for order in turned
        ]
        self._pops = 0

    def next(self) -> Sequence[Lane]:
        """The lanes for the next pop."""
        self._pops += 1
        orders = self._from_below if self._pops % POPS_PER_LOOK_FROM_BELOW == 0 else self._orders
        return orders[self._pops % len(orders)]
