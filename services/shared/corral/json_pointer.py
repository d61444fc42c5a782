"""Parts of JSON pointers, and how people read them. Source: RFC 6901, section 3."""

import re


def escaped(part: str) -> str:
    """A key as part of a pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    """The key that a part of a pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def visible(text: str) -> str:
    """The text with every character that can't be seen, or that turns what follows it around, as JSON escapes it."""
    if text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Controls, marks of direction, spaces of no width, and halves of characters."""
