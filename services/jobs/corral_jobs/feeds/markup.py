"""What is mended in a document before a parser reads it, because parsers lose text there or take too long.

All of it is linear in the size of the document, and nothing is changed in documents that need none of it.
"""

import re
from html.entities import html5

from corral_jobs.feeds.feed import InvalidFeed

MAX_ATTRIBUTES = 1_000
"""Attributes of one element. Parsers compare each with all others: a megabyte of them took a minute."""

_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_NAMED = {
    name[:-1]: value
    for name, value in html5.items()
    if name.endswith(";") and name[:-1] not in _XML and not set(value) & set("<>&\"'")
}
"""HTML's entities, which XML does not know."""
_STRAY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8});)")
"""An ampersand that begins nothing that XML knows."""
_MEND = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))"  # left as they are
    rb"|&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8});)(?:([A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)
_NO_CONTROLS = bytes(max(byte, 32) for byte in range(256))
"""Control characters as spaces: JSON has none within texts, and needs none between them."""
_OWN_ENTITIES = re.compile(rb"<!ENTITY\s", re.IGNORECASE)
_ATTRIBUTES = re.compile(rb"""(?<!\s)(?:\s++[^\s<>="'/]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s<>"']++))++""")


def check(document: bytes) -> None:
    """Refuse what takes a parser too long.

    Raises:
        InvalidFeed: an element has too many attributes.
    """
    for piece in document.split(b"<"):  # no attribute has one in it
        if len(piece) <= 4 * MAX_ATTRIBUTES or piece.count(b"=") <= MAX_ATTRIBUTES:
            continue
        if any(run.group().count(b"=") > MAX_ATTRIBUTES for run in _ATTRIBUTES.finditer(piece)):
            raise InvalidFeed(f"one of its elements has more than {MAX_ATTRIBUTES:,} attributes")


def mended(document: bytes) -> bytes:
    """The document as parsers read it whole.

    JSON has no control characters then; in XML, HTML's entities are the characters that they stand for, and ampersands
    that stand for themselves are escaped. XML that declares entities of its own is left as it is.
    """
    if document.lstrip()[:1] == b"{":
        return document.translate(_NO_CONTROLS)
    if _STRAY.search(document) is None or _OWN_ENTITIES.search(document) is not None:
        return document
    return _MEND.sub(_mended, document)


def _mended(found: re.Match[bytes]) -> bytes:
    kept, name = found.groups()
    if kept is not None:
        return bytes(kept)
    if name is None:
        return b"&amp;"
    value = _NAMED.get(name.decode())
    return value.encode() if value is not None else b"&amp;" + bytes(name) + b";"
