# Made by corral codegen; the next run overwrites it.
"""What job types take and give. Names begin with that of the job type.

Types of payloads also take what Python has in place of a text: a datetime, a UUID, bytes. Results are JSON as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired, TypedDict


class DatabaseCleanResult(TypedDict):
    """How many ended jobs were removed, by queue."""

    removed: dict[str, int]


class EmailWelcomePayload(TypedDict):
    """Who signed up, and how to greet them."""

    to: str
    """Their address.

    Must be text that matches ^[^@\\s]+@[^@\\s]+$.

    Example: "ada@example.com\"
    """

    name: str
    """Must be text of 1 to 100 characters."""

    language: NotRequired[Literal["de", "en", "fr"]]
    """Default: "en\""""

    signed_up_at: NotRequired[str | datetime | None]
    """Default: null"""


class EmailWelcomeResult(TypedDict):
    """What was sent."""

    to: str

    subject: str
