"""A program that ends when it is told to, or when the process that started it ends, whatever the reason."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from corral_local.processes import parent_watch
from corral_local.servers.account import Account

GUARD = Path(parent_watch.__file__)
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""The variables of our environment that a server gets. It gets no keys or passwords."""
KILL_SECONDS = 10.0
"""Seconds to wait for the end of a killed program."""


def plain_environment() -> dict[str, str]:
    """The environment of a server: the paths of programs and folders, and English as language."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"}


class GuardedProcess:
    """One run of one program, under a guard process. For another run make another object."""

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
            account: the user to run as; None for the current one.
            farewell: the signal that makes the program shut down.
            log: descriptor for its output.
            given: its standard input.
            environment: its environment; None for `plain_environment`, which is for servers.
            folder: its working folder.
            handed: descriptors that it inherits under the same numbers.
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
        """Wait for the end of the program; returns its exit code, or None after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_stop(self) -> None:
        """Ask the program to shut down, and return at once. A second call kills it."""
        self._process.terminate()

    def stop(self, timeout: float) -> None:
        """Shut the program down; kill it after `timeout` seconds."""
        for patience in (timeout, KILL_SECONDS):
            if not self.running:
                return
            self._process.terminate()
            self.wait(patience)
        if self.running:  # not even the guard answers
            self._process.kill()
            self._process.wait()
