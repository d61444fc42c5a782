"""Pools of connections: SQLAlchemy's, with dead connections found before they are used."""

import math
import select
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from corral.errors import Unavailable
from corral.store import loaders
from corral.store.connection import Row, connect_async
from corral.store.deadline import ANSWER_MARGIN_SECONDS, Deadline
from corral.store.pg_errors import Ambiguous, translated

__all__ = ["ConnectionPool", "Driver", "Row"]

Driver: TypeAlias = psycopg.AsyncConnection[Row]

POOL_WAIT_SECONDS = 10.0
"""Seconds that a statement waits for a free connection."""
MAX_PREPARED_STATEMENTS = 300
"""Prepared statements per connection; more than there are."""


class ConnectionPool:
    """Connections in autocommit: transactions are begun where they are wanted."""

    def __init__(
        self,
        url: str,
        *,
        size: int,
        application_name: str,
        session: Mapping[str, str] | None = None,
        pooled: bool = False,
        wait_seconds: float = POOL_WAIT_SECONDS,
        margin_seconds: float = ANSWER_MARGIN_SECONDS,
    ) -> None:
        """Connects when first used. `session` are server settings that each connection begins with.

        `pooled`: through a pooler of connections in transaction mode.
        `wait_seconds`: for a free connection. `margin_seconds`: for an answer, beyond the server's own limit.
        """
        self._margin_seconds = margin_seconds
        self._pooled = pooled
        self._broken_at = -math.inf
        self._engine = create_async_engine(
            "postgresql+psycopg://",  # the address is libpq's business
            async_creator=partial(connect_async, url, application_name, session=session, pooled=pooled),
            pool_size=size,
            max_overflow=0,
            pool_timeout=wait_seconds,
            pool_reset_on_return=None,  # a connection that is not idle is closed instead
            use_native_hstore=False,
        )
        event.listen(self._engine.sync_engine, "connect", self._connected)
        event.listen(self._engine.sync_engine, "checkout", self._checked_out)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def connection(self, seconds: float, deadline: Deadline | None = None) -> AsyncIterator[Driver]:
        """A connection that is silent for at most `seconds`; a dead one makes its idle neighbours suspect too.

        `deadline` is for callers that speak more than once: they begin it anew each time.

        Raises:
            Unavailable: no connection, or the server refused; what was under way was not committed.
            Ambiguous: the connection was lost, or nothing was heard in time: it may have been.
            InvalidInput: a value that Postgres can't hold.
        """
        with translated():
            pooled = await self._engine.raw_connection()
        driver: Driver = pooled.driver_connection  # type: ignore[assignment]  # Any | None to SQLAlchemy
        deadline = deadline or Deadline(margin_seconds=self._margin_seconds)
        deadline.set(driver, seconds)
        try:
            with translated():
                yield driver
        except Unavailable as error:
            if not driver.closed:
                raise  # the server answered: it did not commit
            self._broken_at = time.monotonic()
            reason = "no answer in time" if deadline.passed else str(error.__cause__)
            raise Ambiguous("postgres", reason) from error.__cause__
        finally:
            deadline.lift()
            if driver.info.transaction_status is not TransactionStatus.IDLE:
                await driver.close()
            pooled.close()

    def _connected(self, adapted: Any, record: ConnectionPoolEntry) -> None:
        driver: Driver = adapted.driver_connection
        loaders.install(driver)
        driver.prepared_max = MAX_PREPARED_STATEMENTS
        if self._pooled:
            driver.prepare_threshold = None  # never, whatever a statement asks for
        record.info["born"] = time.monotonic()

    def _checked_out(self, adapted: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace a connection that died, or was opened before one was found dead.

        A server that goes away says so on idle connections: then there is something to read.
        """
        driver: Driver = adapted.driver_connection
        if driver.closed or record.info["born"] <= self._broken_at or _readable(driver.fileno()):
            raise exc.DisconnectionError


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
