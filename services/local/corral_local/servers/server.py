"""The common part of the embedded servers: starting, waiting until they are ready, stopping, starting again."""

import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import ClassVar, Self

from corral_local.errors import PortTaken, ServerFailed
from corral_local.ports import free_ports, is_free
from corral_local.processes.guarded_process import GuardedProcess
from corral_local.servers.account import Account, account_for
from corral_local.servers.folder import DataFolder
from corral_local.servers.orphans import stop_leftovers
from corral_local.servers.root_storage import RootStorage

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
POLL_SECONDS = 0.01
"""Seconds between two checks whether the server is ready."""
ADDRESS_IN_USE = "Address already in use"
"""What a server logs when its port is taken. Source: strerror(EADDRINUSE) in the C locale."""
PORT_TRIES = 5
"""Random ports to try, because another program may take a free port before the server listens."""


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """The folder, port and account of one run of a server."""

    home: Path
    port: int
    account: Account | None


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """The command line of a server, and its standard input."""

    command: list[str]
    given: bytes = b""


class EmbeddedServer(ABC):
    """A server from a wheel, on the loopback address, with its data in a folder.

    As root it runs under an unprivileged account. It never outlives this process for longer than it takes to
    stop. All methods block; they may be called from any one thread at a time.
    """

    kind: ClassVar[str]
    """The server's name in messages."""
    process_name: ClassVar[str]
    store_name: ClassVar[str]
    """The name of the server's own folder inside the data folder."""
    farewell: ClassVar[signal.Signals]
    """The signal on which the server disconnects its clients and shuts down."""

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
        root_storage: RootStorage | None = None,
    ) -> None:
        """Describe the server; `start` starts it.

        Args:
            data: its data folder, created at the first start; one process at a time can use it.
            port: the port; None for the one of the last start if it is free, else any free one.
            settings: additional settings of the server.
            root_storage: the folder to use when root starts the server and its account can't reach `data`.
        """
        self.folder = DataFolder(data)
        self.settings = settings
        self.home: Path | None = None
        """The folder with the server's data; known from the first start on."""
        self._root_storage = root_storage or RootStorage()
        self._fixed_port = port
        self._port: int | None = None
        self._run: GuardedProcess | None = None

    @property
    def data(self) -> Path:
        """The absolute path of the data folder."""
        return self.folder.path

    @property
    def log(self) -> Path:
        """The server's log file, over all its starts."""
        return self.folder.log

    @property
    def port(self) -> int:
        """The port it listens on. Raises: RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError(f"{self.kind} on {self.data} was not started")
        return self._port

    @property
    def running(self) -> bool:
        """Whether the server's process runs."""
        return self._run is not None and self._run.running

    @property
    def exit_code(self) -> int | None:
        """How its last run ended (128 + number when by a signal); None while it runs or before."""
        return self._run.exit_code if self._run else None

    @property
    def pid(self) -> int | None:
        """The server's process id (not its guard's); None when it does not run."""
        if self._run is None or self.home is None or not self._run.running:
            return None
        pid = self._written_pid(self.home)
        return pid if pid is not None and self._run.owns(pid) else None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, with the password."""

    def start(self, timeout: float = 60.0) -> None:
        """Start it, unless it runs, and wait until it answers. Its address stays the same over restarts.

        Raises: DataInUse, UnusableData, PortTaken, MissingProgram, ServerFailed when it ended or did not
            answer within `timeout` seconds; nothing is left running then.
        """
        if self.running:
            return
        self.folder.hold()
        try:
            wanted = self.data / self.store_name
            account = account_for(wanted)
            self.folder.admit(account)
            stop_leftovers(self.process_name, wanted.resolve(), self.farewell)
            self.home = self._root_storage.data(wanted, account)
            self._prepare(self.home, account)
            self._run_on_a_port(self.home, account, time.monotonic() + timeout)
            self._complete()
        except BaseException:
            self.stop()
            raise

    def stop(self, timeout: float = 30.0) -> None:
        """Shut it down; kill it after `timeout` seconds. Then release the data folder."""
        if self._run is not None:
            self._run.stop(timeout)
        self.folder.release()

    def discard(self) -> None:
        """Stop it and delete its data."""
        self.folder.hold()
        if self._run is not None:
            self._run.stop(0)
        self._root_storage.discard(self.data / self.store_name)
        shutil.rmtree(self.data)
        self.folder.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self, home: Path, account: Account | None) -> None:
        """Prepare `home` before each start of the server."""

    @abstractmethod
    def _program(self, place: ServerPlace) -> ServerCommand:
        """The server's command for this run."""

    @abstractmethod
    def _written_pid(self, home: Path) -> int | None:
        """The process id in the server's data. It may belong to an earlier run."""

    @abstractmethod
    def _answers(self, place: ServerPlace) -> bool:
        """Whether the server accepts clients now."""

    @abstractmethod
    def _complete(self) -> None:
        """Do what remains to be done once the server answers."""

    def _run_on_a_port(self, home: Path, account: Account | None, deadline: float) -> None:
        for port in self._ports():
            place = ServerPlace(home, port, account)
            program = self._program(place)
            with self.folder.appending() as log:
                begin = self.folder.log_size()
                self._run = GuardedProcess(
                    program.command, account=account, farewell=self.farewell, log=log, given=program.given
                )
            if self._ready(place, deadline):
                self._port = self.folder.port = port
                return
            said = self.folder.log_since(begin)
            if self.running or ADDRESS_IN_USE not in said:
                reason = "was not ready in time" if self.running else f"ended with {self.exit_code}"
                raise ServerFailed(self.kind, reason, self.log, said)
        raise PortTaken(port)

    def _ports(self) -> Iterator[int]:
        """Ports to try in order."""
        fixed = self._port or self._fixed_port
        if fixed is not None:
            if not is_free(fixed):
                raise PortTaken(fixed)
            yield fixed
            return
        last = self.folder.port
        if last is not None and is_free(last):
            yield last
        yield from islice(free_ports(), PORT_TRIES)

    def _ready(self, place: ServerPlace, deadline: float) -> bool:
        """Whether the server became ready before it ended or the deadline passed."""
        while self.running and time.monotonic() < deadline:
            if self.pid is not None and self._answers(place):
                return True
            time.sleep(POLL_SECONDS)
        return False
