"""Registered job types: what publishers validate with."""

from collections.abc import Sequence

from corral.catalog.record import TypeRecord, supersedes
from corral.store.connections import Row
from corral.store.database import SHORT, Database
from corral.store.json_text import encode
from corral.store.sql_params import texts

COLUMNS = "name, payload_schema, result_schema, options, version, description"
ALL = f"SELECT {COLUMNS} FROM corral.job_types ORDER BY name"
ONE = f"SELECT {COLUMNS} FROM corral.job_types WHERE name = %(name)s"
# Names, versions and what is set for queues are short; their digest changes when any of them does.
VERSION = """
SELECT md5(concat_ws(';',
    (SELECT string_agg(name || '=' || version, ',' ORDER BY name) FROM corral.job_types),
    (SELECT string_agg(name || '=' || overrides::text || defaults::text, ',' ORDER BY name) FROM corral.queues)))
"""
ALONE = "SELECT pg_advisory_xact_lock(%(key)s)"
ALONE_KEY = 0x545950455300  # "TYPES": one registration at a time
VERSIONS = "SELECT name, version FROM corral.job_types WHERE name = ANY(%(names)s::text[])"
PUT = """
INSERT INTO corral.job_types (name, version, description, payload_schema, result_schema, options)
VALUES (%(name)s, %(version)s, %(description)s, %(payload_schema)s::json, %(result_schema)s::json,
        %(options)s::jsonb)
ON CONFLICT (name) DO UPDATE
SET version = excluded.version, description = excluded.description, payload_schema = excluded.payload_schema,
    result_schema = excluded.result_schema, options = excluded.options, registered_at = now()
"""
NAME_QUEUES = """
INSERT INTO corral.queues (name) SELECT DISTINCT q FROM unnest(%(queues)s::text[]) q ON CONFLICT DO NOTHING
"""


class JobTypes:
    """Stores and reads registered job types."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, records: Sequence[TypeRecord]) -> list[str]:
        """Store types and name their queues; never replaces a newer version. The names that were written.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            await transaction.rows(ALONE, {"key": ALONE_KEY})
            names = texts(record.name for record in records)
            rows = await transaction.rows(VERSIONS, {"names": names})
            stored: dict[str, str] = {name: version for name, version in rows}  # noqa: C416  # rows are untyped
            fresh = [
                record
                for record in records
                if record.name not in stored
                or (stored[record.name] != record.version and supersedes(record.version, stored[record.name]))
            ]
            for record in fresh:
                await transaction.count(PUT, _columns(record))
            queues = sorted({queue for record in records for queue in _queues(record)})
            await transaction.count(NAME_QUEUES, {"queues": texts(queues)})
        return [record.name for record in fresh]

    async def all(self) -> list[TypeRecord]:
        """Every type, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        return [_record(row) for row in await self._database.run(ALL)]

    async def get(self, name: str) -> TypeRecord | None:
        """The type of that name.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"name": name})
        return _record(rows[0]) if rows else None

    async def version(self) -> str:
        """A value that changes when a type or the options of a queue change; cheap enough to ask every second.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(VERSION)
        return str(rows[0][0])


def _queues(record: TypeRecord) -> frozenset[str]:
    return record.parsed_options.queues | {record.parsed_options.queue}


def _columns(record: TypeRecord) -> dict[str, object]:
    schemas = {"payload_schema": record.payload_schema, "result_schema": record.result_schema}
    return {
        "name": record.name,
        "version": record.version,
        "description": record.description,
        "options": encode(record.options),
        **{name: None if schema is None else encode(schema) for name, schema in schemas.items()},
    }


def _record(row: Row) -> TypeRecord:
    name, payload_schema, result_schema, options, version, description = row
    return TypeRecord(
        name=name,
        payload_schema=payload_schema,
        result_schema=result_schema,
        options=options,
        version=version,
        description=description,
    )
