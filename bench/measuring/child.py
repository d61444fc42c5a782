"""A process of a contender: started in its own group, stopped with all its children."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import psutil

from bench.measuring.cost import family

ROOT = Path(__file__).resolve().parents[2]
GRACE = 15.0
"""Seconds a process may take to stop before it is killed."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Command:
    """What to run, and what its environment holds beside this one's."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = ROOT

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **self.env}


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a module of this project, under this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def run(command: Command, timeout: float = 300) -> str:
    """Runs to the end and returns what it printed.

    Raises: RuntimeError with the end of its output when it failed.
    """
    done = subprocess.run(
        [str(word) for word in command.argv],
        env=command.environment(),
        cwd=command.cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"{command.argv} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done.stdout


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running command; a context manager that leaves no process behind."""

    def __init__(self, command: Command, log: Path) -> None:
        self.log = log
        self._files = ExitStack()
        output = self._files.enter_context(log.open("ab"))
        self.process = subprocess.Popen(
            [str(word) for word in command.argv],
            env=command.environment(),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raises: RuntimeError with the end of its log when the process has ended."""
        code = self.process.poll()
        if code is not None:
            raise RuntimeError(f"{self.process.args!r} ended with {code}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        tree = family(self.pid)[1:]
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for member in tree:
            if member.is_running():
                member.kill()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # children whose parent had ended before
        psutil.wait_procs(tree, GRACE)
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def started(commands: Mapping[str, Command]) -> Iterator[dict[str, Child]]:
    """Starts all, stops all; their output is in temporary files that go with them."""
    with TemporaryDirectory(prefix="corral-bench-") as logs, ExitStack() as stack:
        yield {
            name: stack.enter_context(Child(command, Path(logs, name))) for name, command in commands.items()
        }
