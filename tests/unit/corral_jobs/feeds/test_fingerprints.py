"""What tells an item that a document lists again: its entry as the library read it, before anything is cleaned."""

import pytest

from corral_jobs.feeds import parse as parsing
from corral_jobs.feeds.feed import FeedEntry
from corral_jobs.feeds.parse import parse

ADDRESS = "https://feeds.example/feed"
ITEM = "<item><guid>1</guid><title>a</title><link>/1</link><description>&lt;p&gt;text&lt;/p&gt;</description></item>"


def entry(item: str, *, address: str = ADDRESS, head: str = "") -> FeedEntry:
    document = f"<rss><channel><title>t</title>{head}{item}</channel></rss>"
    [found] = parse(document.encode(), address=address).entries
    return found


def test_the_same_entry_has_the_same_fingerprint_whatever_else_the_document_says():
    one, again = entry(ITEM), entry(ITEM, head="<lastBuildDate>Mon, 01 Jun 2026 10:00:00 GMT</lastBuildDate>")
    assert one.fingerprint == again.fingerprint
    assert one.item() == again.item()


@pytest.mark.parametrize(
    "changed",
    [
        ITEM.replace(">a<", ">b<"),
        ITEM.replace("/1<", "/2<"),
        ITEM.replace("text", "another"),
        ITEM.replace("</item>", "<category>c</category></item>"),
        ITEM.replace("</item>", "<author>ann</author></item>"),
        ITEM.replace("</item>", "<pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate></item>"),
        ITEM.replace("</item>", '<enclosure url="/a.mp3" type="audio/mpeg" length="1"/></item>'),
    ],
    ids=["title", "link", "text", "tag", "author", "date", "file"],
)
def test_an_entry_that_makes_another_item_has_another_fingerprint(changed: str):
    assert entry(ITEM).item() != entry(changed).item()
    assert entry(ITEM).fingerprint != entry(changed).fingerprint


def test_what_decides_how_an_entry_is_cleaned_is_part_of_its_fingerprint(monkeypatch: pytest.MonkeyPatch):
    before = entry(ITEM).fingerprint
    assert entry(ITEM, address="https://other.example/").fingerprint != before  # its addresses are others
    monkeypatch.setattr(parsing, "CLEANED_BY", "another release of the library")
    assert entry(ITEM).fingerprint != before


def test_an_entry_without_guid_and_link_has_a_fingerprint_too():
    plain = "<item><title>a</title><description>text</description></item>"
    assert entry(plain).fingerprint == entry(plain).fingerprint
    assert entry(plain).item().guid == entry(plain).guid
