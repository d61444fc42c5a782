"""What handlers ask of the worker about providers: requests with the provider's secrets, within what it allows."""

import asyncio
import email.utils
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import UUID

from corral import metrics
from corral.context.providers import ProviderAnswer
from corral.errors import (
    Conflict,
    Discard,
    FailureReason,
    OutgoingFailed,
    OutgoingRefused,
    ProviderBusy,
    Retry,
)
from corral.provider.path import address_of
from corral.provider.secret_reference import SecretReference
from corral.provider.values import ProviderValues
from corral.store import Store
from corral.store.call_permits import MAX_WAIT, CallPermit, PermitVerdict

if TYPE_CHECKING:
    from corral.outgoing.client import OutgoingClient

KNOWN_SECONDS: Final = 5.0
KnownProviders = dict[str, tuple[float, ProviderValues]]
LATE_PERMITS: Final = 50
"""Permits that came too late to be used, after which a job is tried again later."""
BUSY: Final = frozenset({429, 503, 504})
"""Answers that say that the provider has too much to do."""
BUSY_SECONDS: Final = 10.0
"""For how long a provider is left alone that does not say for how long."""
MAX_BUSY_SECONDS: Final = 3_600.0
SHARED_SECONDS: Final = 86_400.0
"""Answers that are older are forgotten, whatever a query asks for."""
HIDDEN: Final = b"***"
LEAST_WAIT: Final = 0.1
WHY: Final = {
    PermitVerdict.PARKED: "it has too much to do",
    PermitVerdict.DAY: "its requests of a day are used up",
    PermitVerdict.BYTES: "its bytes of a day are used up",
}
"""Why there is no permit."""


class ProviderRequests:
    """Sends requests to providers."""

    def __init__(
        self,
        store: Store,
        outgoing: "OutgoingClient",
        secrets: Path,
        attempt: tuple[UUID, int],
        known: "KnownProviders",
    ) -> None:
        """`secrets` is the folder of the files that hold secrets; `attempt` is the job and its attempt.

        `known` is what the process has read of providers; wrong requests are told by it, and only by it.
        """
        self._known = known
        self._store = store
        self._outgoing = outgoing
        self._secrets = secrets
        self._job, self._attempt = attempt

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
        await self._check(asked)
        return await self._send(asked, await self._permit(provider))

    async def _check(self, asked: "ProviderRequest") -> None:
        """Refuse what can't be sent before it costs anything. Raises as `call` does."""
        known = self._known.get(asked.provider)
        if known is None or monotonic() - known[0] > KNOWN_SECONDS:
            found = await self._store.providers.get(asked.provider)
            if found is None:
                raise _unknown(asked.provider)
            known = self._known[asked.provider] = (monotonic(), found.values)
        asked.address(known[1])
        self._headers(asked, known[1])

    async def _permit(self, provider: str) -> CallPermit:
        """A permit that may be used now: it is not older than the request may be on its way."""
        for _ in range(LATE_PERMITS):
            permit = await self._taken(provider)
            if permit.wait:
                await asyncio.sleep(permit.wait)
            if monotonic() - permit.since <= permit.values.transit:
                return permit
            metrics.PROVIDER_PERMITS_LATE.labels(provider).inc()
            await self._store.call_permits.settle(provider, permit, 0)
        raise Retry(
            f"provider {provider}: {LATE_PERMITS} permits took longer to come than its transit allows; raise it"
        )

    async def _taken(self, provider: str) -> CallPermit:
        """A permit, to be used at its time. Who would wait long for a place within a second waits first."""
        while True:
            permit = await self._store.call_permits.take(provider, self._job, self._attempt)
            match permit.verdict:
                case PermitVerdict.GRANTED:
                    return permit
                case PermitVerdict.UNKNOWN:
                    raise _unknown(provider)
                case PermitVerdict.LOST:
                    raise Conflict(f"attempt {self._attempt} no longer holds job {self._job}")
                case PermitVerdict.SECOND:
                    await asyncio.sleep(permit.wait - MAX_WAIT / 2)
                case verdict:
                    raise ProviderBusy(provider, WHY[verdict], max(permit.wait, LEAST_WAIT))

    async def _send(self, asked: "ProviderRequest", permit: CallPermit) -> ProviderAnswer:
        from corral.outgoing.limits import RequestLimits  # noqa: PLC0415  its HTTP library is loaded where one is sent

        provider, values, permits = asked.provider, permit.values, self._store.call_permits
        secrets, headers = self._headers(asked, values)
        limits = RequestLimits(
            silence=values.timeout, total=values.timeout, max_bytes=values.max_bytes, redirects=0
        )
        try:
            async with self._outgoing.stream(
                asked.method, asked.address(values), headers=headers, content=asked.content, limits=limits
            ) as response:
                metrics.PROVIDER_CALLS.labels(provider, str(response.status)).inc()
                if response.status in BUSY:
                    after = busy_seconds(response.headers.get("Retry-After"))
                    await permits.park(provider, after)
                    await permits.settle(provider, permit, 0)
                    raise ProviderBusy(provider, f"it answered {response.status}", after)
                body = await response.read()
                await permits.settle(provider, permit, len(body))
                return ProviderAnswer(
                    response.status,
                    {
                        name.lower(): hidden_in_text(value, secrets)
                        for name, value in response.headers.items()
                    },
                    hidden_in(body, secrets),
                )
        except OutgoingRefused as error:
            await permits.settle(provider, permit, 0)
            raise Discard(hidden_in_text(str(error), secrets)) from None
        except OutgoingFailed as error:
            metrics.PROVIDER_CALLS.labels(provider, error.reason.value).inc()
            if error.reason is not FailureReason.TOO_LARGE:
                await permits.settle(provider, permit, 0)
            raise

    async def shared_answer(self, digest: str, seconds: float) -> bytes | None:
        """An answer that was stored for identical queries."""
        return await self._store.providers.answer(digest, seconds)

    async def share_answer(self, digest: str, provider: str, body: bytes) -> None:
        """Store an answer for identical queries."""
        await self._store.providers.keep_answer(digest, provider, body, SHARED_SECONDS)

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


def _unknown(provider: str) -> Discard:
    return Discard(
        f"there is no provider {provider}; corral providers set {provider} url=https://... makes it"
    )


def busy_seconds(header: str | None, now: datetime | None = None) -> float:
    """For how long to leave a provider alone that sent this Retry-After: seconds, or a date."""
    seconds: float | None = None
    if header is not None and header.isascii():
        text = header.strip()
        if text.isdigit():
            seconds = float(text[:9])
        else:
            try:
                until = email.utils.parsedate_to_datetime(text)
                seconds = (until.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
            except (ValueError, TypeError, OverflowError):
                seconds = None
    return BUSY_SECONDS if seconds is None else min(max(seconds, 1.0), MAX_BUSY_SECONDS)


def hidden_in(body: bytes, secrets: Iterable[bytes]) -> bytes:
    """The body without the secrets: a provider may send back what it was sent."""
    for secret in secrets:
        body = body.replace(secret, HIDDEN)
    return body


def hidden_in_text(text: str, secrets: Iterable[bytes]) -> str:
    """The same for a text."""
    return hidden_in(text.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "surrogateescape")
