"""Connections to Postgres: a pool, statements in one round trip, transactions, and what errors mean.

SQLAlchemy owns the pool; statements go straight to psycopg, prepared. A list of statements sent in one pipeline without a
BEGIN is one transaction of one round trip, and each statement sees what was
committed before it began: that is what claiming relies on (protocol rule 10).
"""

import asyncio
import math
import select
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import set_json_loads
from sqlalchemy import event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from corral.errors import Unavailable
from corral.store.faults import Ambiguous, translated
from corral.store.json_text import decode
from corral.store.sql import within

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Mapping[str, Any]
Driver: TypeAlias = psycopg.AsyncConnection[Row]

CONNECT_TIMEOUT = 5
"""Seconds (libpq takes whole ones)."""
POOL_TIMEOUT = 10.0
"""Seconds that a statement waits for a free connection."""
ANSWER_MARGIN = 2.0
"""Seconds beyond the server's own limit after which it is taken for gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the server may work on one statement, and wait for one lock. Seconds."""

    statement: float
    lock: float
    by_key: bool = False
    """Whether the statement finds all its rows by primary key."""


HOT = Limits(statement=8.0, lock=3.0, by_key=True)
"""Claims and completions: well under the 15 s after which a popped id is handed out again."""
SHORT = Limits(statement=10.0, lock=3.0)
"""What a person or a service asks for."""
DUTY = Limits(statement=15.0, lock=2.0)
"""The leader's rounds: bounded batches that wait for nobody."""

SET_LIMITS = """
SELECT set_config('statement_timeout', %(statement)s, true),
       set_config('lock_timeout', %(lock)s, true),
       set_config('idle_in_transaction_session_timeout', '5s', true)
"""
# A statement that knows its keys has one good plan, whatever the statistics say of a table that was empty
# a second ago: nested loops over the primary key, planned once per connection.
SET_BY_KEY = f"""{SET_LIMITS},
       set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true)
"""


class Transaction:
    """An open transaction on one connection."""

    def __init__(self, driver: Driver, schema: str) -> None:
        self._driver = driver
        self._schema = schema

    async def rows(self, statement: str, params: Params | None = None) -> list[Row]:
        """Run one statement and fetch everything it returns."""
        cursor = await self._driver.execute(within(self._schema, statement), params, prepare=True)
        return await cursor.fetchall() if cursor.description else []

    async def count(self, statement: str, params: Params | None = None) -> int:
        """Run one statement; the number of rows it touched."""
        cursor = await self._driver.execute(within(self._schema, statement), params, prepare=True)
        return cursor.rowcount


class Database:
    """A pool of connections to one schema."""

    def __init__(self, engine: AsyncEngine, schema: str) -> None:
        self.engine = engine
        self.schema = schema
        self._broken_at = -math.inf

    @classmethod
    def open(cls, url: str, *, schema: str, pool_size: int, application_name: str) -> "Database":
        """A pool; connects when first used."""
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",  # transactions are begun where they are wanted
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            connect_args=connect_options(application_name),
            pool_reset_on_return=None,  # a connection that is not idle is closed instead
            use_native_hstore=False,
        )
        database = cls(engine, schema)
        event.listen(engine.sync_engine, "connect", database._connected)
        event.listen(engine.sync_engine, "checkout", database._checked_out)
        return database

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def run(self, statement: str, params: Params | None = None, *, limits: Limits = SHORT) -> list[Row]:
        """Run one statement as a transaction of its own, in one round trip."""
        return (await self.together((statement, params or {}), limits=limits))[0]

    async def together(self, *steps: tuple[str, Params], limits: Limits) -> list[list[Row]]:
        """Run statements as one transaction, in one round trip; what each returned.

        Raises:
            Unavailable: Postgres is away, did not answer in time, or a lock was not given; nothing was
                written, unless it is an Ambiguous.
            InvalidInput: a value that Postgres can't hold.
        """
        async with self._driver(limits.statement * len(steps)) as driver:
            async with _prepared(driver), driver.pipeline():
                await driver.execute(*settings(limits), prepare=True)
                cursors = [
                    await driver.execute(within(self.schema, statement), params, prepare=True)
                    for statement, params in steps
                ]
            return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]

    @asynccontextmanager
    async def transaction(self, limits: Limits = SHORT) -> AsyncIterator[Transaction]:
        """A transaction for steps that depend on one another; commits unless an error leaves it.

        Raises:
            Unavailable: as `together`.
            InvalidInput: as `together`.
        """
        async with self._driver(None) as driver, driver.transaction():
            await driver.execute(*settings(limits), prepare=True)
            yield Transaction(driver, self.schema)

    @asynccontextmanager
    async def _driver(self, seconds: float | None) -> AsyncIterator[Driver]:
        """A connection from the pool; a dead one makes its idle neighbours suspect too."""
        with translated():
            pooled = await self.engine.raw_connection()
        driver: Driver = pooled.driver_connection  # type: ignore[assignment]  # Any | None to SQLAlchemy
        try:
            with translated():
                async with asyncio.timeout(None if seconds is None else seconds + ANSWER_MARGIN):
                    yield driver
        except Unavailable as error:
            if not (driver.closed or isinstance(error.__cause__, TimeoutError)):
                raise  # the server answered: it did not commit
            self._broken_at = time.monotonic()
            raise Ambiguous("postgres", str(error.__cause__)) from error.__cause__
        finally:
            if driver.info.transaction_status is not TransactionStatus.IDLE:
                await driver.close()
            pooled.close()

    def _connected(self, adapted: Any, record: ConnectionPoolEntry) -> None:
        set_json_loads(decode, adapted.driver_connection)
        record.info["born"] = time.monotonic()

    def _checked_out(self, adapted: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace a connection that died, or was opened before one was found dead.

        A server that goes away says so on idle connections: then there is something to read.
        """
        driver: Driver = adapted.driver_connection
        if driver.closed or record.info["born"] <= self._broken_at or _readable(driver.fileno()):
            raise exc.DisconnectionError


@asynccontextmanager
async def _prepared(driver: Driver) -> AsyncIterator[None]:
    """After an error: statements behind the failed one were not prepared, and psycopg believes they were.

    Where a transaction was begun it forgets them with the rollback; here nothing was begun.
    """
    try:
        yield
    except psycopg.Error:
        if not driver.closed:
            await driver.execute("DEALLOCATE ALL")
        raise


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def connect_options(application_name: str) -> dict[str, Any]:
    """Libpq's options: fail fast, notice a peer that is gone."""
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "application_name": application_name,
        "options": "-c timezone=UTC",
    }


def settings(limits: Limits) -> tuple[str, dict[str, str]]:
    """The statement that begins every transaction."""
    return SET_BY_KEY if limits.by_key else SET_LIMITS, {
        "statement": f"{limits.statement:.0f}s",
        "lock": f"{limits.lock:.0f}s",
    }
