"""Signatures of webhooks, and their secrets. Source: Standard Webhooks, https://www.standardwebhooks.com."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES, NEW_BYTES = 24, 64, 32
"""Bytes of a secret: at least, at most, and of one that is made here."""


def new_secret() -> str:
    """A fresh secret, in the form that verifiers read."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_BYTES)).decode()


def secret_problem(secret: str) -> str | None:
    """What is wrong with a secret, without repeating it; None: nothing."""
    try:
        size = len(_key(secret))
    except (binascii.Error, ValueError):
        return f"is not {PREFIX} and a key in base64"
    if not MIN_BYTES <= size <= MAX_BYTES:
        return f"is a key of {size} bytes; it must have {MIN_BYTES} to {MAX_BYTES}"
    return None


def signatures(keys: Sequence[str], message_id: str, timestamp: int, content: bytes) -> str:
    """The value of the header `webhook-signature`: one signature for each secret, so that a receiver may know either."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), content))
    return " ".join(f"v1,{_signature(_key(secret), signed)}" for secret in keys)


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        raise ValueError("no prefix")
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
