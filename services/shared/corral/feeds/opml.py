"""OPML: lists of feeds, as feed readers export and import them. Source: http://opml.org/spec2.opml."""

from collections.abc import Iterable, Iterator
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from corral.errors import FieldError, InvalidInput

MAX_OUTLINES = 10_000
_MAX_DEPTH = 100
"""Folders within one another."""


def read_opml(text: str, pointer: str = "/opml") -> list[tuple[str, str]]:
    """The feeds of a list, by address and title, in its order; folders are gone through.

    Raises:
        InvalidInput: it is no OPML, declares entities, or holds no feed or too many; at `pointer`.
    """
    reader = _OpmlReader(pointer)
    parser = expat.ParserCreate("utf-8")  # whatever the declaration says: it is text already
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(text.lstrip("\ufeff \r\n\t").encode("utf-8", "replace"), True)  # expat takes no keyword
    except expat.ExpatError as error:
        raise _refused(pointer, f"is no XML: {error}") from error
    if not reader.found:
        raise _refused(pointer, "names no feed: no outline has an xmlUrl")
    return reader.found


class _OpmlReader:
    """Hears of the elements of one list, one after another."""

    def __init__(self, pointer: str) -> None:
        self.found: list[tuple[str, str]] = []
        self._pointer = pointer
        self._depth = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name.lower() != "opml":
            raise _refused(self._pointer, f"is no OPML: its first element is <{name[:50]}>")
        if self._depth > _MAX_DEPTH:
            raise _refused(self._pointer, f"has more than {_MAX_DEPTH} levels")
        said = {key.lower(): value.strip() for key, value in attributes.items()}
        if name.lower() == "outline" and (url := said.get("xmlurl")):
            self.found.append((url, said.get("title") or said.get("text") or ""))
            if len(self.found) > MAX_OUTLINES:
                raise _refused(self._pointer, f"has more than {MAX_OUTLINES:,} feeds")

    def end(self, _name: str) -> None:
        self._depth -= 1

    def entity(self, *_: object) -> None:
        raise _refused(self._pointer, "declares entities, which no OPML needs")


def write_opml(feeds: Iterable[tuple[str, str, str | None]], title: str = "Feeds of Corral") -> Iterator[str]:
    """A list of feeds, by address, title and web site, in pieces."""
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<opml version="2.0">\n<head><title>{title}</title></head>\n<body>\n'
    for url, name, site in feeds:
        attributes = {
            "type": "rss",
            "text": name or url,
            "title": name or url,
            "xmlUrl": url,
            "htmlUrl": site,
        }
        said = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items() if value)
        yield f"<outline {said}/>\n"
    yield "</body>\n</opml>\n"


def _refused(pointer: str, why: str) -> InvalidInput:
    return InvalidInput(FieldError(pointer, why))
