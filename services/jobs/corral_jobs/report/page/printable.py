"""Text as it can be printed: nothing vanishes, nothing acts on its surroundings."""

import re

# Control characters have no glyph, and directional overrides would reorder what
# stands beside them; both are shown by their escape instead. Surrogates cannot
# be encoded at all.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_NEWLINES = re.compile("[\r\n\x0b\x0c\u0085\u2028\u2029]+")


def printable(text: str) -> str:
    r"""`text` with line ends as one \n, tabs as a space, and unprintable characters escaped."""
    if text.isprintable():  # the usual case; also false for some harmless spaces
        return text.strip()
    text = _NEWLINES.sub("\n", text.strip()).replace("\t", " ")
    return _UNPRINTABLE.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
