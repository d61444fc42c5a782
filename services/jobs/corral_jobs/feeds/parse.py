"""From the bytes of a document to a feed: fastfeedparser reads most of them, feedparser what it refuses (ADR 23)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import struct_time
from typing import Any

import fastfeedparser

from corral_jobs.feeds import markup
from corral_jobs.feeds.charset import in_utf8
from corral_jobs.feeds.clean_text import CLEANED_BY, TextCleaner
from corral_jobs.feeds.dates import unmarked, with_marked_guids, with_whole_dates
from corral_jobs.feeds.feed import (
    MAX_ATTACHMENTS,
    MAX_CONTENT,
    MAX_ITEMS,
    MAX_SUMMARY,
    MAX_TAGS,
    FeedEntry,
    FeedFile,
    FeedFormat,
    InvalidFeed,
    ParsedFeed,
    ParsedItem,
)
from corral_jobs.feeds.identity import fingerprint, guid_of_text, known_guid

MAX_TOLERANT = 1_048_576
"""Bytes that feedparser is given: it takes forty times as long as fastfeedparser."""

_HEAD = 65_536
"""Bytes in which a document says what it is and how long it holds."""
_ROOT = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(rss|RDF|feed)[\s>/]")
_TTL = re.compile(rb"<ttl>\s*(\d{1,9})(?:\.\d+)?\s*</ttl>")
_PERIOD = re.compile(rb"<\w{1,20}:updatePeriod>\s*(hourly|daily|weekly|monthly|yearly)\s*</")
_FREQUENCY = re.compile(rb"<\w{1,20}:updateFrequency>\s*(\d{1,6})\s*</")
_PERIODS = {
    b"hourly": 3600.0,
    b"daily": 86_400.0,
    b"weekly": 7 * 86_400.0,
    b"monthly": 30 * 86_400.0,
    b"yearly": 365 * 86_400.0,
}
"""Source: RSS 1.0 module Syndication."""
_ITEM = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:item|entry)[\s>]")
_PLAIN = ("text", "text/plain")


def parse(body: bytes, *, address: str, content_type: str = "") -> ParsedFeed:
    """The feed in a body that came from `address`; `content_type` is HTTP's.

    Raises:
        InvalidFeed: it is none, or none that a library can read; says why.
    """
    if not body.strip():
        raise InvalidFeed("the document is empty")
    document = in_utf8(body, content_type)
    markup.check(document)
    document = with_whole_dates(markup.mended(document))
    read = _read(document)
    cleaner = TextCleaner(address)
    entries, skipped = _entries(read.get("entries") or (), cleaner, f"{CLEANED_BY}\n{address}\n".encode())
    about: Mapping[str, Any] = read.get("feed") or {}
    title = cleaner.line(_text(about.get("title")))
    if not title and not entries:
        raise InvalidFeed("there is neither a title nor an item in it")
    return ParsedFeed(
        format=_format(document),
        title=title,
        link=cleaner.address(_text(about.get("link"))),
        entries=entries,
        skipped=skipped,
        ttl=_ttl(document),
    )


def _read(document: bytes) -> Mapping[str, Any]:
    try:
        read: Mapping[str, Any] = fastfeedparser.parse(with_marked_guids(document))
    except Exception as error:  # a library, and a document that somebody else wrote
        refusal = _refusal(error)
        if (tolerant := _read_tolerantly(document)) is None:
            raise InvalidFeed(refusal) from error
        return tolerant
    seen = len(read.get("entries") or ())
    if seen < sum(1 for _ in _ITEM.finditer(document)):  # as in RSS 0.90, whose namespace it does not know
        tolerant = _read_tolerantly(document)
        if tolerant is not None and len(tolerant.get("entries") or ()) > seen:
            return tolerant
    return read


def _refusal(error: Exception) -> str:
    """Why a library refuses a document; what it says of its own code tells nobody anything."""
    if isinstance(error, AttributeError | TypeError | LookupError):
        return "a part of it is of another kind than feeds have there, such as null in place of an item"
    return str(error).split("\n", 1)[0][:200] or type(error).__name__


def _read_tolerantly(document: bytes) -> Mapping[str, Any] | None:
    """What feedparser reads; None where that is nothing, or would take too long."""
    if len(document) > MAX_TOLERANT or _ROOT.search(document) is None:
        return None
    import feedparser  # noqa: PLC0415  few documents need it, and it takes a fifth of a second to load

    try:
        read: Mapping[str, Any] = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    except Exception:  # noqa: BLE001  # as above; the first refusal is the one that is told
        return None
    return read if read.get("version") or read.get("entries") else None


def _entries(read: Any, cleaner: TextCleaner, made_by: bytes) -> tuple[tuple[FeedEntry, ...], int]:
    """The items by guid, each once, and how many were left out."""
    entries: dict[str, FeedEntry] = {}
    for entry in read[:MAX_ITEMS]:
        found = _entry(entry, cleaner, made_by)
        if found is not None:
            entries.setdefault(found.guid, found)
    return tuple(entries.values()), len(read) - len(entries)


def _entry(entry: Mapping[str, Any], cleaner: TextCleaner, made_by: bytes) -> FeedEntry | None:
    """What is known of an entry at once; None where nothing tells it from others."""
    said = cleaner.held(unmarked(_text(entry.get("id"))))
    link = None
    if not said.strip() or said == _text(entry.get("link")).strip():
        link = _link(entry, said, cleaner)
        said = link or said  # fastfeedparser's answer where there is no guid, maybe a relative one
    guid = known_guid(said, link)
    if guid is None:
        return _cleaned_at_once(entry, cleaner, made_by)
    return FeedEntry(guid, fingerprint(entry, made_by), partial(_item, entry, guid, cleaner))


def _link(entry: Mapping[str, Any], said: str, cleaner: TextCleaner) -> str | None:
    """The page of an entry; where it names none, its guid if that is an address."""
    link = cleaner.address(unmarked(_text(entry.get("link"))))
    if link is None and said.startswith(("http://", "https://")):
        return cleaner.address(said)
    return link


def _cleaned_at_once(entry: Mapping[str, Any], cleaner: TextCleaner, made_by: bytes) -> FeedEntry | None:
    """An entry without guid and link: what it says tells it from others."""
    item = _item(entry, "", cleaner)
    guid = guid_of_text(item.title, item.published or item.updated, item.content or item.summary)
    if guid is None:
        return None
    return FeedEntry(guid, fingerprint(entry, made_by), lambda: replace(item, guid=guid))


def _item(entry: Mapping[str, Any], guid: str, cleaner: TextCleaner) -> ParsedItem:
    content = _content(entry, cleaner)
    summary = _summary(entry, cleaner)
    return ParsedItem(
        guid=guid,
        title=cleaner.line(_text(entry.get("title"))),
        link=_link(entry, cleaner.held(unmarked(_text(entry.get("id")))), cleaner),
        summary="" if summary == content else summary,
        content=content,
        author=cleaner.line(_text(entry.get("author"))) or None,
        published=_date(entry, "published"),
        updated=_date(entry, "updated"),
        tags=tuple(dict.fromkeys(_tags(entry, cleaner))),
        attachments=tuple(_attachments(entry, cleaner)),
    )


def _content(entry: Mapping[str, Any], cleaner: TextCleaner) -> str:
    """The longest of its contents; the libraries list the same content in several forms."""
    made = [
        cleaner.escaped(text, MAX_CONTENT) if part.get("type") in _PLAIN else cleaner.rich(text, MAX_CONTENT)
        for part in entry.get("content") or ()
        if isinstance(part, Mapping) and (text := _text(part.get("value")))
    ]
    return max(made, key=len, default="")


def _summary(entry: Mapping[str, Any], cleaner: TextCleaner) -> str:
    """What the entry says of itself beside its content; the libraries repeat the content here."""
    said = _text(entry.get("description") or entry.get("summary"))
    contents = [part.get("value") for part in entry.get("content") or () if isinstance(part, Mapping)]
    return "" if said in contents else cleaner.rich(said, MAX_SUMMARY)


def _tags(entry: Mapping[str, Any], cleaner: TextCleaner) -> Iterator[str]:
    for tag in (entry.get("tags") or ())[:MAX_TAGS]:
        if isinstance(tag, Mapping) and (term := cleaner.line(_text(tag.get("term")), 200)):
            yield term


def _attachments(entry: Mapping[str, Any], cleaner: TextCleaner) -> Iterator[FeedFile]:
    for one in (entry.get("enclosures") or ())[:MAX_ATTACHMENTS]:
        if not isinstance(one, Mapping):
            continue
        url = cleaner.address(_text(one.get("url") or one.get("href")))
        if url is not None:
            kind = cleaner.line(_text(one.get("type")), 100) or None
            yield FeedFile(url, kind, _size(one.get("length")))


def _size(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _date(entry: Mapping[str, Any], name: str) -> datetime | None:
    """Fastfeedparser gives ISO 8601 in UTC, feedparser a parsed time beside the text."""
    parsed = entry.get(f"{name}_parsed")
    try:
        if isinstance(parsed, struct_time):
            return datetime(*parsed[:6], tzinfo=UTC)
        return datetime.fromisoformat(entry[name]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _format(document: bytes) -> FeedFormat:
    root = _ROOT.search(document, 0, _HEAD)
    if root is None:
        return FeedFormat.JSON if document.lstrip()[:1] == b"{" else FeedFormat.RSS
    return {b"rss": FeedFormat.RSS, b"RDF": FeedFormat.RDF, b"feed": FeedFormat.ATOM}[root.group(1)]


def _ttl(document: bytes) -> float | None:
    """How long the feed says that it holds: RSS's `ttl` in minutes, or the period of the module Syndication."""
    first = _ITEM.search(document, 0, _HEAD)
    head = document[: first.start() if first else _HEAD]
    if found := _TTL.search(head):
        return 60.0 * int(found.group(1))
    if period := _PERIOD.search(head):
        often = _FREQUENCY.search(head)
        return _PERIODS[period.group(1)] / max(1, int(often.group(1)) if often else 1)
    return None
