"""Jobs that were submitted in transactions of callers: a notification tells of them when they are committed (rule 4)."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from corral.job.job import Accepted
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import ANSWER
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database, Transaction
from corral.store.postgres.pg_errors import translated
from corral.store.postgres.sql_params import array, quoted, texts
from corral.waiting import wait_for_event

IDS_PER_NOTIFICATION = 200
"""A notification has less than 8,000 bytes. Source: PostgreSQL, NOTIFY."""
MAX_CHANNEL_BYTES = 63
NEW, CHANGED = "new", "changed"

NOTIFY = "SELECT pg_notify(%(channel)s, m.text) FROM unnest(%(texts)s::text[]) AS m(text)"
HEARD = f"SELECT j.type, {ANSWER} FROM corral.jobs j WHERE j.id = ANY(%(ids)s::uuid[])"


@dataclass(frozen=True, slots=True)
class CommittedJob:
    """A job that a caller's transaction stored, or whose payload it replaced."""

    type: str
    accepted: Accepted


def channel_of(schema: str) -> str:
    """The channel of an installation in this schema. Databases have channels of their own."""
    return f"corral:{schema}".encode()[:MAX_CHANNEL_BYTES].decode(errors="ignore")


async def notify(
    transaction: Transaction, schema: str, *, new: Sequence[UUID], changed: Sequence[UUID]
) -> None:
    """Tell of these jobs when the transaction commits, and never where it does not."""
    messages = [*_messages(NEW, new), *_messages(CHANGED, changed)]
    if messages:
        await transaction.rows(NOTIFY, {"channel": channel_of(schema), "texts": texts(messages)})


def _messages(kind: str, ids: Sequence[UUID]) -> Iterator[str]:
    for start in range(0, len(ids), IDS_PER_NOTIFICATION):
        yield f"{kind} " + ",".join(id.hex for id in ids[start : start + IDS_PER_NOTIFICATION])


ANSWER_SECONDS = 1.0
"""Seconds in which what has begun to arrive is there."""


class JobNotices:
    """Listens on a connection of its own; close it at the end."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self._connection = connection

    async def heard(self, seconds: float) -> list[tuple[str, UUID]]:
        """The jobs of which something is heard within so many seconds, each as new or changed; at once if there are some.

        Raises:
            Unavailable: the connection is lost; what is committed meanwhile is not heard of.
        """
        with translated():
            found = await self._received(0)  # what came with the answer to LISTEN
            if not found and await self._anything_sent(seconds):
                found = await self._received(ANSWER_SECONDS)
        return found

    async def _anything_sent(self, seconds: float) -> bool:
        """Whether the server sends anything within so many seconds. psycopg itself would wake ten times a second."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()
        descriptor = self._connection.fileno()
        loop.add_reader(descriptor, sent.set)
        try:
            return await wait_for_event(sent, seconds)
        finally:
            loop.remove_reader(descriptor)

    async def _received(self, seconds: float) -> list[tuple[str, UUID]]:
        found: list[tuple[str, UUID]] = []
        async for notice in self._connection.notifies(timeout=seconds, stop_after=1):
            kind, _, ids = notice.payload.partition(" ")
            try:
                found += [(kind, UUID(one)) for one in ids.split(",")]
            except ValueError:
                continue  # somebody else's: any role may notify
        return found

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


class TransactionJobs:
    """Hears of jobs that callers' transactions committed, and reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listen(self) -> JobNotices:
        """Listen from now on; what was committed before is not heard of.

        Raises:
            Unavailable: Postgres is away.
        """
        with translated():
            connection = await self._database.own_connection()
            await connection.execute(f"LISTEN {quoted(channel_of(self._database.schema))}")
        return JobNotices(connection)

    async def read(self, ids: Sequence[UUID]) -> list[CommittedJob]:
        """Those of the ids that are stored.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.hot(HEARD, {"ids": array(ids)})
        return [CommittedJob(row[0], accepted_from(row[1:])) for row in rows]
