import pytest

from corral.errors import InvalidInput
from corral.feeds.opml import MAX_OUTLINES, read_opml, write_opml


def test_a_list_is_read_with_its_folders_and_what_is_written_is_read_again():
    text = """<?xml version="1.0"?><opml version="1.1"><body>
      <outline text="News"><outline text="A" title="A &amp; B" xmlUrl=" https://a.example/feed "/></outline>
      <outline text="no feed"/><outline TEXT="B" XMLURL="https://b.example/"/></body></opml>"""
    feeds = read_opml("\ufeff" + text)
    assert feeds == [("https://a.example/feed", "A & B"), ("https://b.example/", "B")]
    written = "".join(write_opml((url, title, 'https://x.example/?"&<') for url, title in feeds))
    assert read_opml(written) == feeds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no XML"),
        ("<opml>", "no XML"),
        ("<html></html>", "no OPML"),
        ("<opml><body/></opml>", "names no feed"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml><body/></opml>', "entities"),
        ("<opml>" + "<outline>" * 200, "levels"),
        ("<opml>" + '<outline xmlUrl="https://a.example/"/>' * (MAX_OUTLINES + 1), "more than"),
        ('<?xml version="1.0" encoding="no-such"?><opml/>', "names no feed"),
    ],
)
def test_what_is_no_list_is_refused_in_words(text, why):
    with pytest.raises(InvalidInput, match=why) as refused:
        read_opml(text)
    assert refused.value.errors[0].pointer == "/opml"
