"""How long a request may take and how much may come back."""

from dataclasses import dataclass

MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """The bounds of one request, redirects included."""

    connect: float = 10.0
    """Seconds for the name, the connection and TLS, at each redirect."""
    silence: float = 20.0
    """Seconds for which the other side may say or take nothing."""
    total: float = 60.0
    """Seconds for all of it, from the name to the last byte of the body."""
    max_bytes: int = 10 * MEBIBYTE
    """The largest body, as it is sent and as it is when decompressed."""
    redirects: int = 5
    """How many redirects are followed; 0: none, and the redirecting response is the answer."""
