"""The two servers of a test process, which faults may stop, kill and start again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import redis
from tests.faults import witness
from tests.fixtures.waiting import eventually

from corral.store.migrations import upgrade
from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.server import EmbeddedServer
from corral_local.servers.valkey import EmbeddedValkey

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "80",
}
"""What was committed survives the death of a server process, not that of the machine. synchronous_commit stays on."""
TEMPLATE = "witnessed"


class Servers:
    """Postgres and Valkey, and databases on the first."""

    def __init__(self, folder: Path) -> None:
        self.postgres = EmbeddedPostgres(folder / "faults-postgres", settings=SETTINGS)
        self.valkey = EmbeddedValkey(folder / "faults-valkey", persistent=False)

    def start(self) -> None:
        """Start both, and make the database that the others are copied from."""
        self.postgres.start()
        self.valkey.start()
        self._create(TEMPLATE, "template1")
        url = self.url_of(TEMPLATE)
        upgrade(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(witness.INSTALL)

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()

    def make_whole(self) -> None:
        """Both running, Valkey as new: what a test broke must not reach the next one."""
        self.postgres.start()
        if not self.valkey.running:
            self.snapshot.unlink(missing_ok=True)
        self.valkey.start()
        with self.redis() as client:
            client.config_set("maxmemory", 0)
            client.client_unpause()
            client.flushall()
        self.snapshot.unlink(missing_ok=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh one with the newest schema and the witness."""
        name = f"test_{uuid4().hex}"
        self._create(name, TEMPLATE)
        yield self.url_of(name)
        self.postgres.start()
        with self.admin() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @property
    def snapshot(self) -> Path:
        """The file that Valkey loads when it starts, where there is one."""
        assert self.valkey.home is not None
        return self.valkey.home / "dump.rdb"

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.postgres.url)._replace(path=f"/{database}"))

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.postgres.url, autocommit=True)

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.valkey.url)

    def _create(self, name: str, template: str) -> None:
        with self.admin() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")


def kill(server: EmbeddedServer, number: signal.Signals = signal.SIGKILL) -> None:
    """Send the server's own process a signal that ends it, and wait for its end."""
    pid = server.pid
    assert pid is not None, "the server does not run: nothing to kill"
    os.kill(pid, number)
    eventually(lambda: not server.running)
