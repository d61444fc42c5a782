"""The parent of a child process: waits for it, and ends everything that it started, wherever that went.

A program that a handler starts in a session of its own, or that its parent leaves behind (a daemon), is beyond
any signal to a group. Linux gives such orphans to the nearest ancestor that asks for them, and this is one. So
they are its own children when the handler's process is gone: it kills those and nothing else, and no other
process can have got the number of a child that it has not waited for.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
"""Source: prctl(2)."""
_WAITED_FOR = (signal.SIGTERM, signal.SIGCHLD)
PATIENCE_SECONDS = 5.0
"""How long what was killed may take to end: a process in a system call that can't be interrupted."""


def fork_with_reaper(close: Callable[[], None]) -> None:
    """Fork. Returns in the child, which leads a session of its own; the parent calls `close` and becomes its reaper.

    SIGTERM ends a reaper with everything below it. It ends as its child did: with its exit code, or by its signal.
    Elsewhere than on Linux nobody can adopt orphans, and there is no reaper.
    """
    if sys.platform != "linux":
        os.setsid()
        return
    server, reaper = os.getppid(), os.getpid()
    os.setsid()
    for number in _WAITED_FOR:  # whoever started the worker may have ignored them, and that is inherited
        signal.signal(number, signal.SIG_DFL)
    # Kept waiting until it is asked for, so that an order right after the start is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child:
        close()
        _reap(child, server)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != reaper:  # it ended before it could be watched
        os._exit(1)


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; a system that refuses it goes without."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _reap(child: int, server: int) -> NoReturn:
    """Wait for the child's end, end the rest, and end alike. `server` is the fork server, which this dies with."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != server:
        _kill_group(child)
    status = None
    while status is None:
        if signal.sigwait(_WAITED_FOR) == signal.SIGTERM:
            _kill_group(child)
        status = _ended(child)
    _end_rest()
    _end_alike(status)


def _ended(child: int) -> int | None:
    """How the child ended, None while it lives. Takes note of all others that did."""
    status = None
    for pid in _dead():
        if pid == child:
            _kill_group(child)  # its number is its own until it is waited for
            _, status = os.waitpid(pid, 0)
        else:
            os.waitpid(pid, 0)
    return status


def _dead() -> Iterator[int]:
    """The children that ended and were not waited for."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            yield ended.si_pid


def _kill_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL)
        os.killpg(child, signal.SIGKILL)


def _end_rest() -> None:
    """Kill what is left below, until nothing is: what a killed one leaves behind becomes a child of this process."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        # The next one to end is heard of at once; what was adopted meanwhile is looked for all the same.
        signal.sigtimedwait([signal.SIGCHLD], 0.01)


def _children() -> list[int]:
    """The children of this process, which has one thread."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if _parent(pid) == os.getpid()]


def _parent(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        # The name in brackets may hold anything. Source: proc_pid_stat(5).
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _end_alike(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os._exit(code)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the child has left its own
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    os._exit(128 - code)
