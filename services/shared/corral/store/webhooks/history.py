"""Deliveries to webhooks as people see them: of a webhook, of a job, and sent again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.ids import new_id
from corral.store.access.audit import record
from corral.store.postgres.connections import Row
from corral.store.postgres.database import DUTY, SHORT, Database
from corral.store.postgres.json_text import encode
from corral.store.webhooks.webhooks import KIND
from corral.webhook.delivery import DeliveryStatus, StoredDelivery
from corral.webhook.event import WebhookEvent

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
REPLAYED_AT_ONCE = 5_000


class WebhookHistory:
    """Deliveries, for those who look at them. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

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


def _delivery(row: Row) -> StoredDelivery:
    values = dict(zip(NAMES, row, strict=True))
    return StoredDelivery(**(values | {"status": DeliveryStatus(values["status"])}))
