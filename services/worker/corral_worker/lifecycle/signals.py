"""SIGTERM and SIGINT: heard in the main thread, and kept, whatever a handler's code makes of them."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextvars import Context
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

ASKING = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask a worker to stop."""
TIMERS = {signal.ITIMER_REAL: signal.SIGALRM, signal.ITIMER_VIRTUAL: signal.SIGVTALRM}
"""Timers, and the signals by which they strike. That of profilers is left alone."""
LOOK_SECONDS = 1.0
"""Seconds between two looks whether the signals still reach the worker."""


class Signals:
    """Calls `asked` on the event loop for each signal, with its name."""

    def __init__(self, asked: Callable[[str], None]) -> None:
        self._asked = asked
        self._loop = asyncio.get_running_loop()
        self._hear = self._heard  # one object, to be compared with
        self.heard: list[float] = []
        """When each was heard, as `time.monotonic()` readings: also where the loop has not."""
        for one in ASKING:
            signal.signal(one, self._hear)
        # The interpreter writes the number of each signal there when it comes, in whatever thread that is.
        self._arrivals, self._written = socket.socketpair()
        for end in (self._arrivals, self._written):
            end.setblocking(False)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._look()

    def arrived(self) -> bool:
        """Whether a signal came since this was asked, which the main thread may not know of.

        The system gives a signal to another thread where the main one has one already. The main thread hears it then at its
        next instruction, which may be far where it waits in a call of the system.
        """
        try:
            numbers = self._arrivals.recv(1 << 10)
        except BlockingIOError:
            return False
        return not set(ASKING).isdisjoint(numbers)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        # Not a handler of the loop's: those are heard between two turns, and this also while one blocks it. In a
        # context of its own: the signal interrupts whatever runs, an attempt's code as well.
        self.heard.append(time.monotonic())
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._asked, signal.Signals(number).name, context=Context())

    def _look(self) -> None:
        """Hear the signals again where a handler's code took them: a worker that can't be stopped loses its jobs."""
        self._loop.call_later(LOOK_SECONDS, self._look, context=Context())
        self.arrived()  # those are known here
        for one in ASKING:
            found = signal.getsignal(one)
            if found is not self._hear:
                name = getattr(found, "__qualname__", None) or str(found)
                module = getattr(found, "__module__", "")
                log.error(
                    "signal.replaced",
                    signal=one.name,
                    by=f"{module}:{name}",
                    hint="the worker hears it again",
                )
                signal.signal(one, self._hear)


def stop_timers() -> None:
    """Stop what a handler set off to strike again and again: it interrupts whatever runs here, other jobs and the worker.

    For another thread than the main one, which it interrupts.
    """
    for timer, sent in TIMERS.items():
        if signal.getitimer(timer)[1] and callable(signal.getsignal(sent)):
            signal.setitimer(timer, 0)
            log.error("timer.stopped", hint="a handler's timer interrupted the worker again and again")
