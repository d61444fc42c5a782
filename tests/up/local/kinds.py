"""The kinds of servers that the same tests run on, and the processes around one."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import redis
from tests.fixtures.servers.servers import FAST

from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.server import EmbeddedServer
from corral_local.servers.valkey import EmbeddedValkey


@dataclass(frozen=True)
class Kind:
    """One kind of server, and how to leave something in it and find it again."""

    make: Callable[..., EmbeddedServer]
    leave: Callable[[str], None]
    find: Callable[[str], bool]
    settings: dict[str, str] = field(default_factory=dict)

    def server(self, data: Path, **options: object) -> EmbeddedServer:
        return self.make(data, **{"settings": self.settings} | options)

    @property
    def name(self) -> str:
        return self.make.__name__


def leave_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE left_here (n int); INSERT INTO left_here VALUES (7)")


def find_row(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM left_here").fetchone() == (7,)


def leave_key(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set("left", "here")


def find_key(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return client.get("left") == b"here"


KINDS = [
    # Data must survive a kill of the process, which needs no fsync: the system keeps what was written.
    Kind(
        EmbeddedPostgres, leave_row, find_row, FAST | {"synchronous_commit": "on", "full_page_writes": "on"}
    ),
    Kind(EmbeddedValkey, leave_key, find_key),
]


@dataclass(frozen=True)
class Owner:
    """Another process that started a server and keeps it."""

    process: subprocess.Popen[str]
    url: str
    server: psutil.Process

    @property
    def guard(self) -> psutil.Process:
        return self.server.parent()
