"""Handlers that are interrupted while they call their context. Children of a test import this module."""

import ctypes
import signal
import threading
import time
from collections.abc import Callable

from tests.unit.worker.rig_streams import disturb_streams, streams  # noqa: F401  payloads name them

from corral.context import SyncContext

HOW_OFTEN = 60


class Interrupted(BaseException):
    """What a library for timeouts raises; no Exception, so that nothing swallows it."""


def interrupt(_number: int, _frame: object) -> None:
    raise Interrupted


def interrupt_by_keyboard(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def interrupted_by_timer(ctx: SyncContext) -> int:
    """Calls of the context that a timer's signal interrupts anywhere."""
    signal.signal(signal.SIGALRM, interrupt)
    return calls(ctx, lambda wait: signal.setitimer(signal.ITIMER_REAL, wait), Interrupted)


def interrupted_by_keyboard(ctx: SyncContext) -> int:
    signal.signal(signal.SIGALRM, interrupt_by_keyboard)
    return calls(ctx, lambda wait: signal.setitimer(signal.ITIMER_REAL, wait), KeyboardInterrupt)


def interrupted_by_thread(ctx: SyncContext) -> int:
    """The same by an exception that another thread sends, as libraries for timeouts do."""
    me = ctypes.c_ulong(threading.get_ident())

    def send(wait: float) -> None:
        time.sleep(wait)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(me, ctypes.py_object(Interrupted))

    return calls(ctx, lambda wait: threading.Thread(target=send, args=(wait,)).start(), Interrupted)


def calls(ctx: SyncContext, arm: Callable[[float], object], expected: type[BaseException]) -> int:
    """Call the context until it is interrupted, again and again; how many answers were another call's."""
    wrong: list[bytes | None] = []
    for n in range(HOW_OFTEN):
        name = f"{ctx.job_id}.{n}"
        try:
            arm(0.0002 + n * 0.00003)
            while True:
                ctx.log(name, text="x" * 300)
                answer = ctx.artifacts.get(name)
                if answer != name.encode():
                    wrong.append(answer)
                ctx.progress(n, name)
        except expected:
            pass
    return len(wrong)
