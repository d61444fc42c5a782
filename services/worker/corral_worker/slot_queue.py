"""Attempts that were claimed though no slot was free for them, because those before them end as soon as they begin (rule 9)."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from time import monotonic

from corral_worker.execution import Execution
from corral_worker.slots import Slots

HOLD_SECONDS = 0.2
"""Seconds for which an attempt may wait for a slot; then its job goes back to its lane, for whoever has one."""


class SlotQueue:
    """Attempts of the event loop that wait for a slot, in their order. Belongs to the event loop."""

    def __init__(
        self,
        slots: Slots,
        begin: Callable[[Execution], None],
        give_back: Callable[[Execution], None],
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._slots = slots
        self._begin = begin
        self._give_back = give_back
        self._hold_seconds = hold_seconds
        self._waiting: deque[Execution] = deque()
        self._loop = asyncio.get_running_loop()
        self._ours = Context()
        """Whoever frees a slot is often an attempt, and what begins then is not part of it."""
        self._soon = False
        self._timer: asyncio.TimerHandle | None = None

    def add(self, execution: Execution) -> None:
        """Let an attempt begin as soon as it has a slot."""
        self._waiting.append(execution)
        self._slots.waiting += 1
        if self._timer is None:
            self._timer = self._loop.call_later(self._hold_seconds, self._look, context=self._ours)

    def freed(self) -> None:
        """A slot is free: let the next one begin."""
        if self._waiting and not self._soon:
            self._soon = True
            self._loop.call_soon(self._next, context=self._ours)

    def remove(self, execution: Execution) -> bool:
        """Take out an attempt that was told to stop; whether it was there."""
        if execution.begun or execution not in self._waiting:
            return False
        self._waiting.remove(execution)
        self._slots.waiting -= 1
        return True

    def _next(self) -> None:
        self._soon = False
        while self._waiting and self._slots.free_for_waiting:
            self._slots.waiting -= 1
            self._begin(self._waiting.popleft())

    def _look(self) -> None:
        """Give back what has waited too long."""
        self._timer = None
        self._next()
        late = monotonic() - self._hold_seconds
        for execution in [one for one in self._waiting if one.started <= late]:
            self._give_back(execution)
        if self._waiting:
            self._timer = self._loop.call_later(self._hold_seconds, self._look, context=self._ours)
