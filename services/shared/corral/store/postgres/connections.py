"""Pools of connections, with dead connections found before they are used."""

import asyncio
import math
import select
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from corral.errors import Unavailable
from corral.store.postgres import loaders
from corral.store.postgres.connection import Row, connect_async
from corral.store.postgres.deadline import ANSWER_MARGIN_SECONDS, Deadline
from corral.store.postgres.pg_errors import Ambiguous, translated

__all__ = ["ConnectionPool", "Driver", "Row"]

Driver: TypeAlias = psycopg.AsyncConnection[Row]

POOL_WAIT_SECONDS = 10.0
"""Seconds that a statement waits for a free connection."""
MAX_PREPARED_STATEMENTS = 300
"""Prepared statements per connection; more than there are."""


@dataclass(frozen=True, slots=True)
class _Pooled:
    """A connection of a pool."""

    driver: Driver
    born: float
    """When it was opened, by the monotonic clock."""
    opening: int
    """The opening of the pool to which it belongs: the pool may have been closed since."""


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
        self._margin_seconds = margin_seconds
        self._wait_seconds = wait_seconds
        self._pooled = pooled
        self._broken_at = -math.inf
        self._connect = partial(connect_async, url, application_name, session=session, pooled=pooled)
        self._room = asyncio.Semaphore(size)
        """As many as may be taken beside those that are."""
        self._idle: list[_Pooled] = []
        """The one that was used last is used next."""
        self._opening = 0

    async def close(self) -> None:
        """Close every connection; those in use when they are given back."""
        self._opening += 1
        idle, self._idle = self._idle, []
        for one in idle:
            await one.driver.close()

    @asynccontextmanager
    async def connection(
        self,
        seconds: float,
        deadline: Deadline | None = None,
        *,
        fits: Callable[[Driver], bool] | None = None,
    ) -> AsyncIterator[Driver]:
        """A connection that is silent for at most `seconds`; a dead one makes its idle neighbours suspect too.

        `deadline` is for callers that speak more than once: they begin it anew each time. Of those that are idle
        one is preferred that `fits`.

        Raises:
            Unavailable: no connection, or the server refused; what was under way was not committed.
            Ambiguous: the connection was lost, or nothing was heard in time: it may have been.
            InvalidInput: a value that Postgres can't hold.
        """
        await self._wait_for_room()
        try:
            with translated():
                one = await self._take(fits)
            driver = one.driver
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
                await self._give_back(one)
        finally:
            self._room.release()

    async def _wait_for_room(self) -> None:
        if not self._room.locked():  # without a clock, for every statement
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._room.acquire()
        except TimeoutError as error:
            raise Unavailable("postgres", "every connection of the pool is in use") from error

    async def _take(self, fits: Callable[[Driver], bool] | None) -> _Pooled:
        """An idle connection that is alive, or a new one.

        Closes those that died, or were opened before one was found dead. A server that goes away says so on idle
        connections: then there is something to read.
        """
        while self._idle:
            one = self._idle.pop(self._place(fits))
            if not one.driver.closed and one.born > self._broken_at and not _readable(one.driver.fileno()):
                return one
            await one.driver.close()
        driver = await self._connect()
        loaders.install(driver)
        driver.prepared_max = MAX_PREPARED_STATEMENTS
        if self._pooled:
            driver.prepare_threshold = None  # never, whatever a statement asks for
        return _Pooled(driver, time.monotonic(), self._opening)

    def _place(self, fits: Callable[[Driver], bool] | None) -> int:
        """Where the idle connection is that is used next."""
        if fits is not None:
            for place in range(len(self._idle) - 1, -1, -1):
                if fits(self._idle[place].driver):
                    return place
        return -1

    async def _give_back(self, one: _Pooled) -> None:
        driver = one.driver
        idle = driver.info.transaction_status is TransactionStatus.IDLE
        if idle and one.opening == self._opening and not driver.closed:
            self._idle.append(one)
        else:
            await driver.close()


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
