"""Whether the tables fit this release (protocol rule 29).

A release runs on its own revision and the next one: the next release's
migration only expands, and may be applied while this one runs.
"""

from corral.errors import SchemaMismatch
from corral.store.engine import Database
from corral.store.sql import quoted

REVISION = 3
"""The number of the newest revision of this release; a test compares it with the migrations."""

EXISTS = "SELECT to_regclass(%(table)s) IS NOT NULL"
READ = "SELECT version_num FROM corral.alembic_version"


class Schema:
    """The revision of the schema in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> None:
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
