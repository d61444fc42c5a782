"""What a person or a program does to webhooks: make, change, disable, test, give new secrets, send again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from corral.errors import Conflict, FieldError, InvalidInput
from corral.job.bounds import Bounds
from corral.store import Store
from corral.webhook.delivery import StoredDelivery
from corral.webhook.signature import new_secret, secret_problem
from corral.webhook.webhook import Webhook, WebhookFields, check_name

OVERLAP = Bounds(0, 30 * 86_400, "seconds")
"""For how long the old secret signs beside the new one."""
USUAL_OVERLAP = 86_400.0
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A webhook with its new secret, which is told this once."""

    webhook: Webhook
    secret: str | None
    """None where its format has no signatures."""


class WebhookActions:
    """Actions on webhooks. `actor` is who the audit names."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(
        self, name: str, fields: Mapping[str, Any], actor: str, *, secret: str | None = None
    ) -> WebhookSecret:
        """Make a webhook; without a secret it gets a fresh one.

        Raises:
            InvalidInput: names every field that is wrong.
            Conflict: there is one of that name.
        """
        check_name(name)
        parsed = WebhookFields.parse(fields)
        made = _secret(secret, parsed)
        return WebhookSecret(await self._store.webhooks.create(name, parsed, made, actor), made)

    async def change(self, name: str, changes: Mapping[str, Any], actor: str) -> Webhook:
        """Change fields; those that are left out stay.

        Raises:
            NotFound: there is no such webhook.
            InvalidInput: names every field that is wrong.
            Conflict: it would be signed from now on, or no longer.
        """
        before = (await self._store.webhooks.get(name)).fields
        fields = {
            "url": before.url,
            "format": before.format,
            "events": before.events,
            "types": before.types,
            "queues": before.queues,
            "description": before.description,
            **changes,
        }
        parsed = WebhookFields.parse(fields)
        if parsed.format.signed is not before.format.signed:
            raise Conflict(
                f"{before.format} and {parsed.format} differ in who may know the address; make another webhook"
            )
        return await self._store.webhooks.change(name, parsed, actor)

    async def enable(self, name: str, actor: str) -> Webhook:
        """Tell it of jobs again; what it missed is sent by `replay_since`. Raises NotFound."""
        return await self._store.webhooks.enable(name, actor)

    async def disable(self, name: str, reason: str | None, actor: str) -> Webhook:
        """Tell it nothing. Raises NotFound, InvalidInput."""
        if reason is not None and (len(reason) > MAX_REASON or not reason.isprintable()):
            raise InvalidInput(
                FieldError("/reason", f"is not up to {MAX_REASON} printable characters on one line")
            )
        return await self._store.webhooks.disable(name, reason or None, actor)

    async def rotate(
        self, name: str, actor: str, *, secret: str | None = None, overlap: float = USUAL_OVERLAP
    ) -> WebhookSecret:
        """Sign with a new secret, and for `overlap` seconds with the one before it, too.

        Raises:
            NotFound: there is no such webhook.
            InvalidInput: the secret or the time is wrong.
            Conflict: its format has no signatures.
        """
        if (fault := OVERLAP.fault(overlap)) is not None:
            raise InvalidInput(FieldError("/overlap", fault))
        webhook = await self._store.webhooks.get(name)
        made = _secret(secret, webhook.fields)
        if made is None:
            raise Conflict(f"requests to {webhook.fields.format} are not signed; change the address instead")
        return WebhookSecret(await self._store.webhooks.rotate(name, made, overlap, actor), made)

    async def delete(self, name: str, actor: str) -> None:
        """Remove it with its secrets and deliveries. Raises NotFound."""
        await self._store.webhooks.delete(name, actor)

    async def test(self, name: str, actor: str) -> StoredDelivery:
        """Send a test, once, also while it is disabled. Raises NotFound."""
        data = {"webhook": name, "asked_by": actor, "at": datetime.now(UTC).isoformat()}
        made = await self._store.webhook_history.add_test(name, data, actor)
        return await self._store.webhook_history.get(name, made)

    async def replay(self, name: str, delivery: UUID, actor: str) -> StoredDelivery:
        """Send one delivery again, under the same id. Raises NotFound, Conflict."""
        await self._store.webhook_history.replay(name, delivery, actor)
        return await self._store.webhook_history.get(name, delivery)

    async def replay_since(self, name: str, since: datetime, actor: str, *, delivered: bool) -> int:
        """Send everything since then again that was not delivered, or all of it; how many. Raises NotFound."""
        await self._store.webhooks.get(name)
        return await self._store.webhook_history.replay_since(name, since, actor, delivered=delivered)


def _secret(given: str | None, fields: WebhookFields) -> str | None:
    """The secret that is stored.

    Raises:
        InvalidInput: it is none, or the format has no signatures.
    """
    if not fields.format.signed:
        if given is not None:
            raise InvalidInput(FieldError("/secret", f"requests to {fields.format} are not signed"))
        return None
    if given is None:
        return new_secret()
    if (problem := secret_problem(given)) is not None:
        raise InvalidInput(FieldError("/secret", problem))
    return given
