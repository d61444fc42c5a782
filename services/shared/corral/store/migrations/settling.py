"""What follows a migration once it is committed and locks nobody out: rows are counted, indexes are built.

It may be interrupted and is done again by the next `corral migrate up`; nothing is done twice. The release works
without it: counts are taken row by row until then, and lists of live jobs read their rows.
"""

import time
from typing import NamedTuple

import psycopg
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from corral.store.leader import backfills
from corral.store.postgres.sql_params import quoted, within

log = structlog.get_logger(__name__)

SETTLING = 0x434F5252414D  # the number after that of the migrations' lock: one at a time in a database
LOOK_SECONDS = 0.2
SNAPSHOT_SECONDS = 60.0
"""How long the building of an index waits for transactions that are open."""
SWAP_TURN, SWAP_TURNS = 3, 20
"""Seconds that putting it in the old one's place waits for a lock, and how often that is tried."""


class Wanted(NamedTuple):
    """An index that this revision adds, or that replaces a smaller one of its name."""

    name: str
    table: str
    definition: str
    included: int
    """Columns beside those that are searched: lists and counts of live jobs read the index alone, without the rows,
    which lie anywhere in a long history."""
    column: str = "id"
    """A column that older revisions of the table lack: there the index is not built."""


INDEXES = (
    Wanted(
        "jobs_queued",
        "jobs",
        "(queue, suspect, priority, queued_at, id) INCLUDE (type) WHERE state = 'queued'",
        included=1,
    ),
    Wanted(
        "jobs_scheduled", "jobs", "(run_at, id) INCLUDE (queue, type) WHERE state = 'scheduled'", included=2
    ),
    Wanted("jobs_blocked", "jobs", "(id) INCLUDE (queue, type) WHERE state = 'blocked'", included=2),
    Wanted("artifacts_unpublished", "artifacts", "(id) WHERE published_at IS NULL", included=0),
    Wanted(
        "jobs_limited",
        "jobs",
        "(limit_group, suspect, queued_at, id) INCLUDE (queue, type) "
        "WHERE state = 'blocked' AND limit_group IS NOT NULL AND queued_at IS NOT NULL",
        included=2,
        column="limit_group",
    ),
    Wanted(
        "jobs_limited_running",
        "jobs",
        "(limit_group) WHERE state = 'running' AND limit_group IS NOT NULL",
        included=0,
        column="limit_group",
    ),
    Wanted(
        "jobs_counted",
        "jobs",
        "USING gin (counted_by) "
        "WHERE counted_by IS NOT NULL AND state IN ('blocked', 'scheduled', 'queued', 'running')",
        included=0,
        column="counted_by",
    ),
)

READY = "SELECT to_regclass(:table) IS NOT NULL"
THERE = """
SELECT indisvalid AND indnatts - indnkeyatts = :included FROM pg_index WHERE indexrelid = to_regclass(:index)
"""
COLUMN = """
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = :column AND NOT attisdropped)
"""


def settle(engine: Engine, schema: str, snapshot_seconds: float = SNAPSHOT_SECONDS) -> None:
    """Do what is not done yet. Returns at once where the schema is of an older revision.

    An index whose building waits longer than `snapshot_seconds` for open transactions is left for the next time.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ready = connection.execute(text(READY), {"table": f"{quoted(schema)}.backfills"}).scalar()
        if not ready:
            return
        # Not waited for inside the server: building an index waits for all who wait there.
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": SETTLING}).scalar():
            time.sleep(LOOK_SECONDS)
        try:
            connection.execute(text("SET statement_timeout = 0"))
            _backfill(connection, schema)
            for index in INDEXES:
                known = {"index": f"{quoted(schema)}.{index.name}", "included": index.included}
                column = {"table": f"{quoted(schema)}.{index.table}", "column": index.column}
                if not connection.execute(text(COLUMN), column).scalar():
                    continue
                if not connection.execute(text(THERE), known).scalar():
                    _build(connection, schema, index, snapshot_seconds)
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": SETTLING})


def _backfill(connection: Connection, schema: str) -> None:
    """Compute what this revision needs of older rows; the leader may be at it too."""
    _run(connection, schema, "BEGIN")
    try:
        _run(connection, schema, backfills.ALONE)
        if not connection.exec_driver_sql(within(schema, backfills.ASK)).scalar():
            for step in backfills.STEPS:
                _run(connection, schema, step)
    except BaseException:
        _run(connection, schema, "ROLLBACK")
        raise
    _run(connection, schema, "COMMIT")


def _build(connection: Connection, schema: str, index: Wanted, snapshot_seconds: float) -> None:
    """Build the index beside the old one where there is one, then put it in its place."""
    new = f"{index.name}_new"
    _run(connection, schema, f"DROP INDEX IF EXISTS corral.{new}")  # of a time that was interrupted
    filled = f"SELECT EXISTS (SELECT FROM corral.{index.table})"
    beside = "CONCURRENTLY" if connection.exec_driver_sql(within(schema, filled)).scalar() else ""
    try:
        _run(connection, schema, f"SET lock_timeout = '{round(snapshot_seconds * 1000)}ms'")
        _run(connection, schema, f"CREATE INDEX {beside} {new} ON corral.{index.table} {index.definition}")
        _swap(connection, schema, index.name, new)
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        log.warning(
            "migrate.index_not_built",
            index=index.name,
            reason="a transaction was open all the time; what reads the index is slower until it is built",
            again="corral migrate up",
        )
        _run(connection, schema, f"DROP INDEX IF EXISTS corral.{new}")


def _swap(connection: Connection, schema: str, name: str, new: str) -> None:
    _run(connection, schema, f"SET lock_timeout = '{SWAP_TURN}s'")
    for turn in range(1, SWAP_TURNS + 1):
        try:
            # One text without parameters is one transaction.
            _run(
                connection,
                schema,
                f"DROP INDEX IF EXISTS corral.{name}; ALTER INDEX corral.{new} RENAME TO {name}",
            )
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable) or turn == SWAP_TURNS:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return


def _run(connection: Connection, schema: str, statement: str) -> None:
    connection.exec_driver_sql(within(schema, statement))
