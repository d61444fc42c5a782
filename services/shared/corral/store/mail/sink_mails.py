"""Mails that the mail sink caught: what development and tests look at instead of an inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.ids import new_id
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.sql_params import texts

KEPT = 500
"""Mails that are kept, the newest ones."""
LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class SinkMail:
    """A caught mail, as it came over SMTP."""

    id: UUID
    received_at: datetime
    sender: str
    recipients: Sequence[str]
    """Those of the envelope: blind copies, too."""
    source: bytes


ADD = """
INSERT INTO corral.sink_mails (id, sender, recipients, source)
VALUES (%(id)s, %(sender)s, %(recipients)s::text[], %(source)s)
"""
# By primary key: ids are in order of time.
FORGET = """
DELETE FROM corral.sink_mails m
WHERE m.id <= (SELECT o.id FROM corral.sink_mails o ORDER BY o.id DESC OFFSET %(kept)s LIMIT 1)
"""
COLUMNS = "id, received_at, sender, recipients, source"
PAGE = f"SELECT {COLUMNS} FROM corral.sink_mails WHERE id < %(before)s ORDER BY id DESC LIMIT %(limit)s"
ONE = f"SELECT {COLUMNS} FROM corral.sink_mails WHERE id = %(id)s"


class SinkMails:
    """Keeps and lists the mails that the sink caught."""

    def __init__(self, database: Database, *, kept: int = KEPT) -> None:
        """`kept`: how many of the newest mails stay."""
        self._database = database
        self._kept = kept

    async def add(self, sender: str, recipients: Sequence[str], source: bytes) -> UUID:
        """Keep a mail, and only the newest of all; its id.

        Raises:
            Unavailable: Postgres is away.
        """
        mail = new_id()
        params = {"id": mail, "sender": sender, "recipients": texts(recipients), "source": source}
        async with self._database.transaction(SHORT) as transaction:
            await transaction.count(ADD, params)
            await transaction.count(FORGET, {"kept": self._kept})
        return mail

    async def list(self, *, before: UUID | None = None, limit: int = 50) -> Sequence[SinkMail]:
        """Mails that came before the one of that id, newest first.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(PAGE, {"before": before or LAST, "limit": limit})
        return [_mail(row) for row in rows]

    async def get(self, mail: UUID) -> SinkMail | None:
        """The mail of that id.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"id": mail})
        return _mail(rows[0]) if rows else None


def _mail(row: Row) -> SinkMail:
    id, received_at, sender, recipients, source = row
    return SinkMail(id, received_at, sender, recipients, bytes(source))
