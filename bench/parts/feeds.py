"""Feed import: how long ten thousand new items take, within their rate for each source, and the same feeds again."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, web
from bench.measuring.child import Child, Command, python, run, started
from bench.measuring.waiting import until
from bench.section import Section, Table
from bench.servers import Servers

SOURCES, ITEMS = 20, 10_000
RATE = 100
"""Items of one source that may be stored in a second, as `feed.item` declares it."""
LIMIT_SECONDS = 240.0
HOST = "127.0.0.1"
# The most items of one source within any second; a batch is one transaction, whose time `changed_at` is.
MOST = """
SELECT coalesce(max(n), 0) FROM (
    SELECT count(*) OVER (
        PARTITION BY source ORDER BY changed_at RANGE BETWEEN '999999 microseconds' PRECEDING AND CURRENT ROW
    ) AS n FROM corral.feed_items
) x
"""
FINISHED = "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM corral.imports WHERE id = %s"
TEXT = f"""\
A feed server on this machine, a publisher and one worker. {ITEMS:,} new items: of {SOURCES} sources, then of one, then of one
whose rate an operator lifted. Each is a job with the key `source#guid`, and a hundred of them are one upsert. An import takes
from its request to its last item. `again`: the same {SOURCES} feeds, whose documents differ in the time of their making alone.
`again, one item more`: each has a new item, so that each is read and all of its items are compared. At most {RATE} items of a source may be stored in any second: counted by the times
of their transactions."""


@dataclass(frozen=True)
class Import:
    """One import: its seconds, the CPU that publisher, worker, Postgres and Redis used, and its counts."""

    name: str
    seconds: float
    cpu: float
    counts: Mapping[str, int]
    most: int
    """Items of one source in any second."""

    @property
    def row(self) -> tuple[str, ...]:
        said = ", ".join(f"{count:,} {name}" for name, count in self.counts.items() if count)
        return self.name, said, f"{self.seconds:.1f}", f"{self.cpu:.1f}", f"{self.most:,}"


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    commands = {
        "publisher": installation.publisher(port, OUTGOING_ALLOW="127.0.0.0/8"),
        "worker": installation.worker(OUTGOING_ALLOW="127.0.0.0/8"),
    }
    items = effort.of(ITEMS)
    headers = {"Authorization": f"Bearer {key}"}
    with _feeds() as feeds, started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        importer = Importer(servers, children, (port, headers), say)
        many = [f"{feeds.urls[number]}/{number}/{items // SOURCES}" for number in range(SOURCES)]
        first = importer.run("20 sources", many)
        again = importer.run("again", many)
        feeds.more = 1
        more = importer.run("again, one item more", many)
        feeds.more = 0
        one = importer.run("one source", [f"{feeds.urls[0]}/100/{items}"])
        run(
            Command(
                python("corral.cli", "limits", "set", "feed-items", "rate=1000000", "--reason", "bench"),
                {"CORRAL_URL": f"http://{HOST}:{port}", "CORRAL_KEY": key},
            )
        )
        lifted = importer.run("one source, rate lifted", [f"{feeds.urls[0]}/200/{items}"])
    imports = (first, again, more, one, lifted)
    return Section(
        title="Feed import",
        text=TEXT,
        tables=(
            Table(
                ("import", "items", "seconds", "CPU s", "most of a source in a second"),
                tuple(each.row for each in imports),
            ),
        ),
        goals=tuple(_goals(imports, items)),
    )


def _goals(imports: Sequence[Import], items: int) -> Iterator[Goal]:
    first, again, more, one, lifted = imports
    wanted = items / RATE
    yield Goal("feeds_20_sources_seconds", first.seconds, "<=", 10.0, "s")
    yield Goal("feeds_cpu_ms_per_item", 1_000 * first.cpu / items, "<=", 1.0, "ms")
    yield Goal("feeds_20_sources_most_in_a_second", first.most, "<=", RATE)
    yield Goal("feeds_one_source_seconds", one.seconds, "<=", 1.1 * wanted, "s")
    yield Goal("feeds_one_source_seconds_at_least", one.seconds, ">=", wanted - 1, "s")
    yield Goal("feeds_one_source_most_in_a_second", one.most, "<=", RATE)
    yield Goal("feeds_rate_lifted_seconds", lifted.seconds, "<=", 10.0, "s")
    yield Goal("feeds_again_new_items", again.counts["new"] + again.counts["updated"], "<=", 0)
    yield Goal("feeds_again_cpu_vs_first", again.cpu / first.cpu, "<=", 0.1, "x")
    yield Goal("feeds_one_item_more_cpu_vs_first", more.cpu / first.cpu, "<=", 0.25, "x")
    lost = sum(items - each.counts["new"] for each in (first, one, lifted)) + SOURCES - more.counts["new"]
    yield Goal("feeds_lost_items", lost, "<=", 0)


class Importer:
    """Runs imports, one after the other."""

    def __init__(
        self,
        servers: Servers,
        children: Mapping[str, Child],
        publisher: tuple[int, Mapping[str, str]],
        say: Callable[[str], None],
    ) -> None:
        self._servers = servers
        self._pids = [
            *(child.pid for child in children.values()),
            servers.postgres_pid,
            servers.redis_pid,
        ]
        self._publisher = publisher
        self._say = say

    def run(self, name: str, urls: list[str]) -> Import:
        """Import, and wait for the end."""
        before = self._cpu()
        with web.Client(*self._publisher) as client:  # one that was idle for a minute is closed
            started_as = UUID(client.post("/imports", {"urls": urls})["id"])
        until(
            lambda: self._one(FINISHED, started_as) is not None,
            seconds=LIMIT_SECONDS,
            what=f"the end of import {name}",
        )
        seconds = self._one(FINISHED, started_as)
        counts = self._counts(started_as)
        found = Import(name, float(seconds), self._cpu() - before, counts, int(self._one(MOST)))
        self._say("  ".join(found.row))
        return found

    def _cpu(self) -> float:
        return sum(cost.cpu_seconds(pid) for pid in self._pids)

    def _counts(self, id_: UUID) -> dict[str, int]:
        names = ("new", "updated", "unchanged", "skipped", "failed")
        columns = ", ".join(f"{name}_items" for name in names)
        with psycopg.connect(self._servers.dsn(), autocommit=True) as connection:
            row = connection.execute(f"SELECT {columns} FROM corral.imports WHERE id = %s", (id_,)).fetchone()
        assert row is not None
        return dict(zip(names, row, strict=True))

    def _one(self, query: Any, *params: object) -> Any:
        with psycopg.connect(self._servers.dsn(), autocommit=True) as connection:
            row = connection.execute(query, params).fetchone()
        assert row is not None
        return row[0]


@dataclass
class _Feeds:
    """The feeds that are served."""

    urls: list[str]
    more: int = 0
    """Items that each has besides those that its path names."""


class _Feed(BaseHTTPRequestHandler):
    """`/7/500`: source 7, with 500 items; anew in each answer is only when it was made."""

    protocol_version = "HTTP/1.1"
    feeds: _Feeds

    def do_GET(self) -> None:
        source, items = (int(part) for part in self.path.strip("/").split("/"))
        body = _document(source, items + self.feeds.more).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _document(source: int, items: int) -> str:
    text = "Some lines of what a news agency writes about the day, with a <b>bold</b> word. " * 4
    said = "".join(
        f"<item><guid>{source}-{n}</guid><title>Item {n} of source {source}</title><link>https://example.com/{n}</link>"
        f"<pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate><description><![CDATA[<p>{text}</p>]]></description></item>"
        for n in range(items)
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>Source {source}</title>'
        f"<lastBuildDate>{time.time_ns()}</lastBuildDate>{said}</channel></rss>"
    )


@contextmanager
def _feeds() -> Iterator[_Feeds]:
    """A server of feeds for each source, each on a host of its own: no more than some feeds of one host are asked at once."""
    feeds = _Feeds([])
    handler = type("_ServedFeed", (_Feed,), {"feeds": feeds})
    servers = [ThreadingHTTPServer((f"127.0.1.{number + 1}", 0), handler) for number in range(SOURCES)]
    feeds.urls += [
        f"http://127.0.1.{number + 1}:{server.server_port}" for number, server in enumerate(servers)
    ]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield feeds
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
