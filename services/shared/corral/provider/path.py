"""The address of one request: a provider's own, and a path below it that can't lead elsewhere."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

MAX_PATH = 4_000
_PART = re.compile(r"[^\x00-\x20\x7f\\?#]*")


def address_of(base: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """The address of `path` below `base`, with a query.

    Raises:
        ValueError: the path leads elsewhere, or is none; the message ends a sentence that begins with it.
    """
    if len(path) > MAX_PATH:
        raise ValueError(f"has {len(path):,} characters; {MAX_PATH:,} are the most")
    if not _PART.fullmatch(path):
        raise ValueError("holds a blank, a backslash, a question mark or a hash; a query is given by itself")
    trimmed = path.removeprefix("/")
    if trimmed.startswith("/"):
        raise ValueError("begins with two slashes")
    for part in trimmed.split("/"):
        plain = unquote(unquote(part))
        if plain in (".", "..") or "/" in plain or "\\" in plain:
            raise ValueError("holds a part that leads elsewhere, as ..")
    address = f"{base.rstrip('/')}/{quote(trimmed, safe='/%:@!$&()*+,;=~')}" if trimmed else base
    return f"{address}?{urlencode(query)}" if query else address
