"""A transaction of the caller's: jobs are inserted through a connection that somebody else opened (protocol rule 4).

The statements are those of submissions, with two differences. A transaction may have been open for long, so times count
from the statement. And it may stay open for long, so it locks no keys of limits, for which claims would wait.
"""

import re
import time
from asyncio import sleep
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from corral.errors import Refused, Unavailable
from corral.store.postgres import loaders
from corral.store.postgres.connection import Row
from corral.store.postgres.database import SHORT, Database, Limits, Params, Transaction
from corral.store.postgres.pg_errors import translated
from corral.store.postgres.sql_params import within

BlockingConnection: TypeAlias = psycopg.Connection[Any] | Connection | Session | scoped_session[Any]
"""What blocks: psycopg's connection, SQLAlchemy's connection or session."""
AwaitedConnection: TypeAlias = (
    psycopg.AsyncConnection[Any] | AsyncConnection | AsyncSession | async_scoped_session[Any]
)
"""What is awaited: the same of psycopg and SQLAlchemy for coroutines."""
AnyDriver: TypeAlias = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
T = TypeVar("T")

_NOW = re.compile(r"(?<!\w)now\(\)")
# The value that is in force is read before it is set: the rows of `w` are made first.
LOCK_TIMEOUT = """
SELECT w.before, set_config('lock_timeout', %(within)s, true)
FROM (SELECT current_setting('lock_timeout') AS before OFFSET 0) w
"""
SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %(within)s, true)"
BEGUN = "SELECT 1"
RIGHTS = "the how-to about submitting from Python says what the role of the connection has to be granted"
AWAITED = (psycopg.AsyncConnection, AsyncConnection, AsyncSession, async_scoped_session)


class CallersTransaction(Transaction):
    """Runs statements in a transaction that the caller ends. Errors of the driver pass as they are."""

    holds_limit_keys = False

    def __init__(self, driver: AnyDriver, schema: str) -> None:
        self._caller = driver
        self._schema = schema

    @property
    def user(self) -> str:
        """The role that the caller connected as."""
        return self._caller.info.user

    @property
    def place(self) -> str:
        """The address of the database, without its password."""
        return self._caller.info.dsn

    async def rows(self, statement: str, params: Params | None = None) -> list[Row]:
        """Run one statement and fetch everything it returns; in binary, which no DateStyle of the connection changes."""
        text = within(self._schema, _as_of_the_statement(statement))
        if isinstance(self._caller, psycopg.AsyncConnection):
            awaited = psycopg.AsyncCursor[Row](self._caller, row_factory=tuple_row)
            async with awaited:
                loaders.install(awaited)
                await awaited.execute(text, params, binary=True)
                return await awaited.fetchall() if awaited.rownumber is not None else []
        with psycopg.Cursor[Row](self._caller, row_factory=tuple_row) as blocking:
            loaders.install(blocking)
            blocking.execute(text, params, binary=True)
            return blocking.fetchall() if blocking.rownumber is not None else []

    async def count(self, statement: str, params: Params | None = None) -> int:
        """Run one statement; the number of rows it touched."""
        text = within(self._schema, _as_of_the_statement(statement))
        if isinstance(self._caller, psycopg.AsyncConnection):
            async with psycopg.AsyncCursor[Row](self._caller, row_factory=tuple_row) as awaited:
                return (await awaited.execute(text, params)).rowcount
        with psycopg.Cursor[Row](self._caller, row_factory=tuple_row) as blocking:
            return blocking.execute(text, params).rowcount

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what is done in here where an error leaves it, and nothing else of the caller's.

        A connection in autocommit without a transaction commits at the end, as it does with each statement.
        """
        idle = self._caller.info.transaction_status is TransactionStatus.IDLE
        if idle and not self._caller.autocommit:
            await self.rows(BEGUN)  # or it would be a transaction of its own, which is committed at its end
        if isinstance(self._caller, psycopg.AsyncConnection):
            async with self._caller.transaction():
                yield
        else:
            with self._caller.transaction():
                yield

    @asynccontextmanager
    async def lock_timeout(self, seconds: float) -> AsyncIterator[None]:
        """Wait for each lock no longer than that; afterwards what the caller had set is in force again."""
        wanted = {"within": f"{seconds * 1000:.0f}ms"}
        [(before, _)] = await self.rows(LOCK_TIMEOUT, wanted)
        yield  # after an error the rollback to the savepoint takes it back
        await self.rows(SET_LOCK_TIMEOUT, {"within": before})

    async def pause(self, seconds: float) -> None:
        """Sleep in the way of the connection."""
        if isinstance(self._caller, psycopg.AsyncConnection):
            await sleep(seconds)
        else:
            time.sleep(seconds)  # noqa: ASYNC251 - a blocking connection has no loop


class CallersDatabase(Database):
    """Reads through a caller's transaction what is else read on a connection of Corral's own."""

    def __init__(self, transaction: CallersTransaction, schema: str) -> None:
        self.schema = schema
        self._transaction = transaction

    async def run(self, statement: str, params: Params | None = None, *, limits: Limits = SHORT) -> list[Row]:  # noqa: ARG002
        """Run one statement in the caller's transaction, whose time limits count."""
        return await self._transaction.rows(statement, params)

    async def close(self) -> None:
        """Leave the caller's connection alone."""


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what concerns these statements alone as errors of Corral; what has ended the transaction passes as it is.

    Raises:
        InvalidInput: a value that Postgres can't hold.
        SchemaMismatch: the tables are not there.
        Refused: a key is held by another transaction, or the role lacks a right.
    """
    try:
        with translated():
            yield
    except Unavailable as error:
        match error.__cause__:
            case errors.LockNotAvailable():
                raise Refused("postgres", "another transaction holds this key right now") from error
            case errors.InsufficientPrivilege() as cause:
                raise Refused("postgres", f"{cause.diag.message_primary}: {RIGHTS}") from error
            case psycopg.Error() as cause:
                raise cause from None
            case _:
                raise


async def callers_transaction(connection: object, schema: str) -> CallersTransaction:
    """The transaction of a connection of psycopg or SQLAlchemy, begun where SQLAlchemy has not yet.

    Raises:
        TypeError: it is no such connection, or another driver's.
    """
    if isinstance(connection, scoped_session | async_scoped_session):
        connection = connection()
    if isinstance(connection, Session):
        connection = connection.connection()
    elif isinstance(connection, AsyncSession):
        connection = await connection.connection()
    driver: object = connection
    if isinstance(connection, Connection):
        if not connection.in_transaction():
            connection.begin()  # or its commit would not know that there is something to commit
        driver = connection.connection.driver_connection
    elif isinstance(connection, AsyncConnection):
        if not connection.in_transaction():
            await connection.begin()
        driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, psycopg.Connection | psycopg.AsyncConnection):
        kind = type(driver)
        raise TypeError(
            "jobs are stored through a connection of psycopg 3, or a connection or session of SQLAlchemy with "
            f"postgresql+psycopg://, not through {kind.__module__}.{kind.__qualname__}"
        )
    return CallersTransaction(driver, schema)


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """The result of work on a blocking connection: it never waits in a coroutine's way."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a coroutine waited on a connection that blocks")


@lru_cache(maxsize=64)
def _as_of_the_statement(statement: str) -> str:
    """The statement with times that count from itself, not from the caller's BEGIN."""
    return _NOW.sub("statement_timestamp()", statement)
