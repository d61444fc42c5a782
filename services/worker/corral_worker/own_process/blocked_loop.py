"""A handler that blocks the event loop past its timeout: interrupted where it blocks, or given up with its worker.

Nothing on the loop can see to it, since nothing there runs: not its timeout, not its neighbours, not SIGTERM. The
heartbeat's thread looks, and interrupts the main thread with a signal. Code in Python is interrupted at its next
line, and a blocking call (sleep, a socket, a lock) at once; code of an extension may go on. Then the worker ends, and
what it holds with it.
"""

import asyncio
import os
import signal
import threading
import time
from contextvars import Context
from types import FrameType

import structlog

from corral import frames
from corral.errors import CorralError
from corral.store.workers.heartbeat import Heartbeat
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.executor import ABANDON_SECONDS, GONE_SECONDS, AttemptExecutor
from corral_worker.attempts.outcomes import Stop
from corral_worker.lifecycle import exit_code
from corral_worker.lifecycle.shutdown import HONOUR_SECONDS
from corral_worker.lifecycle.signals import Signals, stop_timers
from corral_worker.own_process import attribution, stack
from corral_worker.own_process.loop_watchdog import BLOCKED_SECONDS, TICK_SECONDS, LoopWatchdog

log = structlog.get_logger(__name__)

SIGNAL = signal.SIGURG
"""Sent only from one thread of this process to another: the system ignores it by default, and nothing else uses it."""


class BlockedLoop:
    """Interrupts a handler that blocks the event loop past its timeout. Made in the main thread; `look` is called from another one."""

    def __init__(
        self,
        watchdog: LoopWatchdog,
        attempts: HeldAttempts,
        executor: AttemptExecutor,
        signals: Signals,
        *,
        grace: float,
        abandon_seconds: float = ABANDON_SECONDS,
    ) -> None:
        self._watchdog = watchdog
        self._attempts = attempts
        self._executor = executor
        self._abandon_seconds = abandon_seconds
        self._signals = signals
        self._grace = grace
        self._blocked_looks = 0
        """How often in a row the loop was blocked: a process that was frozen was not looked at."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        signal.signal(SIGNAL, self._interrupt)

    def look(self, heartbeat: Heartbeat | None) -> None:
        """Log a loop that does not turn; interrupt what blocks it past its timeout, or end the process.

        Stops timers that interrupt it.
        """
        stop_timers()
        self._watchdog.look()
        if self._watchdog.silent_for < BLOCKED_SECONDS:
            self._blocked_looks = 0
            return
        self._blocked_looks += 1
        over = self._attempts.over_time()
        if self._signals.arrived() or over:
            signal.pthread_kill(self._thread, SIGNAL)
        blocking = self._attempts.blocking()
        if blocking is not None and blocking in over and blocking.over_for > self._abandon_seconds:
            blocking.thread = self._thread
            why = (
                f"job {blocking.claimed.id} blocks the event loop past its timeout, and can't be interrupted"
            )
            self._give_up(heartbeat, why, over, exit_code.STUCK)
        elif blocking is None and over and self._blocked_looks * TICK_SECONDS > self._abandon_seconds:
            place = stack.of_thread(self._thread) or stack.Stack()
            why = f"the event loop is blocked at {place.place}, by no job that still runs, and jobs are past their timeouts"
            self._give_up(heartbeat, why, [], exit_code.STUCK)  # none of them is to blame
        elif self._told_in_vain():
            self._give_up(heartbeat, "it was told to stop, and a handler blocks the event loop", over, 0)

    def _told_in_vain(self) -> bool:
        """Whether the worker was told to stop so long ago that it would have stopped, if its loop turned."""
        told = self._signals.heard
        if not told:
            return False
        patience = (self._grace if len(told) == 1 else 0) + HONOUR_SECONDS
        return time.monotonic() - told[-1] > patience

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        """Called in the main thread, between two instructions: if those are of an attempt past its timeout, end them."""
        attempt = attribution.owner()
        execution = self._attempts.held.get(attempt) if attempt else None
        if frame is None or frames.place_in([(frame, 0)]) is None:
            return  # in the worker's own code: it will soon be back in the handler's
        if attempt and execution is None:  # what an ended attempt left behind blocks others
            raise asyncio.CancelledError("its attempt has ended")
        if execution is None or execution.ending is not None or execution.over_for <= 0:
            return
        if execution.stop is None:
            execution.stop = Stop.TIMEOUT
            self._loop.call_soon_threadsafe(self._executor.see_to_end, execution, context=Context())
        raise asyncio.CancelledError("past its timeout")

    def _give_up(self, heartbeat: Heartbeat | None, why: str, over: list[Execution], code: int) -> None:
        """End the process. What is past its timeout ends as that error, all else is given back."""
        log.critical("worker.stuck", why=why, held=len(self._attempts.held))
        for execution in over:
            execution.stop = execution.stop or Stop.TIMEOUT
            execution.not_before = GONE_SECONDS
            execution.look()
        struck = [execution.overdue() for execution in over if execution.past_timeout]
        try:
            left = heartbeat.give_up(struck) if heartbeat else []
        except CorralError as error:
            log.warning("worker.goodbye_failed", error=str(error))
        else:
            for one in left:
                log.info("job.released", job=str(one.id), attempt=one.attempt, state=one.state.value)
        os._exit(code)
