"""Corral as a user starts it: `corral up`, in a folder of its own, on a free port, and ended cleanly."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from corral.client import Client, Connection
from corral.settings.sources import PREFIX
from demo.account import ROOT
from demo.waiting import NotInTime, until

READY_SECONDS = 120.0
END_SECONDS = 60.0
EXAMPLE = ROOT / "examples" / "typed_definitions"
"""A team's own job types, which run beside those of Corral."""
_LINES = 30
"""Lines of its output that are shown where it does not start."""


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Installation:
    """One `corral up` with so many workers."""

    def __init__(self, folder: Path, *, workers: int, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.output = folder / "up.log"
        own = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        own |= {f"{PREFIX}{name}": text for name, text in settings.items()}
        own |= {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(EXAMPLE), "OUTBOX": str(folder / "outbox")}
        self.environment = own
        began = time.monotonic()
        command = [sys.executable, "-m", "corral.cli", "up", "--workers", str(workers)]
        with self.output.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(free_port())],
                cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        until(self._ready, seconds=READY_SECONDS, what="corral up is ready")
        self.seconds = time.monotonic() - began
        self.connection = Connection.find({}, folder)
        self.url = self.connection.url

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"corral up ended with {self._process.returncode}:\n{self.tail()}")
        return re.search(r"ready at \S+", self._said()) is not None and "Ctrl-C" in self._said()

    def _said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of what it said."""
        return "\n".join(self._said().splitlines()[-_LINES:])

    def client(self) -> Client:
        """A client with the key of its owner."""
        return Client(self.connection)

    def processes(self) -> list[psutil.Process]:
        """All that it has started and that runs."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def worker_pids(self) -> list[int]:
        """The processes of its workers, without their children."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                words, parent = process.cmdline(), process.parent()
                if "corral_worker" in words and "-S" not in words:
                    mine = (
                        parent is not None
                        and "corral_worker" in parent.cmdline()
                        and "-S" not in parent.cmdline()
                    )
                    if not mine:
                        found.append(process.pid)
        return found

    def corral(self, *arguments: str, **more: str) -> str:
        """The output of one command of the command line.

        Raises:
            RuntimeError: it failed; the message is what it said.
        """
        done = subprocess.run(
            [sys.executable, "-m", "corral.cli", *arguments],
            cwd=self.folder, env=self.environment | more, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"corral {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def stop(self) -> tuple[int, list[str]]:
        """End it with Ctrl-C: its exit code, and what it left running, in words."""
        left = self.processes()
        self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        code = self._process.poll()
        running = [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        names = [f"{one.name()} {one.pid}" for one in running]
        if code is None:
            self._process.kill()
            self._process.wait()
        for one in running:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        return (-1 if code is None else code), names


def kill_worker(installation: Installation, pid: int) -> None:
    """`kill -9` for one worker of an installation, and no other process.

    Raises:
        NotInTime: it has no such worker.
    """
    if pid not in installation.worker_pids():
        raise NotInTime(f"process {pid} is no worker of this installation")
    os.kill(pid, signal.SIGKILL)
