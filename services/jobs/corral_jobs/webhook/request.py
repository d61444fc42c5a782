"""One request to an endpoint: what came back, as a value. No address stands in it: that may be a secret."""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.errors import OutgoingFailed, OutgoingRefused
from corral.outgoing.client import OutgoingClient
from corral.outgoing.limits import RequestLimits
from corral_jobs.webhook.retry_after import retry_after

LIMITS = RequestLimits(connect=10, silence=15, total=20, max_bytes=65_536, redirects=0)
"""No redirect is followed: who moves an endpoint changes the webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnswer:
    """The answer of an endpoint, or why there is none."""

    status: int | None = None
    error: str | None = None
    """Why it did not take the message; None: it did."""
    retry_after: float | None = None
    """Seconds for which it asks to be left alone."""
    refused: bool = False
    """Whether nothing was sent because the address is not allowed: another try would be refused, too."""


async def post(
    client: OutgoingClient, url: str, content: bytes, headers: Mapping[str, str]
) -> EndpointAnswer:
    """Send a message. Raises nothing of the network's."""
    try:
        async with client.stream("POST", url, headers=headers, content=content, limits=LIMITS) as response:
            status = response.status
            if 200 <= status < 300:
                return EndpointAnswer(status=status)
            asked = retry_after(response.headers.get("Retry-After"))
            return EndpointAnswer(status=status, error=f"it answered {status}", retry_after=asked)
    except OutgoingRefused as error:
        return EndpointAnswer(error=f"nothing is sent there: {error.why}", refused=True)
    except OutgoingFailed as error:
        return EndpointAnswer(error=f"it gave no answer: {error.why}")
