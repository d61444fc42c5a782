"""What handlers ask of the worker about providers: to send a request to one, within what it allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a provider answered. No secret stands in it, also where the provider sent one back."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes


class ProviderCaller(Protocol):
    """Sends requests to providers, each with the provider's secrets and within what it allows."""

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
        """Send one request, once the provider's budgets allow it, and answer what came back, whatever the status is.

        Args:
            provider: its name, as `corral providers list` shows it.
            method: of HTTP.
            path: below the provider's address.
            query: what follows the question mark.
            headers: beside those that the provider's row names.
            content: the body.

        Raises:
            Discard: there is no such provider, or the request can't be sent as it is; another try would not help.
            ProviderBusy: it said that it has too much to do (429, 503, 504), or what it allows in a day is used up.
                Nobody calls it before the time is over.
            Conflict: the attempt no longer holds its job.
            SecretMissing: a secret is not there for this worker.
            OutgoingFailed: no answer came.
        """

    async def shared_answer(self, digest: str, seconds: float) -> bytes | None:
        """An answer that was stored for identical queries, if it is no older than so many seconds."""

    async def share_answer(self, digest: str, provider: str, body: bytes) -> None:
        """Store an answer for identical queries."""
