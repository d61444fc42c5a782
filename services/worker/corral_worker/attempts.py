"""The attempts that this worker holds, each from its claim until its outcome is written."""

import asyncio

from corral import metrics
from corral.job.options import Executor
from corral_worker.attribution import Held
from corral_worker.event_loop import OwnedTask
from corral_worker.execution import Execution
from corral_worker.slots import Slots


class HeldAttempts:
    """The attempts that this worker holds. Belongs to the event loop; its questions may be asked from other threads."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._loop = asyncio.get_running_loop()
        self.held: dict[Held, Execution] = {}
        """From the claim until the outcome is written, or the attempt is no longer ours."""
        self._lost: set[Execution] = set()
        """No longer ours, and their handlers still run."""

    def add(self, execution: Execution) -> None:
        """It was claimed."""
        self.held[execution.claimed.id, execution.claimed.attempt] = execution

    def holds(self, execution: Execution) -> bool:
        """Whether the attempt is still ours to write about."""
        return self.held.get((execution.claimed.id, execution.claimed.attempt)) is execution

    def forget(self, execution: Execution) -> None:
        """Its outcome is written, or will never be."""
        if self.holds(execution):
            del self.held[execution.claimed.id, execution.claimed.attempt]
            if not self.held:
                self._slots.freed.set()

    def lose(self, execution: Execution) -> None:
        """It is no longer ours; its handler may still run."""
        metrics.FENCED.labels("heartbeat").inc()
        self.forget(execution)
        if execution.ending is None:
            self._lost.add(execution)

    def ended(self, execution: Execution) -> None:
        """Its handler has ended: if it was lost, nothing is left of it."""
        self._lost.discard(execution)

    def running(self) -> list[Execution]:
        """The attempts whose handlers have not ended."""
        return [execution for execution in list(self.held.values()) if execution.ending is None]

    def over_time(self) -> list[Execution]:
        """Coroutines that run and should have ended; from any thread."""
        return [one for one in self.running() if one.executor is Executor.ASYNC and one.over_for > 0]

    def blocking(self) -> Execution | None:
        """The attempt whose task the event loop runs now; from any thread."""
        task = asyncio.current_task(self._loop)
        owner = task.owner if isinstance(task, OwnedTask) else None
        return self.held.get(owner) if owner else None

    @property
    def stubborn(self) -> list[Execution]:
        """The attempts whose handlers go on here, whether or not they are still ours."""
        return [*self.running(), *self._lost]

    @property
    def only_abandoned(self) -> bool:
        """Whether all that is held are handlers that can't be stopped: what waits for an empty worker waits in vain."""
        held = list(self.held.values())
        return bool(held) and all(one.abandoned and one.ending is None for one in held)
