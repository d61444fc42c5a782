"""Whether the tables fit this release (protocol rule 29).

A release runs on its own revision and the next one: the next release's
migration only expands, and may be applied while this one runs.
"""

from corral.errors import SchemaMismatch, Unavailable
from corral.store.database import Database
from corral.store.sql_params import quoted

REVISION = 4
"""The number of the newest revision of this release; a test compares it with the migrations."""

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
