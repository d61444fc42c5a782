"""What a handler does to the worker's own process: it is logged and, where that is possible, made the error of its attempt.

In a program of its own `os.kill(os.getpid(), SIGINT)` is a KeyboardInterrupt, and SIGTERM the end. In a worker both
would stop it, as an operator's SIGTERM does: the job would be given back, and stop the next worker. `os._exit` and
deadly signals can't be undone; the log says whose they were. Forks of the process do what they want.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import structlog

from corral import frames
from corral_worker.own_process import attribution, stack

log = structlog.get_logger(__name__)


def watch() -> None:
    """Replace the functions with which a program ends itself. Called once, before the team's modules are imported."""
    pid = os.getpid()
    exit_, kill, killpg, raise_signal = os._exit, os.kill, os.killpg, signal.raise_signal

    def guarded_exit(status: int) -> NoReturn:
        if os.getpid() == pid and _of_team():
            _tell("os._exit", code=status)
        exit_(status)

    def guarded_kill(target: int, number: int, /) -> None:
        if target == pid or (target in (0, -1) and os.getpid() == pid):
            _signalled("os.kill", number)
        kill(target, number)

    def guarded_killpg(group: int, number: int, /) -> None:
        if os.getpid() == pid and group in (0, os.getpgrp()):
            _signalled("os.killpg", number)
        killpg(group, number)

    def guarded_raise(number: int, /) -> None:
        if os.getpid() == pid:
            _signalled("signal.raise_signal", number)
        raise_signal(number)

    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (os, "_exit", guarded_exit),
        (os, "kill", guarded_kill),
        (os, "killpg", guarded_killpg),
        (signal, "raise_signal", guarded_raise),
    ]
    for module, name, function in replaced:
        function.__name__ = function.__qualname__ = name
        setattr(module, name, function)


def _signalled(what: str, number: int) -> None:
    """A signal to the worker's own process.

    Raises:
        KeyboardInterrupt: it is SIGINT, and a handler's.
        SystemExit: it is SIGTERM, and a handler's.
    """
    if number == 0 or not _of_team():
        return
    ours = attribution.owner() is not None
    if number == signal.SIGINT and ours:
        raise KeyboardInterrupt(f"{what} sent SIGINT to the worker's own process")
    if number == signal.SIGTERM and ours:
        raise SystemExit(f"{what} sent SIGTERM to the worker's own process")
    if number in (signal.SIGKILL, signal.SIGSTOP) or signal.getsignal(number) is signal.SIG_DFL:
        _tell(what, signal=_name(number))


def _tell(what: str, **facts: object) -> None:
    attempt = attribution.owner()
    about = {"job": str(attempt[0]), "attempt": attempt[1]} if attempt else {}
    found = stack.here()
    log.critical("worker.ended_by_handler", by=what, at=found.place, stack=found.text, **about, **facts)
    sys.stderr.flush()


def _of_team() -> bool:
    """Whether the call comes from code that is not the worker's own."""
    caller: FrameType | None = sys._getframe()  # noqa: SLF001  # as in corral.catalog
    while caller is not None and caller.f_globals.get("__name__") == __name__:
        caller = caller.f_back
    return caller is not None and frames.place_in([(caller, caller.f_lineno)]) is not None


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
