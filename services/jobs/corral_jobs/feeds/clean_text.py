"""Texts of a feed as a page may show them: HTML cleaned, titles plain, nothing that Postgres can't hold."""

import html
import re
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit

import nh3

from corral_jobs.feeds.feed import MAX_ADDRESS, MAX_LINE

_UNHELD = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters and halves of characters."""
_SPACE = re.compile(r"\s+")
_MARKUP = re.compile("[<>&]")
_SCHEMES = {"http", "https", "mailto"}
CLEANED_BY = f"1 nh3 {version('nh3')}"
"""The rules here, by number, and the library: another one makes other items of the same entries."""


class TextCleaner:
    """Cleans the texts of one document, whose relative addresses belong to `address`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._html = nh3.Cleaner(
            url_schemes=_SCHEMES,
            link_rel="noopener noreferrer nofollow",
            url_relative=("rewrite_with_base", address),
        )
        self._plain = nh3.Cleaner(tags=set())

    def rich(self, text: str, limit: int) -> str:
        """HTML without scripts, styles, forms, frames, event handlers and addresses other than of the web."""
        text = _UNHELD.sub("", text[:limit]).strip()
        return self._html.clean(text).strip() if _MARKUP.search(text) else text

    def escaped(self, text: str, limit: int) -> str:
        """Plain text as HTML."""
        return html.escape(_UNHELD.sub("", text[:limit]).strip(), quote=False)

    def line(self, text: str, limit: int = MAX_LINE) -> str:
        """One line of plain text: tags taken out, entities read."""
        text = text[: 4 * limit]
        if _MARKUP.search(text):
            text = html.unescape(self._plain.clean(text))
        text = _SPACE.sub(" ", _UNHELD.sub("", text)).strip()
        return text if len(text) <= limit else text[: limit - 1] + "…"

    @staticmethod
    def held(text: str) -> str:
        """The text without what Postgres can't hold."""
        return _UNHELD.sub("", text[:100_000])

    def address(self, text: str) -> str | None:
        """An address of the web, whole; None where it is none or too long."""
        text = _UNHELD.sub("", text[: MAX_ADDRESS + 1]).strip()
        if not text or len(text) > MAX_ADDRESS:
            return None
        try:
            whole = urljoin(self._address, text)
            parts = urlsplit(whole)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            return None
        return whole if good and len(whole) <= MAX_ADDRESS else None
