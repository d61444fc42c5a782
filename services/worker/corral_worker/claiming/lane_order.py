"""The order in which a worker looks into its lanes (protocol rule 9)."""

from collections.abc import Iterable, Sequence

from corral.job.lane import Lane
from corral.job.priority import PRIORITIES

POPS_PER_LOOK_FROM_BELOW = 20
"""Every twentieth pop begins with the lowest priority, so that no job waits for ever."""


class LaneOrder:
    """Lanes by priority; queues of one priority take turns."""

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

    def again(self) -> None:
        """The last pop took nothing: the next one is in its stead, so that none of those from below is lost."""
        self._pops -= 1
