"""The two servers that every contender shares: the Postgres and the Valkey that `corral up` ships, as shipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from bench.measuring.child import ROOT
from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.valkey import EmbeddedValkey

DATA = ROOT / ".corral"
"""On the disk of the checkout: a folder for temporary files may be memory, where a sync costs nothing."""


@dataclass(frozen=True)
class Servers:
    """Both servers, running, and where on them one contender's data are."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    database: str = "bench"
    number: int = 0
    """Redis' database."""

    @property
    def postgres_pid(self) -> int:
        return _known(self.postgres.pid)

    @property
    def redis_pid(self) -> int:
        return _known(self.valkey.pid)

    @property
    def redis_url(self) -> str:
        return urlunsplit(urlsplit(self.valkey.url)._replace(path=f"/{self.number}"))

    def dsn(self, database: str | None = None) -> str:
        """A libpq URL of the contender's database, or of another."""
        return urlunsplit(urlsplit(self.postgres.url)._replace(path=f"/{database or self.database}"))

    def beside(self) -> "Servers":
        """A second place on the same servers."""
        return replace(self, database=f"{self.database}_beside", number=self.number + 1)

    def reset(self) -> None:
        """Makes the contender's database anew, in Postgres and in Redis."""
        self._administer(
            f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", f"CREATE DATABASE {self.database}"
        )
        self.redis().flushdb()

    def drop(self) -> None:
        """Gives the disk back."""
        self._administer(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        self.redis().flushdb()

    def settle(self) -> None:
        """Leaves no work of the seeding for the lap: statistics and a checkpoint are done."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)

    def _administer(self, *statements: str) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def running() -> Iterator[Servers]:
    """Starts both with new data on free ports; stops them and removes the data at the end."""
    DATA.mkdir(mode=0o755, exist_ok=True)
    folder = Path(mkdtemp(prefix="bench-", dir=DATA))
    folder.chmod(0o755)  # root's servers run under another account
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        with postgres, valkey:
            yield Servers(postgres, valkey)
    finally:
        for server in (postgres, valkey):
            if server.home is not None:
                _remove(server.home)
        shutil.rmtree(folder, ignore_errors=True)


def _remove(home: Path) -> None:
    """Also where root had to keep the data elsewhere, in the shelter."""
    shutil.rmtree(home, ignore_errors=True)
    home.with_name(f"{home.name}.origin").unlink(missing_ok=True)


def _known(pid: int | None) -> int:
    if pid is None:
        raise RuntimeError("a server has ended")
    return pid
