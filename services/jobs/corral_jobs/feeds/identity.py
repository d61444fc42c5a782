"""What tells an item from others, and one state of it from the next."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from corral import json_codec
from corral_jobs.feeds.feed import MAX_GUID

_SPACE = re.compile(r"\s+")


def known_guid(guid: str, link: str | None) -> str | None:
    """The item's own guid, else its link; None where it has neither."""
    given = _SPACE.sub(" ", guid).strip() or link
    if not given:
        return None
    return given if len(given.encode()) <= MAX_GUID else f"sha256:{_hash(given)}"


def guid_of_text(title: str, date: datetime | None, text: str) -> str | None:
    """A guid of an item that has none: a hash of title and date, or of its text where it has no title.

    None: there is nothing that would tell it from another.
    """
    if not title and not text:
        return None
    when = "" if date is None else date.isoformat()
    said = "\n".join((title or text, when))
    return f"sha256:{_hash(said)}"


def fingerprint(entry: Mapping[str, Any], made_by: bytes) -> str:
    """SHA-256 of an entry as its library read it, and of `made_by`: what else decides what becomes of it."""
    return hashlib.sha256(made_by + json_codec.dumps(entry, default=repr)).hexdigest()


def content_hash(item: Mapping[str, Any]) -> str:
    """SHA-256 of an item's content as it is stored: the same content has the same hash, whatever the feed's format."""
    return _hash(json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
