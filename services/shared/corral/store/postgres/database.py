"""Statements and transactions, and how long the server may take over them.

There are two pools. The hot one runs what is done for every job: one prepared
statement is one transaction and one round trip, and the limits and the
planner's settings belong to its connections. On the other one limits stay until
other ones are asked for, so that most of its statements are alone, too. Behind a pooler of connections both do, and nothing
is prepared: what belongs to a session would stay on a server connection that
serves others next.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import psycopg
from psycopg.pq import TransactionStatus

from corral.errors import Unreadable
from corral.store.postgres.connection import ISOLATION, STATED, Row, connect_async, limits_of
from corral.store.postgres.connections import ConnectionPool, Driver
from corral.store.postgres.deadline import Deadline
from corral.store.postgres.sql_params import within

Params: TypeAlias = Mapping[str, Any]

HOT_CONNECTIONS = 3
"""At most; a process seldom has more than a claim, a batch of outcomes and an insert under way."""


IDLE_IN_TRANSACTION_SECONDS = 5.0
"""After which the server ends a transaction whose process was frozen, so that another can take its place."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the server may work on one statement, wait for one lock, and wait for us in a transaction, in seconds."""

    statement: float
    lock: float
    idle: float = IDLE_IN_TRANSACTION_SECONDS

    @property
    def settings(self) -> dict[str, str]:
        """The limits as settings of Postgres."""
        return {
            "statement_timeout": f"{self.statement:.0f}s",
            "lock_timeout": f"{self.lock:.0f}s",
            "idle_in_transaction_session_timeout": f"{self.idle * 1000:.0f}ms",
        }


HOT = Limits(statement=8.0, lock=3.0)
"""What is done for every job, by primary key: well under the 15 s after which a popped id is handed out again."""
SHORT = Limits(statement=10.0, lock=3.0)
"""What a person or a service asks for."""
DUTY = Limits(statement=15.0, lock=2.0)
"""The leader's rounds: bounded batches that wait for nobody."""

BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "jit": "off",
}
"""A statement that knows its keys has one good plan, whatever the statistics say of a table that was empty a
second ago: nested loops over the primary key, and what is ordered read from the index in that order, planned once per
connection."""

BEGIN, COMMIT, ROLLBACK = f"BEGIN ISOLATION LEVEL {ISOLATION}", "COMMIT", "ROLLBACK"
_FAILURES = itertools.count()
SET_LIMITS = """
SELECT set_config('statement_timeout', %(statement_timeout)s, false),
       set_config('lock_timeout', %(lock_timeout)s, false),
       set_config('idle_in_transaction_session_timeout', %(idle_in_transaction_session_timeout)s, false)
"""


class Transaction:
    """An open transaction on one connection."""

    holds_limit_keys = True
    """Whether it is over soon, so that claims may wait for the keys of limits that it locks."""

    def __init__(self, driver: Driver, schema: str, deadline: Deadline) -> None:
        self._driver = driver
        self._schema = schema
        self._deadline = deadline

    async def rows(self, statement: str, params: Params | None = None) -> list[Row]:
        """Run one statement and fetch everything it returns."""
        return await _fetched(await self._execute(statement, params))

    async def count(self, statement: str, params: Params | None = None) -> int:
        """Run one statement; the number of rows it touched."""
        return (await self._execute(statement, params)).rowcount

    async def _execute(self, statement: str, params: Params | None) -> psycopg.AsyncCursor[Row]:
        self._deadline.begin_anew()
        cursor = await self._driver.execute(within(self._schema, statement), params, prepare=True)
        self._deadline.begin_anew()  # for the commit, where this was the last one
        return cursor


class Database:
    """Runs statements and transactions in one schema, over two pools of connections: a hot one and a general one.

    Every method raises, beside what its statement asks for:
        Unavailable: Postgres is away, did not answer in time, or did not give a lock; nothing was
            written, unless it is an Ambiguous.
        InvalidInput: a value that Postgres can't hold; nothing was written.
        Unreadable: the answer can't be read; what was written is written, unless in a `transaction`.
    """

    def __init__(
        self, url: str, *, schema: str, pool_size: int, application_name: str, pooled: bool = False
    ) -> None:
        """`pooled`: the address may lead through a pooler of connections in transaction mode."""
        self.schema = schema
        self._url, self._application_name = url, application_name
        self._pooled = pooled
        self._limited: WeakKeyDictionary[Driver, Limits] = WeakKeyDictionary()
        """The limits that are in force on each connection of the general pool."""
        self._pool = ConnectionPool(url, size=pool_size, application_name=application_name, pooled=pooled)
        self._hot = ConnectionPool(
            url,
            size=min(pool_size, HOT_CONNECTIONS),
            application_name=application_name,
            session=None if pooled else HOT.settings | BY_KEY,
            pooled=pooled,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()
        await self._hot.close()

    async def own_connection(self) -> Driver:
        """A new connection that belongs to the caller, who closes it: to listen, past a pooler of connections.

        Raises:
            psycopg.Error: it can't be opened.
        """
        return await connect_async(self._url, self._application_name)

    async def hot(self, statement: str, params: Params, *, binary: bool = False) -> list[Row]:
        """Run one statement that finds its rows by primary key, as a transaction of its own.

        `binary`: the answer is read in half the time. Not for times, of which some are outside Python's calendar.
        """
        if self._pooled:
            return (await self.hot_together((statement, params), binary=binary))[0]
        async with self._hot.connection(HOT.statement) as driver:
            sql = within(self.schema, statement)
            return await _fetched(await driver.execute(sql, params, prepare=True, binary=binary))

    async def hot_together(self, *steps: tuple[str, Params], binary: bool = False) -> list[list[Row]]:
        """Run several such statements as one transaction, in one round trip; what each returned."""
        async with self._hot.connection(HOT.statement * len(steps)) as driver:
            if self._pooled:
                return await self._said_whole(driver, HOT.settings | BY_KEY, *steps, binary=binary)
            return await self._pipeline(driver, *steps, binary=binary)

    async def run(self, statement: str, params: Params | None = None, *, limits: Limits = SHORT) -> list[Row]:
        """Run one statement as a transaction of its own, in one round trip."""
        return (await self.together((statement, params or {}), limits=limits))[0]

    async def together(self, *steps: tuple[str, Params], limits: Limits) -> list[list[Row]]:
        """Run statements as one transaction, in one round trip; what each returned."""
        seconds = limits.statement * len(steps)
        async with self._pool.connection(seconds, fits=self._limited_to(limits)) as driver:
            if self._pooled:
                return await self._said_whole(driver, limits.settings, *steps)
            if self._limited.get(driver) != limits:
                with self._limiting(driver, limits):
                    _, *results = await self._pipeline(driver, (SET_LIMITS, limits.settings), *steps)
                return results
            if len(steps) > 1:
                return await self._pipeline(driver, *steps)
            statement, params = steps[0]
            return [
                await _fetched(await driver.execute(within(self.schema, statement), params, prepare=True))
            ]

    @asynccontextmanager
    async def transaction(self, limits: Limits = SHORT) -> AsyncIterator[Transaction]:
        """A transaction for steps that depend on one another; commits unless an error leaves it."""
        deadline = Deadline()
        fits = self._limited_to(limits)
        async with self._pool.connection(limits.statement, deadline, fits=fits) as driver:
            if not self._pooled and self._limited.get(driver) != limits:
                with self._limiting(driver, limits):
                    await driver.execute(SET_LIMITS, limits.settings, prepare=True)
            async with driver.transaction():
                if self._pooled:
                    await driver.execute(_setting(driver, limits.settings))
                yield Transaction(driver, self.schema, deadline)

    def _limited_to(self, limits: Limits) -> Callable[[Driver], bool]:
        return lambda driver: self._limited.get(driver) == limits

    @contextmanager
    def _limiting(self, driver: Driver, limits: Limits) -> Iterator[None]:
        """Around what sets the limits of a session, and is committed at its end: after an error they are not known."""
        self._limited.pop(driver, None)
        yield
        self._limited[driver] = limits

    async def _said_whole(
        self, driver: Driver, settings: Mapping[str, str], *steps: tuple[str, Params], binary: bool = False
    ) -> list[list[Row]]:
        """One transaction behind a pooler: everything on which it relies is said in it, in the same round trip."""
        first: list[tuple[str, Params]] = [(BEGIN, {}), (_setting(driver, settings), {})]
        try:
            return (await self._pipeline(driver, *first, *steps, (COMMIT, {}), binary=binary))[
                len(first) : -1
            ]
        except psycopg.Error:
            if driver.info.transaction_status is TransactionStatus.INERROR:
                await driver.execute(ROLLBACK)
            raise

    async def _pipeline(
        self, driver: Driver, *steps: tuple[str, Params], binary: bool = False
    ) -> list[list[Row]]:
        """Without a BEGIN, what is sent before one Sync is one transaction."""
        async with _prepared(driver), driver.pipeline():
            cursors = [
                await driver.execute(within(self.schema, statement), params, prepare=True, binary=binary)
                for statement, params in steps
            ]
        return [await _fetched(cursor) for cursor in cursors]


async def _fetched(cursor: psycopg.AsyncCursor[Row]) -> list[Row]:
    """What a statement returned. It has been carried out: an error here says nothing of that."""
    if cursor.rownumber is None:
        return []
    try:
        return await cursor.fetchall()
    except Exception as error:  # whatever a loader raises
        raise Unreadable(f"what Postgres answered can't be read: {error}") from error


def _setting(driver: Driver, settings: Mapping[str, str]) -> str:
    """The statement that makes these settings, and all on which we rely, those of this transaction."""
    everything = {**limits_of(driver.info.server_version), **STATED, **settings}
    return "SELECT " + ", ".join(
        f"set_config('{name}', '{value}', true)" for name, value in everything.items()
    )


@asynccontextmanager
async def _prepared(driver: Driver) -> AsyncIterator[None]:
    """After an error: statements behind the failed one were not prepared, and psycopg believes they were.

    Where a transaction was begun it forgets them with the rollback; here nothing was begun.
    """
    try:
        yield
    except psycopg.Error:
        if not driver.closed and driver.prepare_threshold is not None:
            # psycopg forgets what was prepared only after a text that it has not seen before.
            await driver.execute(f"DEALLOCATE ALL -- {next(_FAILURES)}")
        raise
