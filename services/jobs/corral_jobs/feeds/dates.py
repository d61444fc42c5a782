"""Dates of every kind, made certain before a parser reads them.

A parser that finds no year, or no day, takes today's: the same document would say something else tomorrow, each item would
look changed, and one without a guid would be new every day. So what is no whole date is taken out, and a month or a year
alone, which the standards allow, becomes its first day.
"""

import re

_ELEMENT = re.compile(
    rb"(<(?:[A-Za-z][\w.-]{0,30}:)?(?:pubDate|date|published|updated|issued|modified|created)(?:\s[^<>]{0,200})?>\s{0,40}+"
    rb"(?:<!\[CDATA\[)?)([^<>\]]{1,256})(?=\]\]>|<)",
    re.IGNORECASE,
)
_JSON = re.compile(rb'("date_(?:published|modified)"\s{0,20}:\s{0,20}")([^"\\]{1,256})(?=")')
_NAME = rb"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,7}"
_WHOLE = re.compile(
    rb"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{8}(?:t|$)"  # 2026-06-01, 20260601
    rb"|\d{1,2}(?:st|nd|rd|th)?[\s.-]{1,3}" + _NAME + rb"[\s.,-]{1,3}\d{2,4}"  # 1 Jun 2026
    rb"|"
    + _NAME
    + rb"[\s.]{1,3}\d{1,2}(?:st|nd|rd|th)?,?\s{1,3}(?:\d\d:\d\d(?::\d\d)?\s{1,3}(?:[a-z]{2,5}\s{1,3})?)?\d{4}"
    rb"|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}",  # 06/01/2026
    re.IGNORECASE,
)
_GUID = re.compile(rb"<guid(?:\s[^<>]{0,200})?(?<!/)>")
_MARK = "corral-guid-" + "-" * 256
"""Longer than any text that fastfeedparser tries to read as a date."""
_MONTH = re.compile(rb"\d{4}-(?:0[1-9]|1[0-2])")
_YEAR = re.compile(rb"\d{4}")


def with_whole_dates(document: bytes) -> bytes:
    """The document without dates that are not whole."""
    return _JSON.sub(_made_whole, _ELEMENT.sub(_made_whole, document))


def with_marked_guids(document: bytes) -> bytes:
    """The document for fastfeedparser, with guids that it can't take for dates; `unmarked` gives them back.

    It looks for the date of an item without one in its guid: `7` is the seventh of this month then.
    """
    return _GUID.sub(_marked, document)


def _marked(found: re.Match[bytes]) -> bytes:
    return bytes(found.group()) + _MARK.encode()


def unmarked(guid: str) -> str:
    """The guid as the document has it."""
    return guid.removeprefix(_MARK)


def _made_whole(found: re.Match[bytes]) -> bytes:
    before, said = found.groups()
    text = said.strip()
    if _YEAR.fullmatch(text):
        return bytes(before) + text + b"-01-01"
    if _MONTH.fullmatch(text):
        return bytes(before) + text + b"-01"
    return bytes(found.group()) if _WHOLE.search(text) else bytes(before)
