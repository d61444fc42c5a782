"""Runs one program and ends it when the process that asked for it ends.

A script of its own, started as `python -I -S guard.py <parent pid> <uid:gid or -> <signal> program…`: it
imports the standard library only, and everything before it gives up root, because the account it becomes may
not be able to read the interpreter's folder.

The guard, and not a death signal in the server alone, watches the parent: Linux sends that signal when the
*thread* that started the server ends, and other systems have none. The server in turn gets the death signal
for its guard, whose one thread lives as long as it does.

SIGTERM asks the program to stop, with the signal it wants for that; a second SIGTERM kills it.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
from types import FrameType
from typing import NoReturn

POLL_SECONDS = 1.0
"""Seconds between two looks at whether the parent is still there."""
ORPHAN_GRACE_SECONDS = 60.0
"""Seconds an orphaned program may take to stop before it is killed."""
PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""
HELD = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD}
"""Signals that are blocked until the child runs the program, so that a stop right after the start is not lost."""


def become(account: str) -> None:
    """Change to an account for good; `account` is `uid:gid`, or `-` for the current one."""
    if account == "-":
        return
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def execute(program: list[str], guard: int, farewell: int, prctl: object) -> NoReturn:
    """In the child, after the fork: execute the program."""
    try:
        if callable(prctl):
            prctl(PR_SET_PDEATHSIG, farewell, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that would be inherited
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        os.execv(program[0], program)  # noqa: S606  no shell on purpose
    except OSError as error:
        sys.stderr.write(f"cannot run {program[0]}: {error}\n")
        sys.stderr.flush()
    os._exit(127)


def watch(child: int, parent: int, farewell: int) -> int:
    """Wait for the child's end, and end the child when the parent ends first. Returns an exit code."""
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    asked = 0

    def ask(_signum: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, farewell if asked == 1 else signal.SIGKILL)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's business
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    orphaned_for = 0.0
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if os.getppid() != parent:
            if not asked:
                ask(signal.SIGTERM, None)
            elif orphaned_for > ORPHAN_GRACE_SECONDS:
                os.kill(child, signal.SIGKILL)
            orphaned_for += POLL_SECONDS
        select.select([awake], [], [], POLL_SECONDS)
        with contextlib.suppress(BlockingIOError):
            os.read(awake, 512)


def main() -> int:
    """Start the program and stay until it has ended."""
    parent, account, farewell, program = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        become(account)
    except OSError as error:
        sys.stderr.write(f"cannot become user and group {account}: {error}\n")
        return 126
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        execute(program, guard, farewell, prctl)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # only the program holds its input, its log, and what it was handed
        os.dup2(null, descriptor)
    for descriptor in [int(name) for name in os.listdir("/dev/fd")]:  # noqa: PTH208  pathlib takes too long
        if descriptor > 2:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    return watch(child, parent, farewell)


if __name__ == "__main__":
    sys.exit(main())
