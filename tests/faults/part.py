"""One process of the system: started, watched, hurt, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]


class Part:
    """`python -m …`, with its output in a file. `fate` is why the test expects it to be gone, once it does."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def frozen(self) -> bool:
        """Whether it is stopped (SIGSTOP)."""
        return self.alive and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def send_group(self, number: signal.Signals) -> None:
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, as the kernel would."""
        self._process.kill()
        self.ended()

    def ended(self, seconds: float = 20) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:g} s\n{self.tail()}") from None

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under that name."""
        return [line for line in self._lines() if line.get("event") == name]

    def said(self, name: str) -> bool:
        return bool(self.events(name))

    def tail(self, lines: int = 30) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def children(self) -> list[psutil.Process]:
        """What it started, and what that started."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:  # being written
                    continue


def leftovers(folder: Path) -> list[psutil.Process]:
    """Processes that run for the system of this folder, wherever they hang in the tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("FAULTS_FOLDER") == str(folder)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def gone(folder: Path, seconds: float) -> list[psutil.Process]:
    """Wait for the last of them; those that are still there after `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := leftovers(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
