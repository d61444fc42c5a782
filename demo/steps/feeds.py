"""System 5: feeds are imported, each item once, and what changed again."""

import time
from typing import Any

from demo.stage import Stage
from demo.waiting import until

TITLE = "feeds are imported, each item once"
ITEMS = 250


def run(stage: Stage) -> None:
    """Import, import again, change an item, look at the history, and follow a feed."""
    show = stage.account.show
    feed = stage.feed_server.folder / "news.xml"
    url = f"{stage.feed_server.url}/news.xml"
    feed.write_text(_rss({n: f"Title {n}" for n in range(ITEMS)}), encoding="utf-8")
    began = time.monotonic()
    answer = stage.http.post("/imports/start", json={"url": url})
    milliseconds = 1000 * (time.monotonic() - began)
    show(
        "004-01 004-02",
        "POST /imports/start",
        f"{answer.status_code}, {milliseconds:.0f} ms",
        holds=answer.status_code == 202,
    )
    first = _finished(stage, answer.json()["id"])
    seconds = time.monotonic() - began
    show(
        "004-47 004-46 004-07",
        "the first import",
        f"{first['new']} new in {seconds:.1f} s",
        holds=first["new"] == ITEMS,
    )
    before = _item_jobs(stage)
    again = _import(stage, url)
    made = _item_jobs(stage) - before
    figure = f"{again['unchanged']} unchanged, {again['new']} new, {made} jobs"
    show("004-12 004-11", "the same feed again", figure, holds=again["new"] == 0 and made == 0)
    changed = {n: f"Title {n}" for n in range(ITEMS)} | {3: "Another title", ITEMS: "One more"}
    feed.write_text(_rss(changed), encoding="utf-8")
    third = _import(stage, url)
    figure = f"{third['new']} new, {third['updated']} updated, {third['unchanged']} unchanged"
    show(
        "004-36 004-12", "one changed and one added", figure, holds=(third["new"], third["updated"]) == (1, 1)
    )
    gone = _import(stage, f"{stage.feed_server.url}/gone.xml")
    source = gone["feeds"][0]
    show(
        "004-21",
        "a feed that is not there",
        str(source.get("error") or source.get("state"))[:34],
        holds=gone["new"] == 0,
    )
    history = stage.get("/imports")["items"]
    counts = " · ".join(f"{one['new']}+{one['updated']}" for one in history)
    show("004-03", "the history, new+updated", counts, holds=len(history) >= 4)
    asked = (stage.folder / "feed-requests").read_text(encoding="utf-8").split("\n")
    unchanged = sum(line.startswith("304 ") for line in asked)
    show(
        "004-47",
        "requests at the feed server",
        f"{len(asked) - 1}, of which {unchanged} answered 304",
        holds=len(asked) - 1 == 4,
    )
    _followed(stage)


def _followed(stage: Stage) -> None:
    """A feed is fetched by itself, not while it is paused, and at once when it is resumed; jobs are cleaned."""
    show = stage.account.show
    feed = stage.feed_server.folder / "followed.xml"
    feed.write_text(_rss({0: "First"}), encoding="utf-8")
    began = time.monotonic()
    [source] = stage.post("/feeds", {"url": f"{stage.feed_server.url}/followed.xml", "interval": 3600})[
        "items"
    ]
    path = f"/feeds/{source['id']}"
    _items(stage, path, 1)
    figure = f"fetched {time.monotonic() - began:.1f} s later, by itself"
    jobs = [
        one for one in stage.get("/api/v1/jobs", type="feed.fetch")["items"] if one["created_by"] == "feeds"
    ]
    show("004-47", "a feed that is followed", figure, holds=len(jobs) == 1)
    stage.post(f"{path}/pause")
    feed.write_text(_rss({0: "First", 1: "Second"}), encoding="utf-8")
    skipped = _finished(stage, stage.post(f"{path}/import")["id"])["feeds"][0]["outcome"]
    stage.post(f"{path}/resume")
    _items(stage, path, 2)
    show("004-33", "paused, then resumed", f"{skipped}, then fetched at once", holds=skipped == "skipped")
    counts = stage.get("/feeds/counts")
    states = {state: count for state, count in counts["jobs"]["feeds"].items() if count}
    figure = ", ".join(f"{count} {state}" for state, count in states.items())
    show("004-31", "jobs that fetch, per state", figure, holds=states.get("completed", 0) >= len(jobs))
    removed = stage.post("/feeds/clean", {"states": ["completed"], "older_than": 0})["removed"]
    show("004-34", "clean completed ones of any age", f"{removed} removed", holds=removed > 0)


def _items(stage: Stage, path: str, count: int) -> None:
    def there() -> bool:
        return len(stage.get(f"{path}/items")["items"]) == count

    until(there, seconds=60, what=f"{path} has {count} items")


def _rss(titles: dict[int, str]) -> str:
    items = "".join(
        f"<item><guid>item-{n}</guid><title>{title}</title><link>https://example.com/{n}</link></item>"
        for n, title in titles.items()
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'


def _import(stage: Stage, url: str) -> dict[str, Any]:
    return _finished(stage, stage.post("/imports", {"url": url})["id"])


def _finished(stage: Stage, started: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        one: dict[str, Any] = stage.get(f"/imports/{started}")
        return one if one["finished_at"] else None

    return until(look, seconds=90, what=f"import {started} is finished")


def _item_jobs(stage: Stage) -> int:
    groups = stage.get("/api/v1/stats")["groups"]
    return sum(one["ended"] for one in groups if one["type"] == "feed.item")
