"""The rules by which documents are read, each with a document of its own."""

import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.corral_jobs.feeds.cleaned import items_of

from corral_jobs.feeds.charset import in_utf8
from corral_jobs.feeds.feed import MAX_GUID, MAX_ITEMS, FeedFormat, InvalidFeed, ParsedFeed, ParsedItem
from corral_jobs.feeds.parse import parse

ADDRESS = "https://feeds.example/news/feed"


def read(document: str | bytes, content_type: str = "") -> ParsedFeed:
    body = document.encode() if isinstance(document, str) else document
    return parse(body, address=ADDRESS, content_type=content_type)


def one(inner: str, *, kind: str = "rss") -> ParsedItem:
    if kind == "rss":
        document = f'<rss version="2.0"><channel><title>t</title><item>{inner}</item></channel></rss>'
    else:
        document = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry>{inner}</entry></feed>'
    [item] = items_of(read(document))
    return item


def test_what_tells_an_item_from_others_is_its_guid_else_its_link_else_title_and_date():
    assert one("<guid> g 1 </guid><link>https://a.example/</link><title>t</title>").guid == "g 1"
    assert one("<link>/x</link><title>t</title>").guid == "https://feeds.example/x"
    first = one("<title>t</title><pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate>").guid
    assert first.startswith("sha256:")
    assert one("<title>t</title><pubDate>2026-06-01T12:00:00+02:00</pubDate>").guid == first
    assert one("<title>t</title><pubDate>Tue, 02 Jun 2026 10:00:00 GMT</pubDate>").guid != first
    assert one("<title>other</title><pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate>").guid != first
    assert one("<description>a</description>").guid != one("<description>b</description>").guid


def test_an_item_with_nothing_in_it_is_skipped_and_one_that_is_repeated_counts_once():
    feed = read(
        "<rss><channel><title>t</title><item/><item><guid>a</guid><title>first</title></item>"
        "<item><guid>a</guid><title>second</title></item></channel></rss>"
    )
    assert [item.title for item in items_of(feed)] == ["first"]
    assert feed.skipped == 2


def test_a_guid_that_no_index_can_hold_is_replaced_by_its_hash():
    item = one(f"<guid>{'é' * MAX_GUID}</guid>")
    assert item.guid.startswith("sha256:")
    assert item.guid != one(f"<guid>{'é' * MAX_GUID}x</guid>").guid


def test_items_beyond_the_bound_are_counted_as_skipped():
    items = "".join(f"<item><guid>{n}</guid></item>" for n in range(MAX_ITEMS + 5))
    feed = read(f"<rss><channel><title>t</title>{items}</channel></rss>")
    assert (len(items_of(feed)), feed.skipped) == (MAX_ITEMS, 5)


def test_html_is_cleaned_and_its_addresses_are_whole():
    item = one(
        "<guid>1</guid><description><![CDATA[<p onclick='x()'>a &amp; b <script>alert(1)</script>"
        "<a href='javascript:x()'>j</a> <a href='/more'>more</a> <img src=pic.png onerror=x()>"
        "<iframe src='https://evil.example'></iframe><style>p{}</style></p>]]></description>"
    )
    assert item.content == (
        '<p>a &amp; b <a rel="noopener noreferrer nofollow">j</a> '
        '<a href="https://feeds.example/more" rel="noopener noreferrer nofollow">more</a> '
        '<img src="https://feeds.example/news/pic.png"></p>'
    )


def test_titles_are_plain_text_and_one_line():
    assert one("<guid>1</guid><title>&lt;b&gt;Q&amp;amp;A&lt;/b&gt;\n now</title>").title == "Q&A now"
    assert one("<guid>1</guid><title>Q & A &mdash; caf&eacute;</title>").title == "Q & A — café"
    assert one("<guid>1</guid><title><![CDATA[R & D &mdash; x]]></title>").title == "R & D — x"


def test_an_address_that_is_none_of_the_web_is_left_out():
    assert one("<guid>1</guid><link>javascript:alert(1)</link>").link is None
    assert one("<guid>1</guid><link>http://[bad</link>").link is None
    assert one(f"<guid>1</guid><link>https://a.example/{'x' * 3000}</link>").link is None
    assert one("<guid>1</guid><enclosure url='file:///etc/passwd' type='a/b'/>").attachments == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Mon, 01 Jun 2026 10:00:00 +0200", datetime(2026, 6, 1, 8, tzinfo=UTC)),
        ("01 Jun 26 10:00 EST", datetime(2026, 6, 1, 15, tzinfo=UTC)),
        ("2026-06-01T10:00:00Z", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("2026-06-01T10:00:00.123+0200", datetime(2026, 6, 1, 8, 0, 0, 123000, tzinfo=UTC)),
        ("2026-06-01 10:00:00", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("20260601T100000Z", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("2026-06-01", datetime(2026, 6, 1, tzinfo=UTC)),
        ("2026-06", datetime(2026, 6, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("June 1, 2026", datetime(2026, 6, 1, tzinfo=UTC)),
        ("1st June 2026", datetime(2026, 6, 1, tzinfo=UTC)),
        ("Mon Jun  1 10:00:00 2026", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("Mon Jun  1 10:00:00 UTC 2026", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("<![CDATA[Mon, 01 Jun 2026 10:00:00 GMT]]>", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("Tuesday", None),
        ("10:00", None),
        ("June", None),
        ("yesterday", None),
        ("", None),
        ("Mon, 31 Feb 2026 10:00:00 GMT", None),
    ],
)
def test_dates_of_every_kind_are_read_and_never_completed_with_today(said, meant):
    assert one(f"<guid>1</guid><pubDate>{said}</pubDate>").published == meant


@pytest.mark.parametrize("guid", ["7", "20260601", "2026-06-01", "https://a.example/2026/06/01"])
def test_a_guid_is_not_taken_for_a_date(guid):
    item = one(f"<guid>{guid}</guid><title>t</title>")
    assert (item.guid, item.published, item.updated) == (guid, None, None)


def test_a_guid_may_be_an_address_or_nothing_or_in_cdata():
    assert one("<guid isPermaLink='true'>https://a.example/1</guid>").link == "https://a.example/1"
    assert one("<guid/><link>/x</link>").guid == "https://feeds.example/x"
    assert one("<guid></guid><link>/x</link>").guid == "https://feeds.example/x"
    assert one("<guid><![CDATA[7]]></guid>").guid == "7"


def test_a_date_that_is_not_whole_makes_no_new_item_every_day():
    assert one("<title>t</title><pubDate>Tuesday</pubDate>").guid == one("<title>t</title>").guid


def test_http_names_the_charset_unless_the_bytes_are_utf_8_beyond_doubt():
    latin = "<rss><channel><title>Été</title></channel></rss>".encode("iso-8859-1")
    assert read(latin).title == "Été"
    cyrillic = "<rss><channel><title>Новости</title></channel></rss>".encode("koi8-r")
    assert read(cyrillic, "text/xml; charset=koi8-r").title == "Новости"
    assert (
        read("<rss><channel><title>Été</title></channel></rss>", "text/xml; charset=iso-8859-1").title
        == "Été"
    )
    declared = '<?xml version="1.0" encoding="utf-16"?><rss><channel><title>Été</title></channel></rss>'
    assert read(declared).title == "Été"
    for odd in ("hex", "utf-7", "idna", "no-such", "é", "x" * 5000):
        assert (
            read("<rss><channel><title>Été</title></channel></rss>", f"text/xml; charset={odd}").title
            == "Été"
        )


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "text/xml; charset=shift_jis", "a/b; charset=utf-16", ";;="]),
)
def test_any_bytes_become_utf_8(body, content_type):
    in_utf8(body, content_type).decode()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_feed_or_refused(body):
    for document in (
        body,
        b"<rss><channel><item>" + body,
        b'{"version": "https://jsonfeed.org/version/1"' + body,
    ):
        with suppress(InvalidFeed):
            assert len(items_of(parse(document, address=ADDRESS))) < 300


@pytest.mark.parametrize(
    "hostile",
    [
        '<rss version="2.0" ' + " ".join(f'a{n}="1"' for n in range(50_000)) + "><channel/></rss>",
        "<rss " + " ".join(f'a{n}=">"' for n in range(50_000)) + "><channel/></rss>",
        "<rss><channel><title>t</title>" + "<a>" * 100_000,
        "<rss><channel><title>" + "<" * 200_000,
        "<rss><channel><title>" + "&" * 200_000,
        "<rss><channel><title>" + "<![CDATA[" * 50_000,
        "<rss><channel><pubDate" + " " * 200_000,
        '<!DOCTYPE r [<!ENTITY a "'
        + "A" * 1000
        + '"><!ENTITY b "'
        + "&a;" * 1000
        + '"><!ENTITY c "'
        + "&b;" * 1000
        + '">]><rss><channel><title>&c;</title></channel></rss>',
        '{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 100_000,
    ],
    ids=[
        "attributes",
        "attributes-with-ends",
        "depth",
        "open",
        "ampersands",
        "cdata",
        "spaces",
        "entities",
        "json",
    ],
)
def test_a_hostile_document_takes_no_longer_than_others(hostile):
    began = time.process_time()
    with suppress(InvalidFeed):
        assert items_of(parse(hostile.encode(), address=ADDRESS)) is not None
    assert time.process_time() - began < 5


def test_a_file_of_this_machine_can_not_be_read_by_an_entity():
    feed = read(
        '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        "<rss><channel><title>a&f;</title><item><guid>1</guid><title>&f;b</title></item></channel></rss>"
    )
    assert "root" not in repr(feed)


def test_a_feed_says_how_long_it_holds():
    assert read("<rss><channel><title>t</title><ttl>90</ttl></channel></rss>").ttl == 5400
    syndicated = (
        "<rss><channel><title>t</title><sy:updatePeriod>daily</sy:updatePeriod>"
        "<sy:updateFrequency>4</sy:updateFrequency></channel></rss>"
    )
    assert read(syndicated).ttl == 6 * 3600
    assert (
        read("<rss><channel><title>t</title><item><ttl>5</ttl><guid>1</guid></item></channel></rss>").ttl
        is None
    )


def test_xhtml_in_atom_is_content_and_a_plain_text_is_no_html():
    assert (
        one(
            '<id>1</id><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>c</p></div></content>',
            kind="atom",
        ).content
        == "<div><p>c</p></div>"
    )
    assert (
        one('<id>1</id><content type="text">a &lt;b&gt; c</content>', kind="atom").content == "a &lt;b&gt; c"
    )


def test_a_podcast_has_its_files():
    item = one("<guid>1</guid><enclosure url='/e.mp3' length='3' type='audio/mpeg'/><category>x</category>")
    [file] = item.attachments
    assert (file.url, file.media_type, file.size) == ("https://feeds.example/e.mp3", "audio/mpeg", 3)
    assert item.tags == ("x",)


def test_what_is_no_feed_is_refused_in_words():
    for document, word in [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"<html><body>x</body></html>", "HTML"),
        (b"{}", "couldn't be parsed"),
        (
            b'{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[null]}',
            "null in place of an item",
        ),
    ]:
        with pytest.raises(InvalidFeed, match=word):
            read(document)


def test_the_format_is_told():
    assert read("<rss><channel><title>t</title></channel></rss>").format is FeedFormat.RSS
    assert (
        read('{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": []}').format
        is FeedFormat.JSON
    )


def test_ten_thousand_items_are_read_in_seconds():
    items = "".join(
        f"<item><guid>{n}</guid><title>A {n}</title><description>&lt;p&gt;{n}&lt;/p&gt;</description></item>"
        for n in range(10_000)
    )
    began = time.process_time()
    assert len(items_of(read(f"<rss><channel><title>t</title>{items}</channel></rss>"))) == 10_000
    assert time.process_time() - began < 10
