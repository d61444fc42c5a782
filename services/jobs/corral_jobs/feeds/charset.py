"""From the bytes that came to UTF-8: one charset, decided once, before any parser guesses.

The order is that of RFC 7303 (byte order mark, then HTTP, then the document itself), with one exception: what has bytes
beyond ASCII and is valid UTF-8 all the same is UTF-8, whatever HTTP or the document says.
"""

import codecs
import re
from email.message import Message

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
"""How a document in UTF-16 begins that has no byte order mark."""
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:\-]{1,40})["']""")
_DECLARATION = re.compile(r"""^\s*(<\?xml[^>]{0,200}?encoding\s*=\s*)(["'])[^"'>]*\2""")
_NEVER = ("utf7", "unicodeescape", "rawunicodeescape", "idna", "punycode", "undefined", "mbcs", "oem")
"""Python knows them; no feed is written in them, and some of them read one text as another."""
_AS_BROWSERS_DO = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
"""Names that stand for a larger charset. Source: WHATWG Encoding Standard, section 4.2."""


def in_utf8(body: bytes, content_type: str = "") -> bytes:
    """The document in UTF-8, its XML declaration changed to say so. Bytes that fit nowhere become U+FFFD."""
    declared = _DECLARED.match(body)
    for mark, name in _BOMS:
        if body.startswith(mark):
            return _written(body[len(mark) :].decode(name, "replace"))
    for begin, name in _WIDE:
        if body.startswith(begin):
            return _written(body.decode(name, "replace"))
    named = [_known(_charset(content_type)), _known(declared.group(1).decode() if declared else "")]
    if (read := _decoded(body, "utf-8")) is not None and (
        not body.isascii() or set(named) <= {None, "utf-8"}
    ):
        return body if declared is None or named[1] == "utf-8" else _written(read)
    for charset in (*named, "cp1252"):
        if charset is not None and (text := _decoded(body, charset)) is not None:
            return _written(text)
    return _written(body.decode("utf-8", "replace"))


def _charset(content_type: str) -> str:
    """The charset that HTTP names."""
    message = Message()
    message["Content-Type"] = content_type[:500].encode("ascii", "replace").decode()
    found = message.get_param("charset", "")
    return found if isinstance(found, str) else ""


def _known(name: str) -> str | None:
    """The codec of a charset in which a document that begins with an ASCII `<` may be written."""
    try:
        found = codecs.lookup(name).name if name and name.isascii() else ""
    except (LookupError, ValueError):
        return None
    if (
        not found
        or found.replace("_", "").replace("-", "") in _NEVER
        or found.startswith(("utf-16", "utf-32"))
    ):
        return None
    return _AS_BROWSERS_DO.get(found, found)


def _decoded(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, LookupError):  # LookupError: a codec that is not one of texts
        return None


def _written(text: str) -> bytes:
    """The text in UTF-8, and the declaration with it."""
    return _DECLARATION.sub(r"\1\2utf-8\2", text, count=1).encode("utf-8", "replace")
