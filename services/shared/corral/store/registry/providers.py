"""Providers as rows: what code declared, and what operators set over it."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from corral.catalog.record import Declaration, to_be_stored
from corral.errors import NotFound
from corral.provider.budgets import DECLARED, budgets_of
from corral.provider.values import ProviderValues
from corral.store.access.audit import record
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts
from corral.store.registry.queues import BETWEEN_CLAIMS

SLOTS_LIMIT: Final = "provider-slots"
"""The limit whose keys are providers: `each` of a key is how many requests its jobs may have under way."""
MAX_PROVIDERS: Final = 1_000
FORGOTTEN_AT_ONCE: Final = 100
COLUMNS = "name, declared, version, overrides, set_by, reason, set_at, parked_until"
ALL = f"SELECT {COLUMNS} FROM corral.providers ORDER BY name LIMIT %(limit)s"
ONE = f"SELECT {COLUMNS} FROM corral.providers WHERE name = %(name)s"
LOCKED = f"{ONE} FOR UPDATE"
VERSIONS = (
    "SELECT name, version FROM corral.providers WHERE name = ANY(%(names)s::text[]) ORDER BY name FOR UPDATE"
)
DECLARE = f"""
INSERT INTO corral.providers (name, declared, version) VALUES (%(name)s, %(declared)s::jsonb, %(version)s)
ON CONFLICT (name) DO UPDATE SET declared = excluded.declared, version = excluded.version
RETURNING {COLUMNS}
"""
SET = f"""
INSERT INTO corral.providers AS p (name, overrides, set_by, reason)
VALUES (%(name)s, jsonb_strip_nulls(%(overrides)s::jsonb), %(actor)s, %(reason)s)
ON CONFLICT (name) DO UPDATE SET overrides = jsonb_strip_nulls(p.overrides || %(overrides)s::jsonb),
    set_by = %(actor)s, reason = %(reason)s, set_at = now()
RETURNING {COLUMNS}
"""
REMOVE = "DELETE FROM corral.providers WHERE name = %(name)s RETURNING name"
# Every claim of a job that calls the provider looks here.
PUT_SLOTS = """
INSERT INTO corral.limit_overrides AS o (limit_name, key, overrides, set_by)
VALUES (%(limit)s, %(name)s, jsonb_build_object('each', %(slots)s::int), %(actor)s)
ON CONFLICT (limit_name, key) DO UPDATE
    SET overrides = o.overrides || excluded.overrides, set_by = excluded.set_by, set_at = now()
"""
# What the provider's row says of its rates, for whoever looks at limits: requests read the row.
PUT_RATES = """
WITH rates AS (
    INSERT INTO corral.limits (name, declared, version)
    SELECT r.key, r.value, '' FROM jsonb_each(%(rates)s::jsonb) r
    ON CONFLICT (name) DO UPDATE SET declared = excluded.declared
), before AS (
    DELETE FROM corral.limit_overrides o
    WHERE o.key = %(name)s AND o.paused_at IS NULL AND o.limit_name IN (SELECT jsonb_object_keys(%(rates)s::jsonb))
      AND NOT %(said)s::jsonb ? o.limit_name
)
INSERT INTO corral.limit_overrides AS o (limit_name, key, overrides, set_by)
SELECT s.key, %(name)s, s.value, %(actor)s FROM jsonb_each(%(said)s::jsonb) s
ON CONFLICT (limit_name, key) DO UPDATE SET overrides = excluded.overrides, set_by = excluded.set_by, set_at = now()
"""
FORGET_KEYS = (
    "DELETE FROM corral.limit_overrides WHERE limit_name = ANY(%(limits)s::text[]) AND key = %(name)s"
)
# Right before a request. A worker that was frozen and replaced sends none: its attempt no longer holds the job.
LOOK = f"""
SELECT {COLUMNS}, coalesce(date_part('epoch', parked_until - clock_timestamp()), 0),
       EXISTS (SELECT FROM corral.jobs j WHERE j.id = %(job)s AND j.attempt = %(attempt)s AND j.state = 'running')
FROM corral.providers WHERE name = %(name)s
"""
PARK = """
UPDATE corral.providers SET parked_until = greatest(parked_until, now() + %(seconds)s * interval '1 second')
WHERE name = %(name)s
"""
ANSWER = """
SELECT body FROM corral.provider_answers
WHERE digest = %(digest)s AND fetched_at > now() - %(seconds)s * interval '1 second'
"""
PUT_ANSWER = """
INSERT INTO corral.provider_answers (digest, provider, body) VALUES (%(digest)s, %(provider)s, %(body)s)
ON CONFLICT (digest) DO UPDATE SET body = excluded.body, fetched_at = now()
"""
# Through provider_answers_age.
FORGET_ANSWERS = """
DELETE FROM corral.provider_answers WHERE digest IN (
    SELECT digest FROM corral.provider_answers WHERE fetched_at < now() - %(seconds)s * interval '1 second'
    ORDER BY fetched_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class StoredProvider:
    """A provider as stored."""

    name: str
    declared: Mapping[str, Any]
    """What code says; empty where an operator made it."""
    version: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What an operator set over it."""
    set_by: str | None = None
    reason: str | None = None
    set_at: datetime | None = None
    parked_until: datetime | None = None
    """Until when it is left alone; may be over."""

    @property
    def values(self) -> ProviderValues:
        """What is in force."""
        return ProviderValues.of({**self.declared, **self.overrides})


@dataclass(frozen=True, slots=True)
class ProviderLook:
    """A provider as an attempt finds it right before a request."""

    provider: StoredProvider
    parked_for: float
    """Seconds for which nothing is sent yet; 0 or less: none."""
    held: bool
    """Whether the attempt still holds its job."""


class Providers:
    """Services of others that jobs call. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[StoredProvider]:
        """Every provider, by name."""
        return [StoredProvider(*row) for row in await self._database.run(ALL, {"limit": MAX_PROVIDERS})]

    async def get(self, name: str) -> StoredProvider | None:
        """The provider of that name."""
        rows = await self._database.run(ONE, {"name": name})
        return StoredProvider(*rows[0]) if rows else None

    async def register(self, declarations: Sequence[Declaration]) -> list[str]:
        """Store declared providers; never replaces a newer declaration, and undoes nothing that an operator set. What was written."""
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(VERSIONS, {"names": texts(one.name for one in declarations)})
            fresh = to_be_stored(sorted(declarations, key=lambda one: one.name), rows)
            for one in fresh:
                declared = encode(dict(one.values))
                params = {"name": one.name, "declared": declared, "version": one.version}
                [row] = await transaction.rows(DECLARE, params)
                await _put_limits(transaction, StoredProvider(*row), "code")
        return [one.name for one in fresh]

    async def set(
        self, name: str, overrides: Mapping[str, Any], actor: str, reason: str | None
    ) -> StoredProvider:
        """Set values over those declared, or make a provider; None takes a value back."""
        params = {"name": name, "overrides": encode(dict(overrides)), "actor": actor, "reason": reason}
        details: dict[str, Any] = {"overrides": dict(overrides), **({"reason": reason} if reason else {})}
        async with self._database.transaction(SHORT) as transaction:
            await transaction.rows(BETWEEN_CLAIMS)
            [row] = await transaction.rows(SET, params)
            provider = StoredProvider(*row)
            await _put_limits(transaction, provider, actor)
            await record(transaction, actor, "set", kind="provider", subjects=[name], details=details)
        return provider

    async def remove(self, name: str, actor: str) -> None:
        """Remove a provider: jobs that call it fail. One that code declares comes back with the next registration.

        Raises:
            NotFound: there is none.
        """
        async with self._database.transaction(SHORT) as transaction:
            await transaction.rows(BETWEEN_CLAIMS)
            if not await transaction.rows(REMOVE, {"name": name}):
                raise NotFound("provider", name)
            await transaction.count(FORGET_KEYS, {"limits": texts([SLOTS_LIMIT, *DECLARED]), "name": name})
            await record(transaction, actor, "remove", kind="provider", subjects=[name])

    async def look(self, name: str, job: UUID, attempt: int) -> ProviderLook | None:
        """The provider of that name, right before an attempt sends it a request."""
        rows = await self._database.run(LOOK, {"name": name, "job": job, "attempt": attempt})
        if not rows:
            return None
        *provider, parked_for, held = rows[0]
        return ProviderLook(StoredProvider(*provider), parked_for, held)

    async def park(self, name: str, seconds: float) -> None:
        """Leave the provider alone for so long: nobody sends anything before. Shortens no longer time."""
        await self._database.run(PARK, {"name": name, "seconds": seconds})

    async def answer(self, digest: str, seconds: float) -> bytes | None:
        """What a provider answered to the query of this digest, if that is no older than so many seconds."""
        rows = await self._database.run(ANSWER, {"digest": digest, "seconds": seconds})
        return zlib.decompress(rows[0][0]) if rows else None

    async def keep_answer(self, digest: str, provider: str, body: bytes, seconds: float) -> None:
        """Store an answer for identical queries, and forget some that are older than `seconds`."""
        params = {"digest": digest, "provider": provider, "body": zlib.compress(body, 1)}
        await self._database.run(PUT_ANSWER, params)
        await self._database.run(FORGET_ANSWERS, {"seconds": seconds, "limit": FORGOTTEN_AT_ONCE})


async def _put_limits(transaction: Transaction, provider: StoredProvider, actor: str) -> None:
    params = {
        "limit": SLOTS_LIMIT,
        "name": provider.name,
        "slots": provider.values.slots,
        "actor": actor,
    }
    await transaction.count(PUT_SLOTS, params)
    rates = {"rates": encode(DECLARED), "said": encode(budgets_of(provider.values))}
    await transaction.count(PUT_RATES, {"name": provider.name, "actor": actor, **rates})
