"""A program that runs under the guard: it ends when told, or when the process that started it is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from corral_local import parent_watch
from corral_local.account import Account

GUARD = Path(parent_watch.__file__)
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""All that a server may know of our environment: keys and passwords are none of its business."""
KILL_SECONDS = 10.0
"""Seconds that a killed program is given to be gone."""


def plain_environment() -> dict[str, str]:
    """The environment of a server: where things are, and messages in English."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"}


class GuardedProcess:
    """One run of one program under its guard. Not started again: make another."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        account: Account | None,
        farewell: signal.Signals,
        log: int,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        folder: Path = Path("/"),
        handed: Sequence[int] = (),
    ) -> None:
        """Start `command`.

        Args:
            command: the program's path and arguments.
            account: whom to run as; None stays who we are.
            farewell: the signal that makes the program stop in good order.
            log: descriptor for what it prints.
            given: what it reads from its standard input.
            environment: its environment; None is a plain one, for servers.
            folder: its working folder.
            handed: descriptors that it gets under the same numbers; they stay ours, too.
        """
        become = f"{account.uid}:{account.gid}" if account else "-"
        self._process = subprocess.Popen(  # noqa: S603  our own guard, no shell
            [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), become, str(int(farewell)), *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=plain_environment() if environment is None else environment,
            pass_fds=handed,
            start_new_session=True,  # the terminal's Ctrl-C is for us; the server stops last
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(given)
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once; whoever waits for it to be ready sees that

    @property
    def running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the program ended (128 + number when by a signal); None while it runs."""
        return self._process.poll()

    def owns(self, pid: int) -> bool:
        """Whether `pid` is the program that this guard started."""
        try:
            return psutil.Process(pid).ppid() == self._process.pid
        except psutil.NoSuchProcess:
            return False

    def wait(self, timeout: float) -> int | None:
        """The exit code once it has ended; None when that takes longer than `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_stop(self) -> None:
        """Ask for an end in good order and return; asked twice, the guard kills."""
        self._process.terminate()

    def stop(self, timeout: float) -> None:
        """Stop the program in good order; after `timeout` seconds, kill it."""
        for patience in (timeout, KILL_SECONDS):
            if not self.running:
                return
            self._process.terminate()
            self.wait(patience)
        if self.running:  # not even the guard answers
            self._process.kill()
            self._process.wait()
