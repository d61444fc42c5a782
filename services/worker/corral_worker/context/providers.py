"""What handlers ask of the worker about providers: requests with the provider's secrets, within what it allows."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import UUID

from corral import metrics
from corral.actions.limits.provider_permits import ProviderPermit
from corral.context.providers import ProviderAnswer
from corral.errors import Discard, FailureReason, OutgoingFailed, OutgoingRefused, ProviderBusy
from corral.provider.path import address_of
from corral.provider.secret_reference import SecretReference
from corral.provider.values import ProviderValues
from corral_worker.context.provider_access import Door, NoPermitYet, ProviderAccess
from corral_worker.context.provider_answers import BUSY, busy_seconds, hidden_in, hidden_in_text
from corral_worker.own_process.event_loop import as_worker

if TYPE_CHECKING:
    from corral.outgoing.client import OutgoingClient

SHARED_SECONDS: Final = 86_400.0
"""Answers that are older are forgotten, whatever a query asks for."""
LONGEST_WAIT: Final = 5.0
"""Seconds after which a request that waits for its turn looks again."""


class ProviderRequests:
    """Sends requests to providers, for one attempt."""

    def __init__(
        self, access: ProviderAccess, outgoing: "OutgoingClient", secrets: Path, attempt: tuple[UUID, int]
    ) -> None:
        """`secrets` is the folder of the files that hold secrets; `attempt` is the job and its attempt."""
        self._access = access
        self._outgoing = outgoing
        self._secrets = secrets
        self._attempt = attempt

    async def call(
        self,
        provider: str,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> ProviderAnswer:
        """Send one request and answer what came back. Raises as `ProviderCaller.call` does."""
        asked = ProviderRequest(provider, method, path, query, headers or {}, content)
        known = await self._access.values(provider)  # what can't be sent is refused before it costs anything
        asked.address(known)
        self._headers(asked, known)
        while True:
            async with self._access.door(provider) as door:
                try:
                    return await self._send(asked, door)
                except NoPermitYet as error:
                    await asyncio.sleep(min(error.after, LONGEST_WAIT))

    async def _send(self, asked: "ProviderRequest", door: Door) -> ProviderAnswer:
        """Send it, once a permit is there.

        Raises:
            NoPermitYet: there is none for now; nothing was sent.
        """
        from corral.outgoing.limits import RequestLimits  # noqa: PLC0415  its HTTP library is loaded where one is sent

        provider, permits = asked.provider, self._access.permits
        looked = monotonic()
        look = await self._access.look(provider, *self._attempt)
        values = look.provider.values
        secrets, headers = self._headers(asked, values)
        limits = RequestLimits(
            silence=values.timeout, total=values.timeout, max_bytes=values.max_bytes, redirects=0
        )
        permit = ProviderPermit()

        async def permission() -> None:
            nonlocal permit
            permit = await self._access.permit(provider, look, looked, self._attempt)
            door.leave()

        try:
            async with self._outgoing.stream(
                asked.method,
                asked.address(values),
                headers=headers,
                content=asked.content,
                limits=limits,
                permission=permission,
            ) as response:
                self._access.answered(permit)
                metrics.PROVIDER_CALLS.labels(provider, str(response.status)).inc()
                if response.status in BUSY:
                    after = busy_seconds(response.headers.get("Retry-After"))
                    await self._access.store.providers.park(provider, after)
                    await as_worker(permits.settle(permit, 0))
                    raise ProviderBusy(provider, f"it answered {response.status}", after)
                body = await response.read()
                await as_worker(permits.settle(permit, len(body)))
                return ProviderAnswer(
                    response.status,
                    {
                        name.lower(): hidden_in_text(value, secrets)
                        for name, value in response.headers.items()
                    },
                    hidden_in(body, secrets),
                )
        except OutgoingRefused as error:
            await as_worker(permits.give_back(permit))
            raise Discard(hidden_in_text(str(error), secrets)) from None
        except OutgoingFailed as error:
            metrics.PROVIDER_CALLS.labels(provider, error.reason.value).inc()
            if error.reason is not FailureReason.TOO_LARGE:
                await as_worker(permits.settle(permit, 0))
            raise

    async def shared_answer(self, digest: str, seconds: float) -> bytes | None:
        """An answer that was stored for identical queries."""
        return await self._access.store.providers.answer(digest, seconds)

    async def share_answer(self, digest: str, provider: str, body: bytes) -> None:
        """Store an answer for identical queries."""
        await self._access.store.providers.keep_answer(digest, provider, body, SHARED_SECONDS)

    def _headers(
        self, asked: "ProviderRequest", values: ProviderValues
    ) -> tuple[list[bytes], dict[str, str]]:
        """The secrets, and all headers with them.

        Raises:
            Discard: the job names a header that holds a secret.
            SecretMissing: a secret is not there.
        """
        headers, secrets = dict(asked.headers), []
        ours = {name.lower() for name in values.headers}
        if twice := sorted(name for name in headers if name.lower() in ours):
            raise Discard(f"the header {twice[0]} holds a secret of provider {asked.provider}; leave it out")
        for name, place in values.headers.items():
            secret, headers[name] = SecretReference.parse(place).read(self._secrets)
            secrets.append(secret.encode())
        return secrets, headers


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request to a provider, as a handler asks for it."""

    provider: str
    method: str
    path: str
    query: Mapping[str, str] | None
    headers: Mapping[str, str]
    content: bytes | None

    def address(self, values: ProviderValues) -> str:
        """Where it is sent.

        Raises:
            Discard: the path leads elsewhere.
        """
        try:
            return address_of(values.url, self.path, self.query)
        except ValueError as error:
            raise Discard(f"the path {self.path[:100]!r} {error}") from None
