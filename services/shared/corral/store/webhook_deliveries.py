"""Deliveries to webhooks: given to jobs by the leader, read and answered by those jobs, shown, sent again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.store.audit import record
from corral.store.connections import Row
from corral.store.database import DUTY, SHORT, Database
from corral.store.job_insert import insert_within
from corral.store.json_text import encode
from corral.store.leases import Term, hold
from corral.store.sql_params import array
from corral.store.webhooks import KIND, SECRETS
from corral.webhook.delivery import (
    FAILING_FOR,
    DeliveryAttempt,
    DeliveryStatus,
    DeliveryToSend,
    StoredDelivery,
)
from corral.webhook.event import WebhookEvent
from corral.webhook.webhook import WebhookFormat

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
ENDED = "j.state IN ('completed', 'failed', 'cancelled')"
# The job that sends it may have ended without a word: its worker was lost too often, a person cancelled it.
STATUS = f"""CASE WHEN d.status = 'pending' AND d.sent_by IS NOT NULL AND (j.id IS NULL OR {ENDED})
     THEN 'failed' ELSE d.status END"""
SHOWN = f"""d.id, d.webhook, d.event, d.job, d.number, d.data, {STATUS}, d.sent_by, d.attempts, d.last_attempt_at,
d.last_status, d.last_error, CASE WHEN d.status = 'pending' AND j.state = 'scheduled' THEN j.run_at END, d.delivered_at,
d.created_at"""
NAMES = [
    "id",
    "webhook",
    "event",
    "job",
    "number",
    "data",
    "status",
    "sent_by",
    "attempts",
    "last_attempt_at",
    "last_status",
    "last_error",
    "next_attempt_at",
    "delivered_at",
    "created_at",
]
FROM = "FROM corral.webhook_deliveries d LEFT JOIN corral.jobs j ON j.id = d.sent_by"
ONE = f"SELECT {SHOWN} {FROM} WHERE d.id = %(id)s AND d.webhook = %(webhook)s"
# Through webhook_deliveries_of_webhook.
PAGE = f"""
SELECT {SHOWN} {FROM}
WHERE d.webhook = %(webhook)s AND d.id < %(before)s AND (%(status)s::text IS NULL OR {STATUS} = %(status)s)
ORDER BY d.id DESC LIMIT %(limit)s
"""
# Through webhook_deliveries_of_job.
OF_JOB = f"SELECT {SHOWN} {FROM} WHERE d.job = %(job)s ORDER BY d.id DESC LIMIT %(limit)s"
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
ADD_TEST = """
INSERT INTO corral.webhook_deliveries (id, webhook, event, data)
SELECT %(id)s, w.name, %(event)s, %(data)s::jsonb FROM corral.webhooks w WHERE w.name = %(webhook)s RETURNING id
"""
AGAIN = "status = 'pending', sent_by = NULL"
REPLAY = f"""
UPDATE corral.webhook_deliveries SET {AGAIN} WHERE id = %(id)s AND webhook = %(webhook)s
"""
REPLAY_SINCE = f"""
WITH chosen AS (
    SELECT d.id, d.status {FROM} WHERE d.webhook = %(webhook)s AND d.id > %(after)s AND d.created_at >= %(since)s
      AND ({STATUS} IN ('failed', 'skipped') OR %(delivered)s AND d.status = 'delivered')
    ORDER BY d.id LIMIT %(limit)s FOR NO KEY UPDATE OF d
), again AS (
    UPDATE corral.webhook_deliveries d SET {AGAIN} FROM chosen WHERE d.id = chosen.id RETURNING d.id
)
SELECT count(*), (SELECT id FROM chosen ORDER BY id DESC LIMIT 1) FROM again
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
REPLAYED_AT_ONCE = 5_000


class WebhookDeliveries:
    """Deliveries. Every method raises Unavailable where Postgres is away."""

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
        async with self._database.transaction(DUTY) as transaction:
            await hold(transaction, term)
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

    async def get(self, webhook: str, id: UUID) -> StoredDelivery:
        """One delivery of a webhook. Raises NotFound."""
        rows = await self._database.run(ONE, {"id": id, "webhook": webhook})
        if not rows:
            raise NotFound("delivery", id)
        return _delivery(rows[0])

    async def page(
        self,
        webhook: str,
        *,
        status: DeliveryStatus | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[StoredDelivery]:
        """Deliveries of a webhook, newest first."""
        params = {
            "webhook": webhook,
            "status": status and status.value,
            "before": before or LAST,
            "limit": limit,
        }
        return [_delivery(row) for row in await self._database.run(PAGE, params)]

    async def of_job(self, job: UUID, limit: int = 200) -> list[StoredDelivery]:
        """Deliveries about a job, newest first."""
        return [_delivery(row) for row in await self._database.run(OF_JOB, {"job": job, "limit": limit})]

    async def add_test(self, webhook: str, data: Mapping[str, Any], actor: str) -> UUID:
        """Store a test delivery; its id. Raises NotFound."""
        id = new_id()
        params = {"id": id, "webhook": webhook, "event": WebhookEvent.TEST.value, "data": encode(dict(data))}
        async with self._database.transaction(SHORT) as transaction:
            if not await transaction.rows(ADD_TEST, params):
                raise NotFound(KIND, webhook)
            await record(transaction, actor, "test", kind=KIND, subjects=[webhook])
        return id

    async def replay(self, webhook: str, id: UUID, actor: str) -> None:
        """Have one delivery sent again, under the same id.

        Raises:
            NotFound: there is no such delivery.
            Conflict: it is being sent already.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(f"{ONE} FOR NO KEY UPDATE OF d", {"id": id, "webhook": webhook})
            if not rows:
                raise NotFound("delivery", id)
            if _delivery(rows[0]).status is DeliveryStatus.PENDING:
                raise Conflict(f"delivery {id} is being sent already")
            await transaction.count(REPLAY, {"id": id, "webhook": webhook})
            await record(
                transaction, actor, "replay", kind=KIND, subjects=[webhook], details={"delivery": str(id)}
            )

    async def replay_since(self, webhook: str, since: datetime, actor: str, *, delivered: bool) -> int:
        """Have all that was not delivered since then sent again, and with `delivered` what was; how many.

        In pieces: where it is interrupted, some are sent again, and the rest by the next call.
        """
        async with self._database.transaction(SHORT) as transaction:
            details = {"since": since.isoformat(), "delivered": delivered}
            await record(transaction, actor, "replay", kind=KIND, subjects=[webhook], details=details)
        count: int = 0
        after = FIRST
        while True:
            params = {
                "webhook": webhook,
                "since": since,
                "after": after,
                "delivered": delivered,
                "limit": REPLAYED_AT_ONCE,
            }
            async with self._database.transaction(DUTY) as transaction:
                found, last = (await transaction.rows(REPLAY_SINCE, params))[0]
            count += found
            if found < REPLAYED_AT_ONCE:
                return count
            after = last

    async def forget(self, term: Term, days: int, limit: int) -> int:
        """Remove deliveries older than so many days, and those of webhooks that are gone; how many of the former.

        Raises:
            LeaseLost: nothing was removed.
        """
        async with self._database.transaction(DUTY) as transaction:
            await hold(transaction, term)
            await transaction.count(FORGET_ORPHANS, {"limit": limit})
            return len(await transaction.rows(FORGET, {"days": days, "limit": limit})) if days else 0


def _delivery(row: Row) -> StoredDelivery:
    values = dict(zip(NAMES, row, strict=True))
    return StoredDelivery(**(values | {"status": DeliveryStatus(values["status"])}))
