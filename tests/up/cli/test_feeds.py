"""`corral feeds` against a running system and a server of feeds."""

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ITEM = "<item><guid>{n}</guid><title>{title}</title></item>"
OPML = '<opml version="2.0"><body><outline text="Two" xmlUrl="{url}"/></body></opml>'


def write(file: Path, *titles: str) -> None:
    items = "".join(ITEM.format(n=n, title=title) for n, title in enumerate(titles))
    file.write_text(f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>')


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address where its files are."""
    folder = tmp_path / "feeds"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.7", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.7:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_feeds_are_followed_searched_paused_exported_and_cleaned(corral, served, tmp_path: Path):
    folder, address = served
    write(folder / "one.xml", "The ferry is late", "Herring is in")
    write(folder / "two.xml", "Another")
    before = len(corral("feeds", "imports", "--json").json)  # of the other tests of this system
    one, two = f"{address}/one.xml", f"{address}/two.xml"
    (added,) = corral("feeds", "add", one, "--interval", "600", "--wait", "90", "--json").json
    assert (added["title"], added["health"], added["item_count"], added["interval"]) == (
        "News",
        "good",
        2,
        600,
    )
    assert re.search(rf"^{one} +News +good +2 ", corral("feeds", "list").out, re.MULTILINE)

    items = corral("feeds", "items", one, "--search", "ferry", "--json").json
    assert [item["title"] for item in items] == ["The ferry is late"]
    assert "Herring is in" in corral("feeds", "show", added["id"]).out

    listed = tmp_path / "in.opml"
    listed.write_text(OPML.format(url=two))
    imported = corral("feeds", "import", str(listed), "--wait", "90", "--json").json
    assert (imported["status"], imported["new"], imported["feeds"][0]["url"]) == ("finished", 1, two)
    write(folder / "two.xml", "Another one", "And one more")
    again = corral("feeds", "fetch", two, "--wait", "90")
    assert re.search(r"finished +1 of 1 +1 +1 +0 +0 +0 ", again.out), again

    assert corral("feeds", "set", two, "--interval", "900", "--json").json["interval"] == 900
    assert corral("feeds", "pause", two).out == f"{two} is paused\n"
    skipped = corral("feeds", "fetch", two, "--wait", "90")
    assert "paused" in skipped.err
    exported = tmp_path / "out.opml"
    assert corral("feeds", "export", str(exported)).out == f"1 feeds in {exported}\n"
    assert (one in exported.read_text(), two in exported.read_text()) == (True, False)
    assert corral("feeds", "resume", two).code == 0
    assert two in corral("feeds", "export").out

    assert re.search(r"^feeds +active +2$", corral("feeds", "counts").out, re.MULTILINE)
    assert len(corral("feeds", "imports", "--json").json) - before == 3
    assert corral("feeds", "clean", "--state", "completed", "--yes", "--json").json["removed"] >= 3
    unknown = corral("feeds", "pause", "http://127.0.0.7/unknown")
    assert (unknown.code, "corral feeds add" in unknown.err) == (2, True)
    assert "/urls/0" in corral("feeds", "add", "no address").err
    for feed in (one, two):
        assert corral("feeds", "delete", feed, "--yes").out == f"{feed} is deleted\n"
    assert corral("feeds", "list").out == "no feeds; corral feeds add URL follows one\n"
