"""Changing the schema: Alembic, with the version table inside the schema. Synchronous; run by `corral migrate`.

A revision is a pair of SQL files beside its Python file of the same number.
Each is one transaction under an advisory lock, so that pods which migrate at
the same time do it once; a lock on a table that is in use is waited for in
short turns, so that the queue behind it never grows long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from corral.errors import SchemaMismatch
from corral.store.migrations.settling import SNAPSHOT_SECONDS, settle
from corral.store.postgres.connection import Row, connect
from corral.store.postgres.pg_errors import translated
from corral.store.postgres.sql_params import DEFAULT_SCHEMA, quoted

FOLDER = Path(__file__).parent
LOCK_KEY = 0x434F5252414C  # "CORRAL": one migration at a time in a database


@dataclass(frozen=True, slots=True)
class LockTurns:
    """How a table's lock is waited for."""

    count: int = 20
    seconds: float = 3.0
    """How long one of them lasts."""


LOCK_TURNS = LockTurns()


def upgrade(
    url: str,
    schema: str = DEFAULT_SCHEMA,
    revision: str = "head",
    *,
    turns: LockTurns = LOCK_TURNS,
    snapshot_seconds: float = SNAPSHOT_SECONDS,
) -> None:
    """Bring the schema up to `revision`; does nothing when it is there, or one revision ahead (protocol rule 29).

    What takes long over rows that are there follows once the tables are free again: see `settling`.

    Raises:
        SchemaMismatch: it is two or more ahead: this release can't work with it.
        Unavailable: Postgres is away, or a table was locked all the time.
    """

    def change(config: Config) -> None:
        if not _ahead(config):
            command.upgrade(config, revision)

    _migrate(url, schema, change, turns)
    with _translated():
        settle(engine(url), schema, snapshot_seconds)


def downgrade(
    url: str,
    schema: str = DEFAULT_SCHEMA,
    revision: str = "base",
    *,
    turns: LockTurns = LOCK_TURNS,
) -> None:
    """Take the schema back to `revision`; `base` removes the tables.

    Raises:
        SchemaMismatch: it is ahead of this release, which does not know the way back.
        Unavailable: as `upgrade`.
    """

    def change(config: Config) -> None:
        if _ahead(config):
            raise SchemaMismatch(
                f"the database's schema {schema!r} is ahead of this release's revision {head()}: "
                "take it back with the release that made it",
                wait=False,
            )
        command.downgrade(config, revision)

    _migrate(url, schema, change, turns)


def current(url: str, schema: str = DEFAULT_SCHEMA) -> str | None:
    """The revision that the schema is at; None when there are no tables.

    Raises:
        Unavailable: Postgres is away.
    """
    with _translated(), engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
        return context.get_current_revision()


def head() -> str:
    """The newest revision of this release."""
    newest = ScriptDirectory(str(FOLDER)).get_current_head()
    if newest is None:
        raise AssertionError("the package carries no revisions")
    return newest


def _ahead(config: Config) -> bool:
    """Whether a newer release made the schema: the case after a rollback.

    Raises:
        SchemaMismatch: by two revisions or more.
    """
    schema: str = config.attributes["schema"]
    context = MigrationContext.configure(
        config.attributes["connection"], opts={"version_table_schema": schema}
    )
    found, ours = context.get_current_revision(), head()
    if found is None or int(found) <= int(ours):
        return False
    if int(found) > int(ours) + 1:
        raise SchemaMismatch(
            f"the database's schema {schema!r} is at revision {found}, and this release goes up to {ours} and "
            "works with the next one only: install the release that made it",
            wait=False,
        )
    return True


def configuration(connection: Connection, schema: str) -> Config:
    """Alembic's configuration for one connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    return config


@contextmanager
def _translated() -> Iterator[None]:
    """As `translated`, for errors in which SQLAlchemy wraps those of the driver."""
    with translated():
        try:
            yield
        except DBAPIError as error:
            if error.orig is None:
                raise
            raise error.orig from error


def _migrate(url: str, schema: str, change: Callable[[Config], None], turns: LockTurns) -> None:
    with _translated():
        for turn in range(1, turns.count + 1):
            try:
                _migrate_once(url, schema, change, turns.seconds)
            except OperationalError as error:
                if not isinstance(error.orig, psycopg.errors.LockNotAvailable) or turn == turns.count:
                    raise
                time.sleep(1)
            else:
                return


def _migrate_once(url: str, schema: str, change: Callable[[Config], None], seconds: float) -> None:
    with engine(url).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        turn = f"{round(seconds * 1000)}ms"
        connection.execute(text("SELECT set_config('lock_timeout', :turn, true)"), {"turn": turn})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"))
        change(configuration(connection, schema))


def engine(url: str) -> Engine:
    """Connections for migrations. Every name they use is qualified: a role named as the schema changes nothing."""

    def opened() -> psycopg.Connection[Row]:
        connection = connect(url, "corral migrate")
        connection.set_autocommit(False)  # SQLAlchemy begins and ends transactions
        return connection

    return create_engine("postgresql+psycopg://", creator=opened, poolclass=NullPool)
