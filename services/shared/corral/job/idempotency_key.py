"""What may be an idempotency key."""

MAX_KEY = 255
"""Characters of a key."""


def fault(key: object) -> str | None:
    """What is wrong with a key, as the rest of a sentence; None where it can stand in an HTTP header."""
    if isinstance(key, str) and 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return None
    return f"is not 1 to {MAX_KEY} printable ASCII characters"
