"""The slots of a worker: how many jobs each executor may run, and what that allows to pop."""

import asyncio
from collections.abc import Mapping

import structlog

from corral import metrics
from corral.catalog import Catalog
from corral.dispatch import Budget
from corral.job.options import Executor

log = structlog.get_logger(__name__)


class Slots:
    """Counts the free slots of each executor. A slot is taken from the claim to the handler's end."""

    def __init__(self, sizes: Mapping[Executor, int], catalog: Catalog, queues: frozenset[str]) -> None:
        self.sizes = {executor: size for executor, size in sizes.items() if size > 0}
        self.used = dict.fromkeys(self.sizes, 0)
        self.abandoned = dict.fromkeys(self.sizes, 0)
        """How many of the used slots are held by handlers that can't be stopped (protocol rule 17)."""
        any_type = {declared.executor for declared in catalog}
        needs = {queue: (catalog.executors(queue) or any_type) & self.sizes.keys() for queue in queues}
        self.queues = frozenset(queue for queue, executors in needs.items() if executors)
        """The queues whose jobs can run here."""
        queues_of = {
            executor: frozenset(queue for queue in self.queues if executor in needs[queue])
            for executor in self.sizes
        }
        self._of = {executor: queues for executor, queues in queues_of.items() if queues}
        self._scarce: set[Executor] = set()
        self.ended = 0
        """How many handlers have ended since the start."""
        self.waiting = 0
        """How many claimed jobs wait for a slot, which they have within a moment; they are of the event loop."""
        self.freed = asyncio.Event()
        """Set when a look for jobs may find more than the last one: a slot is free that was missed, the worker is
        empty, outcomes were written while too many waited, or it was told something. The claim loop clears it."""

    @property
    def free_on_loop(self) -> int:
        """How many slots of the event loop are free."""
        return max(0, self.sizes.get(Executor.ASYNC, 0) - self.used.get(Executor.ASYNC, 0))

    def budgets(self, ahead: int = 0, *, claiming: int = 0, ending: int = 0) -> list[Budget]:
        """How many jobs may be popped for each executor and of which queues; remembers which had no slot free.

        `ahead` more than that on the event loop. Beside a claim of `claiming` jobs, of which `ending` end there as soon
        as they begin.
        """
        self._scarce.clear()
        budgets = []
        for executor, queues in self._of.items():
            free = self.sizes[executor] - self.used[executor] - claiming
            if free <= 0:
                self._scarce.add(executor)
            more, soon = (ahead, ending) if executor is Executor.ASYNC else (0, 0)
            budgets.append(Budget(queues, max(0, free + more) + soon))
        return budgets

    def take(self, executor: Executor) -> None:
        """Use a slot: a job of this executor was claimed."""
        self.used[executor] += 1

    def free(self, executor: Executor) -> None:
        """Give a slot back: a handler ended. Sets `freed` if the last pop found no room for want of it."""
        self.used[executor] -= 1
        self.ended += 1
        if executor in self._scarce:
            self._scarce.discard(executor)
            self.freed.set()

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not any(self.used.values())

    def stuck(self) -> Executor | None:
        """An executor of which a quarter of the slots, one at least, is held by abandoned handlers."""
        for executor, count in self.abandoned.items():
            if count and count * 4 >= self.sizes[executor]:
                return executor
        return None

    def observe(self) -> None:
        """Show the counts as metrics."""
        for executor, size in self.sizes.items():
            metrics.SLOTS.labels(executor.value).set(size)
            metrics.SLOTS_USED.labels(executor.value).set(self.used[executor])


def served(wanted: tuple[str, ...], handled: Catalog, declared: frozenset[str]) -> frozenset[str]:
    """The queues to serve: with `*` those of the handled types, and those that were named.

    Of the `declared` ones, those of other types alone are left out. One that nobody declares may be one that an operator
    set for a type: any job may be in it.
    """
    known, named = handled.queues(), frozenset(wanted) - {"*"}
    for queue in sorted(named - known):
        if queue in declared:
            log.warning("worker.queue_without_types", queue=queue, known=sorted(known))
        else:
            log.info("worker.queue_undeclared", queue=queue, known=sorted(known))
    return (named - (declared - known)) | (known if "*" in wanted else frozenset())
