"""Pools of connections: dead connections are found before they are used.

Our own, because it is all that workers and publishers would need SQLAlchemy for, which takes a third of their start.
"""

import asyncio
import math
import select
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

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


class _Opened(NamedTuple):
    """A connection of a pool."""

    driver: Driver
    born: float
    """When it was open. Source: time.monotonic."""


class ConnectionPool:
    """Connections in autocommit: transactions are begun where they are wanted. Belongs to one event loop."""

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
        self._connect = partial(connect_async, url, application_name, session=session, pooled=pooled)
        self._wait_seconds = wait_seconds
        self._margin_seconds = margin_seconds
        self._pooled = pooled
        self._broken_at = -math.inf
        self._closed = False
        self._room = asyncio.Semaphore(size)
        self._idle: deque[_Opened] = deque()
        """The one that was used longest ago first: it is used next, so that all are looked at."""

    async def close(self) -> None:
        """Close every connection; those that are in use, when they are given back."""
        self._closed = True
        while self._idle:
            await self._idle.popleft().driver.close()

    @asynccontextmanager
    async def connection(self, seconds: float, deadline: Deadline | None = None) -> AsyncIterator[Driver]:
        """A connection that is silent for at most `seconds`; a dead one makes its idle neighbours suspect too.

        `deadline` is for callers that speak more than once: they begin it anew each time.

        Raises:
            Unavailable: no connection, or the server refused; what was under way was not committed.
            Ambiguous: the connection was lost, or nothing was heard in time: it may have been.
            InvalidInput: a value that Postgres can't hold.
        """
        async with self._turn():
            with translated():
                opened = await self._alive()
            driver = opened.driver
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
                if self._closed or driver.info.transaction_status is not TransactionStatus.IDLE:
                    await driver.close()
                else:
                    self._idle.append(opened)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The right to one connection.

        Raises:
            Unavailable: all are in use for too long.
        """
        try:
            if self._room.locked():
                async with asyncio.timeout(self._wait_seconds):
                    await self._room.acquire()
            else:
                await self._room.acquire()
        except TimeoutError as error:
            raise Unavailable("postgres", "every connection of the pool is in use") from error
        try:
            yield
        finally:
            self._room.release()

    async def _alive(self) -> _Opened:
        """An idle connection, or a new one; those that died, or were opened before one was found dead, are closed.

        A server that goes away says so on idle connections: then there is something to read.

        Raises:
            psycopg.Error, OSError: no connection can be opened.
        """
        while self._idle:
            opened = self._idle.popleft()
            driver = opened.driver
            if not driver.closed and opened.born > self._broken_at and not _readable(driver.fileno()):
                return opened
            await driver.close()
        driver = await self._connect()
        loaders.install(driver)
        driver.prepared_max = MAX_PREPARED_STATEMENTS
        if self._pooled:
            driver.prepare_threshold = None  # never, whatever a statement asks for
        return _Opened(driver, time.monotonic())


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
