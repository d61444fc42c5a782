"""Processes that the supervisor keeps running: Corral's own programs and the embedded servers."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from corral_local.processes.guarded_process import GuardedProcess
from corral_local.processes.log_file import LogFile
from corral_local.servers.server import EmbeddedServer

T = TypeVar("T")
POLL_SECONDS = 0.1
"""Seconds between two looks at whether something still runs."""


class SupervisedProcess(Protocol):
    """A process that the supervisor starts again when it ends."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def running(self) -> bool:
        """Whether it runs."""

    @property
    def exit_code(self) -> int | None:
        """The exit code of its last run; 128 + number where a signal ended it."""

    @property
    def pid(self) -> int | None:
        """The process to signal, while it runs."""

    @property
    def log(self) -> LogFile:
        """Its log file."""

    def tail(self) -> str:
        """The end of what its last run wrote."""

    async def start(self) -> None:
        """Start it; for a server also until it answers."""

    async def stop(self, grace: float) -> None:
        """Shut it down; kill it after `grace` seconds."""

    def kill(self) -> None:
        """End it without waiting for what it runs."""


class ProgramProcess:
    """One of Corral's programs. It ends when this process ends, whatever the reason."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        handed: Sequence[int] = (),
    ) -> None:
        """Describe the program. Each of its runs inherits the descriptors in `handed`."""
        self.name = name
        self.log = LogFile(log)
        self._command, self._environment, self._folder = command, environment, folder
        self._handed = handed
        self._run: GuardedProcess | None = None
        self._since = 0

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._run is not None and self._run.running

    @property
    def exit_code(self) -> int | None:
        """How its last run ended; None while it runs or before."""
        return self._run.exit_code if self._run else None

    @property
    def pid(self) -> int | None:
        """Its guard's process id: a SIGTERM there reaches the program."""
        return self._run.pid if self._run is not None and self._run.running else None

    def tail(self) -> str:
        """The end of what its last run wrote."""
        return self.log.tail(self._since)

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self.running:
            return
        self.log.rotate()
        self._since = self.log.size()
        with self.log.appending() as descriptor:
            self._run = GuardedProcess(
                self._command,
                account=None,
                farewell=signal.SIGTERM,
                log=descriptor,
                environment=self._environment,
                folder=self._folder,
                handed=self._handed,
            )

    def ask_to_stop(self) -> None:
        """Send the first SIGTERM and return."""
        if self._run is not None and self._run.running:
            self._run.ask_to_stop()

    async def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds."""
        run = self._run
        if run is None or not run.running:
            return
        self.ask_to_stop()
        deadline = asyncio.get_running_loop().time() + grace
        while self.running and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  no event is set
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.to_thread(run.stop, 0)

    def kill(self) -> None:
        """Kill it: a second request makes the guard kill the program. The leader reclaims its jobs."""
        self.ask_to_stop()


class ServerProcess:
    """An embedded server."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self.name = server.kind
        self.log = LogFile(server.log)

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._server.running

    @property
    def exit_code(self) -> int | None:
        """How its last run ended."""
        return self._server.exit_code

    @property
    def pid(self) -> int | None:
        """The server's own process id."""
        return self._server.pid

    def tail(self) -> str:
        """The end of its log."""
        return self.log.tail()

    async def start(self) -> None:
        """Start it and wait until it answers."""
        await to_the_end(self._server.start)

    async def stop(self, grace: float) -> None:
        """Shut it down."""
        await to_the_end(lambda: self._server.stop(grace))

    def kill(self) -> None:
        """Do nothing: servers end their clients' work at once anyway, and need time to write their data."""


async def to_the_end(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread; a cancellation waits until it has ended."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
