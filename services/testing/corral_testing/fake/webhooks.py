"""The fake's `webhooks`, `webhook_deliveries` and `webhook_history`; `Memory.move` stores the deliveries."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.job.job import Accepted, NewJob
from corral.store import Term
from corral.store.webhooks.webhooks import KIND
from corral.webhook.delivery import (
    FAILING_FOR,
    DeliveryAttempt,
    DeliveryStatus,
    DeliveryToSend,
    StoredDelivery,
    WebhookTarget,
)
from corral.webhook.webhook import Webhook, WebhookFields
from corral_testing.fake.jobs import FakeJobs
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import Memory, WebhookSecretKey


class FakeWebhooks:
    """See corral.store.webhooks.webhooks; changes are not audited."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def get(self, name: str) -> Webhook:
        """The webhook of that name."""
        return self._shown(known(self._memory, name))

    async def page(self, after: str = "", limit: int = 50) -> list[Webhook]:
        """Webhooks by name, those after this one."""
        names = sorted(name for name in self._memory.webhooks if name > after)
        return [self._shown(self._memory.webhooks[name]) for name in names[:limit]]

    async def disabled(self) -> int:
        """How many webhooks are disabled."""
        return sum(not webhook.enabled for webhook in self._memory.webhooks.values())

    async def failing_seconds(self) -> float:
        """For how long the enabled webhook that has failed for longest has taken nothing; 0 where none fails."""
        now, webhooks = self._memory.clock.now(), self._memory.webhooks.values()
        failing = [one.failing_since for one in webhooks if one.enabled and one.failing_since is not None]
        return (now - min(failing, default=now)).total_seconds()

    async def target(self, name: str) -> WebhookTarget | None:
        """Where its requests go, with its secrets."""
        webhook = self._memory.webhooks.get(name)
        return None if webhook is None else self.target_of(webhook)

    def target_of(self, webhook: Webhook) -> WebhookTarget:
        """The same of a webhook that is known."""
        return WebhookTarget(
            name=webhook.name,
            url=webhook.fields.url,
            format=webhook.fields.format,
            secrets=tuple(key.secret for key in reversed(self._signing(webhook.name))),
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
        )

    async def create(self, name: str, fields: WebhookFields, secret: str | None, actor: str) -> Webhook:
        """Store a webhook with its first secret."""
        if name in self._memory.webhooks:
            raise Conflict(f"there is a webhook {name} already")
        now = self._memory.clock.now()
        webhook = Webhook(
            name=name,
            fields=fields,
            enabled=True,
            disabled_at=None,
            disabled_by=None,
            disabled_reason=None,
            failing_since=None,
            failures=0,
            last_success_at=None,
            last_failure_at=None,
            last_error=None,
            secrets=0,
            rotation_ends_at=None,
            created_at=now,
            created_by=actor,
            updated_at=now,
        )
        self._memory.webhooks[name] = webhook
        self._memory.webhook_secrets[name] = [] if secret is None else [WebhookSecretKey(secret)]
        return self._shown(webhook)

    async def change(self, name: str, fields: WebhookFields, actor: str) -> Webhook:  # noqa: ARG002
        """Store other fields."""
        return self._changed(name, fields=fields)

    async def enable(self, name: str, actor: str) -> Webhook:  # noqa: ARG002
        """Tell it of jobs again."""
        nothing = dict.fromkeys(("disabled_at", "disabled_by", "disabled_reason", "failing_since"))
        return self._changed(name, enabled=True, failures=0, **nothing)

    async def disable(self, name: str, reason: str | None, actor: str) -> Webhook:
        """Tell it nothing from now on."""
        before = known(self._memory, name)
        return self._changed(
            name,
            enabled=False,
            disabled_at=before.disabled_at or self._memory.clock.now(),
            disabled_by=before.disabled_by or actor,
            disabled_reason=reason if before.disabled_reason is None else before.disabled_reason,
        )

    async def rotate(self, name: str, secret: str, overlap: float, actor: str) -> Webhook:  # noqa: ARG002
        """Sign with this secret, and for so many seconds with the one before it, too."""
        webhook = known(self._memory, name)
        until = self._memory.clock.now() + timedelta(seconds=overlap)
        kept = self._signing(name)[-1:]
        for key in kept:
            key.expires_at = until if key.expires_at is None else min(key.expires_at, until)
        self._memory.webhook_secrets[name] = [*kept, WebhookSecretKey(secret)]
        return self._shown(webhook)

    async def delete(self, name: str, actor: str) -> None:  # noqa: ARG002
        """Remove a webhook with its secrets and deliveries."""
        known(self._memory, name)
        del self._memory.webhooks[name], self._memory.webhook_secrets[name]
        deliveries = self._memory.deliveries
        for id in [one.id for one in deliveries.values() if one.webhook == name]:
            del deliveries[id]

    def _changed(self, name: str, **values: Any) -> Webhook:
        webhook = known(self._memory, name)
        webhook = replace(webhook, **values, updated_at=self._memory.clock.now())
        self._memory.webhooks[name] = webhook
        return self._shown(webhook)

    def _signing(self, name: str) -> list[WebhookSecretKey]:
        """The keys that sign now, oldest first."""
        now = self._memory.clock.now()
        keys = self._memory.webhook_secrets[name]
        return [key for key in keys if key.expires_at is None or key.expires_at > now]

    def _shown(self, webhook: Webhook) -> Webhook:
        keys = self._signing(webhook.name)
        ends = [key.expires_at for key in keys if key.expires_at is not None]
        return replace(webhook, secrets=len(keys), rotation_ends_at=max(ends, default=None))


class FakeWebhookDeliveries:
    """See corral.store.webhooks.deliveries."""

    def __init__(self, memory: Memory, webhooks: FakeWebhooks, jobs: FakeJobs, leases: FakeLeases) -> None:
        self._memory, self._webhooks, self._jobs, self._leases = memory, webhooks, jobs, leases

    async def waiting(self, limit: int) -> list[tuple[UUID, str]]:
        """Deliveries that no job sends yet, oldest first, and their webhooks."""
        return [(one.id, one.webhook) for one in self._unsent()][:limit]

    async def assign(self, term: Term, jobs: Mapping[UUID, NewJob]) -> list[Accepted]:
        """Store a job for each of these deliveries that still has none."""
        self._leases.hold(term)
        unsent = {one.id for one in self._unsent()}
        mine = {id: job for id, job in jobs.items() if id in unsent}
        accepted = await self._jobs.insert(list(mine.values()))
        for id, job in mine.items():
            self._change(id, sent_by=job.id)
        return accepted

    async def to_send(self, id: UUID) -> DeliveryToSend | None:
        """A delivery with its webhook's address and secrets; None where either is gone."""
        one = self._memory.deliveries.get(id)
        target = None if one is None else await self._webhooks.target(one.webhook)
        if one is None or target is None:
            return None
        return DeliveryToSend(
            id=id,
            webhook=one.webhook,
            url=target.url,
            format=target.format,
            secrets=target.secrets,
            enabled=target.enabled,
            disabled_reason=target.disabled_reason,
            event=one.event,
            job=one.job,
            data=one.data,
            created_at=one.created_at,
            status=one.status,
        )

    async def attempted(self, id: UUID, attempt: DeliveryAttempt) -> str | None:
        """Store what came of a request; the reason for which its webhook was disabled by it."""
        one, now = self._memory.deliveries.get(id), self._memory.clock.now()
        if one is None:
            return None
        delivered = attempt.status is DeliveryStatus.DELIVERED
        self._change(
            id,
            status=one.status if one.status is DeliveryStatus.DELIVERED else attempt.status,
            attempts=one.attempts + 1,
            last_attempt_at=now,
            last_status=attempt.http_status,
            last_error=attempt.error,
            delivered_at=now if delivered else one.delivered_at,
        )
        webhook = self._memory.webhooks.get(one.webhook)
        if attempt.test or webhook is None:
            return None
        if delivered:
            webhook = replace(webhook, failing_since=None, failures=0, last_success_at=now)
            self._memory.webhooks[one.webhook] = webhook
            return None
        return self._failed(webhook, attempt)

    def _failed(self, webhook: Webhook, attempt: DeliveryAttempt) -> str | None:
        now = self._memory.clock.now()
        since = webhook.failing_since or now
        webhook = replace(
            webhook,
            failing_since=since,
            failures=webhook.failures + 1,
            last_failure_at=now,
            last_error=attempt.error,
        )
        reason = None
        if webhook.enabled and (attempt.gone or since <= now - FAILING_FOR):
            reason = (
                "its endpoint says that it is gone (410)"
                if attempt.gone
                else f"its endpoint has taken nothing since {since:%Y-%m-%d %H:%M} UTC: {attempt.error}"
            )
            webhook = replace(
                webhook, enabled=False, disabled_at=now, disabled_by="corral", disabled_reason=reason
            )
        self._memory.webhooks[webhook.name] = webhook
        return reason

    async def skipped(self, id: UUID, reason: str) -> None:
        """Store that it was not sent, and why."""
        one = self._memory.deliveries.get(id)
        if one is not None and one.status is not DeliveryStatus.DELIVERED:
            self._change(id, status=DeliveryStatus.SKIPPED, last_error=reason)

    async def forget(self, term: Term, days: int, limit: int) -> int:
        """Remove deliveries older than so many days, and those of webhooks that are gone; how many of the former."""
        self._leases.hold(term)
        memory = self._memory
        orphans = [one.id for one in self._unsent() if one.webhook not in memory.webhooks][:limit]
        before = memory.clock.now() - timedelta(days=days)
        oldest = sorted(memory.deliveries.values(), key=lambda one: one.id)[:limit] if days else []
        late = [one.id for one in oldest if one.created_at < before and one.id not in orphans]
        for id in (*orphans, *late):
            del memory.deliveries[id]
        return len(late)

    def _unsent(self) -> list[StoredDelivery]:
        found = self._memory.deliveries.values()
        waiting = [one for one in found if one.sent_by is None and one.status is DeliveryStatus.PENDING]
        return sorted(waiting, key=lambda one: one.id)

    def _change(self, id: UUID, **values: Any) -> None:
        self._memory.deliveries[id] = replace(self._memory.deliveries[id], **values)


def known(memory: Memory, name: str) -> Webhook:
    """The webhook of that name; raises NotFound."""
    if name not in memory.webhooks:
        raise NotFound(KIND, name)
    return memory.webhooks[name]
