"""The terminal of `corral up`: what it prints, and what Ctrl-C does."""

import asyncio
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from corral.http_client.publisher_address import DATA, LOCAL_FOLDER
from corral_local.plan import Plan
from corral_local.status import LocalStatus, Ready
from corral_local.system import LocalSystem

STATUS_LINE_SECONDS = 5.0
"""Seconds between two lines of status where the output is not a terminal."""


class UpDisplay:
    """Prints lines about what happens, and below them a status line that is updated."""

    def __init__(self, screen: Console, plan: Plan) -> None:
        self._screen, self._plan = screen, plan
        self._live = Live(console=screen, auto_refresh=False, transient=True) if screen.is_terminal else None
        self._last, self._last_at = "", float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print one line of what happens."""
        self._screen.print(Text(f"{time.strftime('%H:%M:%S')}  {line}"), soft_wrap=True)

    def ready(self, ready: Ready) -> None:
        """Print how to use what is ready now."""
        curl = f"curl -H 'Authorization: Bearer {ready.key}' -H 'Content-Type: application/json'"
        lines = [
            "",
            f"Corral is ready at {ready.url}   (in {ready.prepared_in:.1f} s)",
            "",
            f"  sign in   {ready.sign_in}",
            *([f"  prepare   {first}"] if (first := _preparation(self._plan.data)) else []),
            "  try       corral jobs submit demo.echo --wait 10",
            f"  or        {curl} \\",
            f"""                 -d '{{"type": "demo.echo", "payload": {{"hello": "world"}}}}' '{ready.url}/api/v1/jobs?wait=10'""",
            f"  logs      {os.path.relpath(self._plan.data / 'logs')}",
            "  stop      Ctrl-C",
            "",
        ]
        for line in lines:
            self._screen.print(Text(line), soft_wrap=True)

    def show(self, status: LocalStatus) -> None:
        """Show the status: updated in place on a terminal, else as a line when it has changed."""
        line = status.in_words()
        if self._live:
            self._live.start()  # once; before there is a status it would leave an empty line
            self._live.update(Text(line, overflow="ellipsis", no_wrap=True), refresh=True)
        elif line != self._last and time.monotonic() - self._last_at >= STATUS_LINE_SECONDS:
            self.say(line)
            self._last, self._last_at = line, time.monotonic()


async def run(plan: Plan, screen: UpDisplay) -> None:
    """Run until a signal arrives; a second one stops everything at once."""
    system = LocalSystem(plan, screen.say, screen.ready, screen.show)
    running = asyncio.create_task(system.run())
    loop, asked = asyncio.get_running_loop(), 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            running.cancel()
        else:
            system.hurry()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        if not asked:
            raise


def _preparation(data: Path) -> str:
    """Shell commands by which `corral` is found and finds this system; empty where none are needed."""
    script = Path(sys.prefix) / "bin" / "activate"
    steps = []
    if sys.prefix != sys.base_prefix and script.is_file():
        steps.append(f"source {shlex.quote(os.path.relpath(script))}")
    if data.absolute() != LOCAL_FOLDER.absolute():
        steps.append(f"export {DATA}={shlex.quote(str(data.absolute()))}")
    return " && ".join(steps)
