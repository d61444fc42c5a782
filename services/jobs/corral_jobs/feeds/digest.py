"""What tells whether a document is the same as before, but for the time at which its server made it."""

import hashlib
import re

_HEAD = 65_536
"""Bytes in which a document says what it is, before its items."""
_ITEM = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:item|entry)[\s>/]")
_MADE_AT = re.compile(
    rb"(<(?:[A-Za-z][\w.-]{0,30}:)?(?:lastBuildDate|pubDate|updated|modified|date)>)[\w ,:.+-]{0,64}(?=</)"
)
"""When the document was made. What is left out holds no markup, so that everything else is read as before."""


def document_digest(body: bytes, content_type: str) -> str:
    """SHA-256 of a document and of what HTTP says it is, as hexadecimal digits.

    Many servers write the time of the request into each answer: `lastBuildDate` and the like, before the first item. That is
    left out, because nothing of it is stored. JSON has no such field.
    """
    digest = hashlib.sha256(content_type.encode() + b"\0")
    if body[:256].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        first = _ITEM.search(body, 0, _HEAD)
        end = first.start() if first else min(_HEAD, len(body))
        digest.update(_MADE_AT.sub(rb"\1", body[:end]))
        digest.update(memoryview(body)[end:])
    else:
        digest.update(body)
    return digest.hexdigest()
