"""Whether the tables fit this release (protocol rule 29).

A release runs on its own revision and the next one: the next release's
migration only expands, and may be applied while this one runs.
"""

import asyncio
from collections.abc import Callable

from corral.errors import CorralError, SchemaMismatch, Unavailable, waiting_helps
from corral.store.postgres.database import Database
from corral.store.postgres.sql_params import quoted
from corral.waiting import doubling, wait_for_event

REVISION = 28
"""The number of the newest revision of this release; a test compares it with the migrations."""

RETRY_SECONDS = (0.2, 2.0)
"""First and longest wait between two checks, while a process waits for a schema that fits."""

EXISTS = "SELECT to_regclass(%(table)s) IS NOT NULL"
READ = "SELECT version_num FROM corral.alembic_version"
READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"
STANDBY = "this server is a standby: name the primary, or several hosts, of which the primary is chosen"
FROZEN = (
    "it takes no writes: default_transaction_read_only is on for this database or role; whoever set it (a provider, "
    "when the disk is full) keeps Corral from writing, until ALTER DATABASE or ALTER ROLE … RESET lifts it"
)
"""Not overruled: somebody who freezes a database means its jobs, too."""


class Schema:
    """Tells whether the tables fit this release."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> None:
        """Return if the schema fits, and the database takes writes.

        Raises:
            SchemaMismatch: it is older (`wait`: a migration may be on its way), or two or more ahead.
            Unavailable: Postgres is away, or read-only.
        """
        [(read_only, standby)] = await self._database.run(READ_ONLY)
        if read_only:
            raise Unavailable("postgres", STANDBY if standby else FROZEN)
        await self.check_revision()

    async def check_revision(self) -> None:
        """Return if the schema fits.

        Raises:
            SchemaMismatch: it is older (`wait`: a migration may be on its way), or two or more ahead.
            Unavailable: Postgres is away.
        """
        found = await self.revision()
        if found < REVISION:
            raise SchemaMismatch(
                f"the database's schema {self._database.schema!r} is at {_name(found)} and this release "
                f"needs {REVISION:04}: run corral migrate up",
                wait=True,
            )
        if found > REVISION + 1:
            raise SchemaMismatch(
                f"the database's schema {self._database.schema!r} is at {_name(found)}, and this release runs on "
                f"{REVISION:04} and {REVISION + 1:04} only: install the release that made it, "
                f"or take it back with corral migrate down {REVISION:04}",
                wait=False,
            )

    async def wait_until_it_fits(self, stop: asyncio.Event, waiting: Callable[[CorralError], None]) -> bool:
        """Wait while Postgres is away, or while a migration may be on its way.

        Args:
            stop: ends the wait.
            waiting: told why it waits, each time when the reason changes.

        Returns:
            Whether the schema fits; False where `stop` was set before.

        Raises:
            SchemaMismatch: waiting does not help.
        """
        waits, told = doubling(*RETRY_SECONDS), ""
        while not stop.is_set():
            try:
                await self.check()
            except CorralError as error:
                if not waiting_helps(error):
                    raise
                if str(error) != told:
                    told = str(error)
                    waiting(error)
            else:
                return True
            await wait_for_event(stop, next(waits))
        return False

    async def revision(self) -> int:
        """The number of the revision; 0 when there are no tables.

        Raises:
            Unavailable: Postgres is away.
        """
        table = f"{quoted(self._database.schema)}.alembic_version"
        if not (await self._database.run(EXISTS, {"table": table}))[0][0]:
            return 0
        rows = await self._database.run(READ)
        return int(rows[0][0]) if rows else 0


def _name(revision: int) -> str:
    return f"revision {revision:04}" if revision else "no revision"
