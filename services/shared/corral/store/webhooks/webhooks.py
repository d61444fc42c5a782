"""Webhooks as rows: made, changed, disabled, given new secrets, removed. Each change writes `audit`."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.errors import Conflict, NotFound
from corral.ids import new_id
from corral.store.access.audit import record
from corral.store.postgres.connections import Row
from corral.store.postgres.database import DUTY, SHORT, Database, Transaction
from corral.store.postgres.sql_params import texts
from corral.webhook.delivery import WebhookTarget
from corral.webhook.webhook import Webhook, WebhookFields, WebhookFormat

KIND = "webhook"
SECRETS = """FROM corral.webhook_secrets s
    WHERE s.webhook = w.name AND (s.expires_at IS NULL OR s.expires_at > now())"""
COLUMNS = f"""w.name, w.url, w.format, w.events, w.types, w.queues, w.description, w.enabled, w.disabled_at,
w.disabled_by, w.disabled_reason, w.failing_since, w.failures, w.last_success_at, w.last_failure_at, w.last_error,
(SELECT count(*) {SECRETS}), (SELECT max(s.expires_at) {SECRETS}), w.created_at, w.created_by, w.updated_at"""
NAMES = [
    "name",
    "url",
    "format",
    "events",
    "types",
    "queues",
    "description",
    "enabled",
    "disabled_at",
    "disabled_by",
    "disabled_reason",
    "failing_since",
    "failures",
    "last_success_at",
    "last_failure_at",
    "last_error",
    "secrets",
    "rotation_ends_at",
    "created_at",
    "created_by",
    "updated_at",
]
ONE = f"SELECT {COLUMNS} FROM corral.webhooks w WHERE w.name = %(name)s"
PAGE = f"SELECT {COLUMNS} FROM corral.webhooks w WHERE w.name > %(after)s ORDER BY w.name LIMIT %(limit)s"
DISABLED = "SELECT count(*) FROM corral.webhooks w WHERE NOT w.enabled"
FAILING = """
SELECT coalesce(max(date_part('epoch', now() - w.failing_since)), 0) FROM corral.webhooks w WHERE w.enabled
"""
TARGET = f"""
SELECT w.name, w.url, w.format, ARRAY(SELECT s.secret {SECRETS} ORDER BY s.id DESC), w.enabled, w.disabled_reason
FROM corral.webhooks w WHERE w.name = %(name)s
"""
CREATE = """
INSERT INTO corral.webhooks (name, url, format, events, types, queues, description, created_by)
VALUES (%(name)s, %(url)s, %(format)s, %(events)s::text[], %(types)s::text[], %(queues)s::text[], %(description)s,
        %(actor)s)
ON CONFLICT DO NOTHING RETURNING name
"""
CHANGE = """
UPDATE corral.webhooks SET url = %(url)s, format = %(format)s, events = %(events)s::text[], types = %(types)s::text[],
       queues = %(queues)s::text[], description = %(description)s, updated_at = now()
WHERE name = %(name)s RETURNING name
"""
LOCK = "SELECT name FROM corral.webhooks WHERE name = %(name)s FOR NO KEY UPDATE"
ENABLE = """
UPDATE corral.webhooks SET enabled = true, disabled_at = NULL, disabled_by = NULL, disabled_reason = NULL,
       failing_since = NULL, failures = 0, updated_at = now()
WHERE name = %(name)s RETURNING name
"""
DISABLE = """
UPDATE corral.webhooks SET enabled = false, disabled_at = coalesce(disabled_at, now()),
       disabled_by = coalesce(disabled_by, %(actor)s), disabled_reason = coalesce(disabled_reason, %(reason)s),
       updated_at = now()
WHERE name = %(name)s RETURNING name
"""
ADD_KEY = "INSERT INTO corral.webhook_secrets (webhook, id, secret) VALUES (%(name)s, %(id)s, %(secret)s)"
EXPIRE_KEYS = """
UPDATE corral.webhook_secrets
SET expires_at = least(expires_at, now() + %(overlap)s * interval '1 second')
WHERE webhook = %(name)s AND id <> %(id)s
"""
# At most two sign: the newest, and the one before it.
DROP_KEYS = """
DELETE FROM corral.webhook_secrets
WHERE webhook = %(name)s AND (expires_at <= now() OR id NOT IN (
    SELECT s.id FROM corral.webhook_secrets s WHERE s.webhook = %(name)s ORDER BY s.id DESC LIMIT 2))
"""
REMOVE_KEYS = "DELETE FROM corral.webhook_secrets WHERE webhook = %(name)s"
REMOVE = "DELETE FROM corral.webhooks WHERE name = %(name)s RETURNING name"
REMOVE_DELIVERIES = """
DELETE FROM corral.webhook_deliveries WHERE id IN (
    SELECT id FROM corral.webhook_deliveries WHERE webhook = %(name)s LIMIT %(limit)s)
"""
REMOVED_AT_ONCE = 5_000


class Webhooks:
    """Webhooks. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> Webhook:
        """The webhook of that name.

        Raises:
            NotFound: there is none.
        """
        rows = await self._database.run(ONE, {"name": name})
        if not rows:
            raise NotFound(KIND, name)
        return webhook_of(rows[0])

    async def page(self, after: str = "", limit: int = 50) -> list[Webhook]:
        """Webhooks by name, those after this one."""
        return [webhook_of(row) for row in await self._database.run(PAGE, {"after": after, "limit": limit})]

    async def disabled(self) -> int:
        """How many webhooks are disabled."""
        return int((await self._database.run(DISABLED))[0][0])

    async def failing_seconds(self) -> float:
        """For how long the enabled webhook that has failed for longest has taken nothing; 0 where none fails."""
        return float((await self._database.run(FAILING))[0][0])

    async def target(self, name: str) -> WebhookTarget | None:
        """Where its requests go, with its secrets: for those who send, and nobody else."""
        rows = await self._database.run(TARGET, {"name": name})
        if not rows:
            return None
        name, url, format, secrets, enabled, reason = rows[0]
        return WebhookTarget(
            name=name,
            url=url,
            format=WebhookFormat(format),
            secrets=tuple(secrets),
            enabled=enabled,
            disabled_reason=reason,
        )

    async def create(self, name: str, fields: WebhookFields, secret: str | None, actor: str) -> Webhook:
        """Store a webhook with its first secret.

        Raises:
            Conflict: there is one of that name.
        """
        async with self._database.transaction(SHORT) as transaction:
            if not await transaction.rows(CREATE, {"name": name, "actor": actor, **_params(fields)}):
                raise Conflict(f"there is a webhook {name} already")
            if secret is not None:
                await transaction.count(ADD_KEY, {"name": name, "id": new_id(), "secret": secret})
            await _audited(transaction, actor, "create", name, _told(fields))
            return await _read(transaction, name)

    async def change(self, name: str, fields: WebhookFields, actor: str) -> Webhook:
        """Store other fields. Raises NotFound."""
        return await self._change(CHANGE, name, actor, "patch", details=_told(fields), params=_params(fields))

    async def enable(self, name: str, actor: str) -> Webhook:
        """Tell it of jobs again. Raises NotFound."""
        return await self._change(ENABLE, name, actor, "enable")

    async def disable(self, name: str, reason: str | None, actor: str) -> Webhook:
        """Tell it nothing from now on. Raises NotFound."""
        details = {} if reason is None else {"reason": reason}
        return await self._change(DISABLE, name, actor, "disable", details=details, params={"reason": reason})

    async def rotate(self, name: str, secret: str, overlap: float, actor: str) -> Webhook:
        """Sign with this secret, and for so many seconds with the one before it, too. Raises NotFound."""
        async with self._database.transaction(SHORT) as transaction:
            await _locked(transaction, name)
            params = {"name": name, "id": new_id(), "secret": secret, "overlap": overlap}
            await transaction.count(ADD_KEY, params)
            await transaction.count(EXPIRE_KEYS, params)
            await transaction.count(DROP_KEYS, params)
            await _audited(transaction, actor, "rotate", name, {"overlap": overlap})
            return await _read(transaction, name)

    async def delete(self, name: str, actor: str) -> None:
        """Remove a webhook with its secrets and deliveries.

        Raises:
            NotFound: there is none.
        """
        async with self._database.transaction(SHORT) as transaction:
            if not await transaction.rows(REMOVE, {"name": name}):
                raise NotFound(KIND, name)
            await transaction.count(REMOVE_KEYS, {"name": name})
            await _audited(transaction, actor, "delete", name, {})
        while await self._deliveries_removed(name) == REMOVED_AT_ONCE:
            pass

    async def _deliveries_removed(self, name: str) -> int:
        async with self._database.transaction(DUTY) as transaction:
            return await transaction.count(REMOVE_DELIVERIES, {"name": name, "limit": REMOVED_AT_ONCE})

    async def _change(
        self,
        statement: str,
        name: str,
        actor: str,
        action: str,
        *,
        details: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Webhook:
        async with self._database.transaction(SHORT) as transaction:
            if not await transaction.rows(statement, {"name": name, "actor": actor, **(params or {})}):
                raise NotFound(KIND, name)
            await _audited(transaction, actor, action, name, details or {})
            return await _read(transaction, name)


async def _locked(transaction: Transaction, name: str) -> None:
    if not await transaction.rows(LOCK, {"name": name}):
        raise NotFound(KIND, name)


async def _read(transaction: Transaction, name: str) -> Webhook:
    return webhook_of((await transaction.rows(ONE, {"name": name}))[0])


async def _audited(
    transaction: Transaction, actor: str, action: str, name: str, details: Mapping[str, Any]
) -> None:
    await record(transaction, actor, action, kind=KIND, subjects=[name], details=details)


def webhook_of(row: Row) -> Webhook:
    """The webhook in a row of COLUMNS."""
    values = dict(zip(NAMES, row, strict=True))
    fields = WebhookFields(
        url=values.pop("url"),
        format=WebhookFormat(values.pop("format")),
        events=tuple(values.pop("events")),
        types=_chosen(values.pop("types")),
        queues=_chosen(values.pop("queues")),
        description=values.pop("description"),
    )
    return Webhook(fields=fields, **values)


def _chosen(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _params(fields: WebhookFields) -> dict[str, Any]:
    return {
        "url": fields.url,
        "format": fields.format.value,
        "events": texts(fields.events),
        "types": None if fields.types is None else texts(fields.types),
        "queues": None if fields.queues is None else texts(fields.queues),
        "description": fields.description,
    }


def _told(fields: WebhookFields) -> dict[str, Any]:
    """The fields as the audit keeps them: without what may be a secret."""
    return {
        "url": fields.shown_url,
        "format": fields.format.value,
        "events": list(fields.events),
        "types": None if fields.types is None else list(fields.types),
        "queues": None if fields.queues is None else list(fields.queues),
    }
