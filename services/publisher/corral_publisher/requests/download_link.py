"""The link in a report's mail: its secret downloads the file without a key, as long as it is good."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from corral.errors import CorralError, NotFound

_ASK = "Sign in to download the report, or ask whoever had it made to send a new link."


class LinkOver(CorralError):
    """The link was good, and is not any more."""


def check_link(link: Any, secret: str) -> None:
    """Let a link through whose secret is that of the report, `link` being what the report's result keeps of it.

    Raises:
        NotFound: the secret is none of this report.
        LinkOver: its time is over.
    """
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if not isinstance(link, dict) or not hmac.compare_digest(str(link.get("sha256", "")), digest):
        raise NotFound("report behind this link.", _ASK)
    expires = datetime.fromisoformat(str(link["expires_at"]))
    if expires <= datetime.now(UTC):
        raise LinkOver(f"It was good until {expires.astimezone(UTC):%d %B %Y, %H:%M} UTC. {_ASK}")
