"""When a document is the same as before."""

import pytest

from corral_jobs.feeds.digest import document_digest
from corral_jobs.feeds.parse import parse

ITEM = b"<item><guid>1</guid><title>a</title><pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate></item>"
RSS = b"<rss><channel><title>News</title><lastBuildDate>%s</lastBuildDate>" + ITEM + b"</channel></rss>"
RDF = (
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title><dc:date>%s</dc:date></channel>'
    b"<item><title>a</title><link>https://a.example/1</link></item></rdf:RDF>"
)
ATOM = (
    b'\xef\xbb\xbf<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>'
    b"<updated>%s</updated><entry><id>1</id><title>a</title><updated>2026-06-01T10:00:00Z</updated></entry></feed>"
)
JSON = b'{"version":"https://jsonfeed.org/version/1","title":"<updated>%s</updated>","items":[]}'
TIMES = (b"Mon, 01 Jun 2026 10:00:00 GMT", b"2026-06-02T11:00:00.5+02:00", b"")


def digest(document: bytes, content_type: str = "application/xml") -> str:
    return document_digest(document, content_type)


@pytest.mark.parametrize("document", [RSS, RDF, ATOM])
def test_when_it_was_made_makes_no_other_document_of_it(document):
    assert len({digest(document % time) for time in TIMES}) == 1
    said = [parse(document % time, address="https://a.example/feed") for time in TIMES]
    assert len({(feed.title, *(entry.fingerprint for entry in feed.entries)) for feed in said}) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<title>News", b"<title>Old"),
        (b"<title>a", b"<title>b"),
        (b"01 Jun", b"02 Jun"),  # of the item
        (b"</channel>", b"<ttl>60</ttl></channel>"),
        (b"<channel>", b"<channel xml:base='https://b.example/'>"),
        (b"2026-01-01</last", b"<![CDATA[2026]]></last"),
        (b"2026-01-01</last", b"&now;</last"),
    ],
)
def test_anything_else_does(before, after):
    document = RSS % b"2026-01-01"
    assert before in document
    assert digest(document.replace(before, after)) != digest(document)
    assert digest(document, "text/html") != digest(document)


def test_json_says_no_such_time():
    assert digest(JSON % b"1") != digest(JSON % b"2")
