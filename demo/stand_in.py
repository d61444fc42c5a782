"""A stand-in for something outside of Corral: a process of its own, which is started and ended by a demo."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from demo.account import ROOT

END_SECONDS = 5.0


class StandIn:
    """A module of `demo.stand_ins` in its own process. It prints its port as its first line when it serves."""

    def __init__(self, module: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"demo.stand_ins.{module}", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self.stop()
            raise RuntimeError(f"demo.stand_ins.{module} did not start")
        self.port = int(line)

    @property
    def url(self) -> str:
        """Its address, where it speaks HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
