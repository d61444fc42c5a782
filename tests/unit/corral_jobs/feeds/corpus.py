"""A corpus of feeds: every format in every encoding, and every format with every defect.

python -m tests.unit.corral_jobs.feeds.corpus prints what became of them.
"""

import codecs
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.unit.corral_jobs.feeds.cleaned import items_of

from corral_jobs.feeds.feed import InvalidFeed
from corral_jobs.feeds.parse import parse

ADDRESS = "https://feeds.example/news/feed"
ITEMS = 3

LATIN, CYRILLIC, JAPANESE, CHINESE = "Été à Málaga", "Новости дня", "日本語の記事", "中文新闻"
ENCODINGS: dict[str, tuple[str, bytes, str]] = {
    "utf-8": (LATIN + CYRILLIC + JAPANESE, b"", "utf-8"),
    "utf-8 with a mark": (CYRILLIC, codecs.BOM_UTF8, "utf-8"),
    "utf-16-le with a mark": (JAPANESE, codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16-be with a mark": (LATIN, codecs.BOM_UTF16_BE, "utf-16-be"),
    "utf-16-le": (LATIN, b"", "utf-16-le"),
    "utf-32-le with a mark": (LATIN, codecs.BOM_UTF32_LE, "utf-32-le"),
    "iso-8859-1": (LATIN, b"", "iso-8859-1"),
    "iso-8859-15": (LATIN + "€", b"", "iso-8859-15"),
    "windows-1252": (LATIN + "“€”", b"", "windows-1252"),
    "windows-1251": (CYRILLIC, b"", "windows-1251"),
    "koi8-r": (CYRILLIC, b"", "koi8-r"),
    "shift_jis": (JAPANESE, b"", "shift_jis"),
    "euc-jp": (JAPANESE, b"", "euc-jp"),
    "iso-2022-jp": (JAPANESE, b"", "iso-2022-jp"),
    "gb2312": (CHINESE, b"", "gb2312"),
    "gb18030": (CHINESE, b"", "gb18030"),
    "big5": ("中文", b"", "big5"),
    "euc-kr": ("한국어", b"", "euc-kr"),
}


def _rss(version: str) -> Callable[[str], str]:
    def made(title: str) -> str:
        items = "".join(
            f"<item><title>{title} {n}</title><link>https://feeds.example/{n}</link>"
            f"<guid isPermaLink='false'>guid-{n}</guid><pubDate>Mon, 0{n} Jun 2026 10:00:00 +0200</pubDate>"
            f"<description>&lt;p&gt;{title}&lt;/p&gt;</description></item>"
            for n in range(1, ITEMS + 1)
        )
        return (
            f'<rss version="{version}"><channel><title>{title}</title><link>https://feeds.example/</link>'
            f"<description>{title}</description><ttl>60</ttl>{items}</channel></rss>"
        )

    return made


def _rdf(namespace: str) -> Callable[[str], str]:
    def made(title: str) -> str:
        items = "".join(
            f'<item rdf:about="https://feeds.example/{n}"><title>{title} {n}</title>'
            f"<link>https://feeds.example/{n}</link><dc:date>2026-06-0{n}T10:00:00Z</dc:date></item>"
            for n in range(1, ITEMS + 1)
        )
        return (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="{namespace}">'
            f"<channel><title>{title}</title><link>https://feeds.example/</link></channel>{items}</rdf:RDF>"
        )

    return made


def _atom(namespace: str, updated: str) -> Callable[[str], str]:
    def made(title: str) -> str:
        items = "".join(
            f"<entry><id>urn:entry:{n}</id><title>{title} {n}</title>"
            f'<link rel="alternate" href="https://feeds.example/{n}"/>'
            f"<{updated}>2026-06-0{n}T10:00:00+02:00</{updated}>"
            f'<content type="html">&lt;p&gt;{title}&lt;/p&gt;</content></entry>'
            for n in range(1, ITEMS + 1)
        )
        return f'<feed xmlns="{namespace}"><title>{title}</title><id>urn:feed</id>{items}</feed>'

    return made


def _json(version: str) -> Callable[[str], str]:
    def made(title: str) -> str:
        items = ",".join(
            f'{{"id": "guid-{n}", "url": "https://feeds.example/{n}", "title": "{title} {n}", '
            f'"content_html": "<p>{title}</p>", "date_published": "2026-06-0{n}T10:00:00Z"}}'
            for n in range(1, ITEMS + 1)
        )
        return (
            f'{{"version": "https://jsonfeed.org/version/{version}", "title": "{title}", "items": [{items}]}}'
        )

    return made


FORMATS: dict[str, Callable[[str], str]] = {
    "RSS 0.90": _rdf("http://channel.netscape.com/rdf/simple/0.9/"),
    "RSS 0.91": _rss("0.91"),
    "RSS 0.92": _rss("0.92"),
    "RSS 1.0": _rdf("http://purl.org/rss/1.0/"),
    "RSS 2.0": _rss("2.0"),
    "Atom 0.3": _atom("http://purl.org/atom/ns#", "modified"),
    "Atom 1.0": _atom("http://www.w3.org/2005/Atom", "updated"),
    "JSON Feed 1.0": _json("1"),
    "JSON Feed 1.1": _json("1.1"),
}

DEFECTS: dict[str, Callable[[str], str]] = {
    "leading space": lambda text: "\n\n  " + text,
    "words before it": lambda text: "Warning: mysql_connect() failed\n" + text,
    "words after it": lambda text: text + "\n<!-- served in 0.01 s --> <script>x()</script>",
    "a stray ampersand": lambda text: text.replace("Feed", "Q & A", 1),
    "HTML's entities": lambda text: text.replace("Feed", "caf&eacute;&nbsp;&mdash;", 1),
    "an unknown entity": lambda text: text.replace("Feed", "&nosuchthing;", 1),
    "control characters": lambda text: text.replace("Feed", "\x00\x01\x0b", 1),
    "no guid": lambda text: (
        text.replace("<guid isPermaLink='false'>", "<x>").replace("</guid>", "</x>").replace('"id":', '"x":')
    ),
    "the same guid": lambda text: text.replace("guid-2", "guid-1").replace("urn:entry:2", "urn:entry:1"),
    "no dates": lambda text: text.replace("2026", "").replace("Mon, 0", "some day"),
    "an undeclared prefix": lambda text: text.replace("<title>", "<media:x>1</media:x><title>"),
    "an unclosed element": lambda text: text.replace("<title>", "<br><title>", 2),
    "a DOCTYPE": lambda text: (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">' + text
    ),
    "entities of its own": lambda text: '<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + text,
    "a file as an entity": lambda text: (
        '<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + text.replace("Feed", "&f;", 1)
    ),
    "cut in the last item": lambda text: text[: text.rindex("3")],
    "cut in the first item": lambda text: text[: text.index("Feed", text.index("1<") if "1<" in text else 0)],
    "nothing at all": lambda _: "",
    "a page of HTML": lambda text: "<!DOCTYPE html><html><head><title>x</title></head><body>" + text[:50],
    "no items": lambda text: text[:1] if text.startswith("{") else text[: text.index(">") + 1],
}
UNREADABLE = frozenset({"nothing at all", "a page of HTML", "no items", "cut in the first item"})
"""Defects after which there is not always a feed left to read."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One document of the corpus."""

    format: str
    encoding: str
    defect: str
    title: str
    body: bytes


def samples() -> Iterator[Sample]:
    """All of them."""
    for name, made in FORMATS.items():
        for encoding, (title, mark, codec) in ENCODINGS.items():
            text = made(title)
            if name.startswith("JSON"):  # RFC 8259: JSON is UTF-8
                if not encoding.startswith("utf-8"):
                    continue
            else:
                text = (
                    f'<?xml version="1.0" encoding="{codec.removesuffix("-le").removesuffix("-be")}"?>' + text
                )
            yield Sample(name, encoding, "none", title, mark + text.encode(codec))
        for defect, broken in DEFECTS.items():
            for encoding in ("utf-8", "windows-1252"):
                text = broken(made("Feed é"))
                if not name.startswith("JSON") and not text.startswith("<?xml") and "before" not in defect:
                    text = f'<?xml version="1.0" encoding="{encoding}"?>' + text
                yield Sample(name, encoding, defect, "", text.encode(encoding, "xmlcharrefreplace"))


def outcome(sample: Sample) -> str:
    """What became of it: read, refused, or the name of an exception that nobody expects."""
    try:
        items_of(parse(sample.body, address=ADDRESS))
    except InvalidFeed:
        return "refused"
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return f"crashed: {error!r}"
    return "read"


def main() -> None:
    """Print the table."""
    counted: dict[str, Counter[str]] = {}
    for sample in samples():
        counted.setdefault(sample.defect, Counter())[outcome(sample).split(":", 1)[0]] += 1
    total = sum(counted.values(), Counter[str]())
    sys.stdout.write(f"{'defect':26}{'read':>6}{'refused':>9}{'crashed':>9}\n")
    for defect, found in [*counted.items(), ("all", total)]:
        sys.stdout.write(f"{defect:26}{found['read']:>6}{found['refused']:>9}{found['crashed']:>9}\n")


if __name__ == "__main__":
    main()
