"""Registered job types: what publishers validate with."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.catalog.record import TypeRecord, to_be_stored
from corral.errors import NotFound
from corral.store.access.audit import record
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts

COLUMNS = "name, payload_schema, result_schema, options, version, description, overrides"
ALL = f"SELECT {COLUMNS} FROM corral.job_types ORDER BY name"
ONE = f"SELECT {COLUMNS} FROM corral.job_types WHERE name = %(name)s"
# Names, versions and what is set for types, queues and limits are short; their digest changes when any of them does.
VERSION = """
SELECT md5(concat_ws(';',
    (SELECT string_agg(name || '=' || version || overrides::text, ',' ORDER BY name) FROM corral.job_types),
    (SELECT string_agg(name || '=' || overrides::text || defaults::text || declared::text, ',' ORDER BY name)
     FROM corral.queues),
    (SELECT string_agg(name || '=' || version, ',' ORDER BY name) FROM corral.limits),
    (SELECT string_agg(limit_name || '=' || overrides::text, ',' ORDER BY limit_name, key)
     FROM corral.limit_overrides WHERE key = '')))
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
# A value of null takes what was set back.
PATCH = f"""
UPDATE corral.job_types SET overrides = jsonb_strip_nulls(overrides || %(overrides)s::jsonb)
WHERE name = %(name)s RETURNING {COLUMNS}
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
            written = await put_types(transaction, records)
            await name_queues(transaction, allowed_queues(records))
        return written

    async def patch(self, name: str, overrides: Mapping[str, Any], actor: str) -> TypeRecord:
        """Set options over those that code declares; None takes one back. No registration undoes them.

        Raises:
            NotFound: there is no such type.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            params = {"name": name, "overrides": encode(dict(overrides))}
            rows = await transaction.rows(PATCH, params)
            if not rows:
                raise NotFound("job type", name)
            changed = _record(rows[0])
            await name_queues(transaction, allowed_queues([changed]))
            details = {"overrides": dict(overrides)}
            await record(transaction, actor, "patch", kind="type", subjects=[name], details=details)
        return changed

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


async def stored_types(transaction: Transaction) -> list[TypeRecord]:
    """Every type, as a transaction under way sees it."""
    return [_record(row) for row in await transaction.rows(ALL)]


async def put_types(transaction: Transaction, records: Sequence[TypeRecord]) -> list[str]:
    """Store types that are new or newer than what is there; their names."""
    rows = await transaction.rows(VERSIONS, {"names": texts(one.name for one in records)})
    fresh = to_be_stored(records, rows)
    for one in fresh:
        await transaction.count(PUT, _columns(one))
    return [one.name for one in fresh]


async def name_queues(transaction: Transaction, queues: Sequence[str]) -> None:
    """Store queues of these names, unless they are known."""
    await transaction.count(NAME_QUEUES, {"queues": texts(queues)})


def allowed_queues(records: Sequence[TypeRecord]) -> list[str]:
    """The queues that jobs of these types may be in, by name."""
    return sorted(
        {queue for one in records for queue in (*one.parsed_options.queues, one.parsed_options.queue)}
    )


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
    name, payload_schema, result_schema, options, version, description, overrides = row
    return TypeRecord(
        name=name,
        payload_schema=payload_schema,
        result_schema=result_schema,
        options=options,
        version=version,
        description=description,
        overrides=overrides or {},
    )
