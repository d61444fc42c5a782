"""Deliveries to webhooks on their way: given to jobs by the leader, read and answered by those jobs, forgotten."""

from collections.abc import Mapping
from uuid import UUID

from corral.job.job import Accepted, NewJob
from corral.store.access.audit import record
from corral.store.jobs.insert import insert_within
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import DUTY, SHORT, Database
from corral.store.postgres.sql_params import array
from corral.store.webhooks.webhooks import KIND, SECRETS
from corral.webhook.delivery import (
    FAILING_FOR,
    DeliveryAttempt,
    DeliveryStatus,
    DeliveryToSend,
)
from corral.webhook.webhook import WebhookFormat

# Through webhook_deliveries_waiting.
WAITING = """
SELECT d.id, d.webhook FROM corral.webhook_deliveries d
WHERE d.sent_by IS NULL AND d.status = 'pending' ORDER BY d.id LIMIT %(limit)s
"""
ASSIGN = """
UPDATE corral.webhook_deliveries d SET sent_by = i.job
FROM unnest(%(ids)s::uuid[], %(jobs)s::uuid[]) AS i(id, job)
WHERE d.id = i.id AND d.sent_by IS NULL AND d.status = 'pending' RETURNING d.sent_by
"""
TO_SEND = f"""
SELECT d.id, d.webhook, w.url, w.format, ARRAY(SELECT s.secret {SECRETS} ORDER BY s.id DESC), w.enabled,
       w.disabled_reason, d.event, d.job, d.data, d.created_at, d.status
FROM corral.webhook_deliveries d JOIN corral.webhooks w ON w.name = d.webhook WHERE d.id = %(id)s
"""
# A late word of an attempt that was taken for lost does not undo a success.
ATTEMPTED = """
UPDATE corral.webhook_deliveries d
SET status = CASE d.status WHEN 'delivered' THEN d.status ELSE %(status)s END, attempts = d.attempts + 1,
    last_attempt_at = now(), last_status = %(http_status)s, last_error = %(error)s,
    delivered_at = CASE WHEN %(status)s = 'delivered' THEN now() ELSE d.delivered_at END
WHERE d.id = %(id)s RETURNING d.webhook
"""
SKIPPED = """
UPDATE corral.webhook_deliveries SET status = 'skipped', last_error = %(reason)s
WHERE id = %(id)s AND status <> 'delivered'
"""
# Most successes say nothing new: the row is written once a minute.
SUCCEEDED = """
UPDATE corral.webhooks SET failing_since = NULL, failures = 0, last_success_at = now()
WHERE name = %(webhook)s
  AND (failing_since IS NOT NULL OR last_success_at IS NULL OR last_success_at < now() - interval '1 minute')
"""
FAILED = """
UPDATE corral.webhooks SET failing_since = coalesce(failing_since, now()), failures = failures + 1,
       last_failure_at = now(), last_error = %(error)s
WHERE name = %(webhook)s
RETURNING enabled AND (%(gone)s OR failing_since <= now() - %(failing_for)s::interval), failing_since
"""
DISABLE = """
UPDATE corral.webhooks SET enabled = false, disabled_at = now(), disabled_by = 'corral', disabled_reason = %(reason)s
WHERE name = %(webhook)s
"""
FORGET = """
WITH oldest AS (SELECT o.id, o.created_at FROM corral.webhook_deliveries o ORDER BY o.id LIMIT %(limit)s)
DELETE FROM corral.webhook_deliveries d USING oldest
WHERE d.id = oldest.id AND oldest.created_at < now() - %(days)s * interval '1 day' RETURNING d.id
"""
# Of webhooks that were deleted while jobs ended.
FORGET_ORPHANS = """
DELETE FROM corral.webhook_deliveries WHERE id IN (
    SELECT d.id FROM corral.webhook_deliveries d
    WHERE d.sent_by IS NULL AND d.status = 'pending'
      AND NOT EXISTS (SELECT FROM corral.webhooks w WHERE w.name = d.webhook) LIMIT %(limit)s)
"""


class WebhookDeliveries:
    """Deliveries, for those who send them. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, limit: int) -> list[tuple[UUID, str]]:
        """Deliveries that no job sends yet, oldest first, and their webhooks."""
        rows = await self._database.run(WAITING, {"limit": limit}, limits=DUTY)
        return [(id, webhook) for id, webhook in rows]

    async def assign(self, term: Term, jobs: Mapping[UUID, NewJob]) -> list[Accepted]:
        """Store a job for each of these deliveries that still has none; the jobs that were stored.

        Raises:
            LeaseLost: nothing was stored.
            InvalidInput: Postgres refuses a job; nothing was stored.
        """
        async with as_leader(self._database, term) as transaction:
            params = {"ids": array(jobs), "jobs": array(job.id for job in jobs.values())}
            mine = {row[0] for row in await transaction.rows(ASSIGN, params)}
            return await insert_within(transaction, [job for job in jobs.values() if job.id in mine])

    async def to_send(self, id: UUID) -> DeliveryToSend | None:
        """A delivery with its webhook's address and secrets; None where either is gone."""
        rows = await self._database.run(TO_SEND, {"id": id})
        if not rows:
            return None
        id, webhook, url, format, secrets, enabled, reason, event, job, data, created_at, status = rows[0]
        return DeliveryToSend(
            id=id,
            webhook=webhook,
            url=url,
            format=WebhookFormat(format),
            secrets=tuple(secrets),
            enabled=enabled,
            disabled_reason=reason,
            event=event,
            job=job,
            data=data,
            created_at=created_at,
            status=DeliveryStatus(status),
        )

    async def attempted(self, id: UUID, attempt: DeliveryAttempt) -> str | None:
        """Store what came of a request; the reason for which its webhook was disabled by it, None where it was not."""
        params = {
            "id": id,
            "status": attempt.status.value,
            "http_status": attempt.http_status,
            "error": attempt.error,
            "gone": attempt.gone,
            "failing_for": FAILING_FOR,
        }
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(ATTEMPTED, params)
            if not rows or attempt.test:
                return None
            params["webhook"] = rows[0][0]
            if attempt.status is DeliveryStatus.DELIVERED:
                await transaction.count(SUCCEEDED, params)
                return None
            found = await transaction.rows(FAILED, params)
            if not found or not found[0][0]:
                return None
            since = found[0][1]
            reason = (
                "its endpoint says that it is gone (410)"
                if attempt.gone
                else f"its endpoint has taken nothing since {since:%Y-%m-%d %H:%M} UTC: {attempt.error}"
            )
            await transaction.count(DISABLE, {**params, "reason": reason})
            await record(
                transaction,
                "corral",
                "disable",
                kind=KIND,
                subjects=[rows[0][0]],
                details={"reason": reason},
            )
            return reason

    async def skipped(self, id: UUID, reason: str) -> None:
        """Store that it was not sent, and why."""
        await self._database.run(SKIPPED, {"id": id, "reason": reason})

    async def forget(self, term: Term, days: int, limit: int) -> int:
        """Remove deliveries older than so many days, and those of webhooks that are gone; how many of the former.

        Raises:
            LeaseLost: nothing was removed.
        """
        async with as_leader(self._database, term) as transaction:
            await transaction.count(FORGET_ORPHANS, {"limit": limit})
            return len(await transaction.rows(FORGET, {"days": days, "limit": limit})) if days else 0
