"""Whether computing on areas makes the API slower: the time of a POST while areas are measured, beside that of an idle system."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import load, web
from bench.measuring.child import Command, python, started
from bench.measuring.waiting import until
from bench.section import Section, Table
from bench.servers import Servers
from corral.catalog.record import declaration_of
from corral_jobs.provider import slots

POSTS = 2_000
CONNECTIONS = 4
BODY = json.dumps({"type": "demo.echo", "payload": {"number": 1, "text": "hello"}}).encode()
AREA = {
    "south": 47.0,
    "west": 8.0,
    "north": 47.4,
    "east": 8.4,
    "tags": {"landuse": "forest"},
    "piece_degrees": 1.0,
}
MEASURES = 200
"""Jobs of area.measure that wait: more than are done while it is looked."""
LIMIT_SECONDS = 120.0
MEASURED = "SELECT count(*) FROM corral.jobs WHERE type = 'area.measure' AND state = 'completed'"
MEASURING = "SELECT count(*) FROM corral.jobs WHERE type = 'area.measure' AND state = 'running'"
TEXT = f"""\
Requests that each submit one job, over {CONNECTIONS} connections, to a publisher beside which a worker measures areas of
1,600 shapes each, in a process of its own, one after the other; and the same with nothing to measure. The machine is the
same, so that the processor is shared: what is looked for is work that keeps the publisher waiting."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation = Installation.fresh(servers)
    headers = {"Authorization": f"Bearer {installation.key()}"}
    port, stand_in = web.free_port(), web.free_port()
    commands = {
        "stand-in": Command(python("corral_local.stand_in", "--port", str(stand_in)), {}),
        "publisher": installation.publisher(port),
        "worker": installation.worker(QUEUES="areas", OUTGOING_ALLOW="127.0.0.1/32", SLOTS_PROCESS="1"),
    }
    asyncio.run(_provide(installation, f"http://127.0.0.1:{stand_in}/overpass/api"))
    with started(commands) as children, web.Client(port, headers) as client:
        web.wait_ready(children["publisher"], port, "/readyz")
        fetched = client.post("/api/v1/areas", AREA)["id"]
        until(partial(_count, servers, MEASURED), seconds=LIMIT_SECONDS, what=MEASURED)
        idle = _posts(port, headers, effort)
        box = {name: AREA[name] for name in ("south", "west", "north", "east", "tags")}
        jobs = [{"type": "area.measure", "payload": {**box, "fetched_by": fetched}}] * MEASURES
        client.post("/api/v1/jobs/bulk", {"jobs": jobs})
        until(partial(_count, servers, MEASURING), seconds=LIMIT_SECONDS, what=MEASURING)
        busy = _posts(port, headers, effort)
        still = _count(servers, MEASURING)
    if not still:
        raise RuntimeError("all areas were measured before all requests were sent: raise MEASURES")
    ratio = busy.percentile(0.99) / idle.percentile(0.99)
    say(
        f"p99 of POST: idle {1000 * idle.percentile(0.99):.1f} ms, while areas are measured {ratio:.2f} times that"
    )
    return Section(
        title="Areas beside the API",
        text=TEXT,
        tables=(
            Table(
                ("POST", "requests/s", "p50 ms", "p99 ms"),
                (("idle", *_row(idle)), ("while areas are measured", *_row(busy))),
            ),
        ),
        goals=(Goal("areas_post_p99_vs_idle", ratio, "<=", 1.5, "x"),),
    )


def _posts(port: int, headers: dict[str, str], effort: Effort) -> load.Load:
    request = load.post("127.0.0.1", "/api/v1/jobs", BODY, headers)
    load.send("127.0.0.1", port, request, connections=CONNECTIONS, requests=200)
    return load.send("127.0.0.1", port, request, connections=CONNECTIONS, requests=effort.of(POSTS))


def _row(result: load.Load) -> tuple[str, str, str]:
    median, most = (f"{1000 * result.percentile(share):.1f}" for share in (0.5, 0.99))
    return f"{result.rate:,.0f}", median, most


async def _provide(installation: Installation, url: str) -> None:
    async with installation.store() as store:
        await store.limits.register([declaration_of(slots)])
        await store.providers.set("overpass", {"url": url}, "bench", None)


def _count(servers: Servers, counting: str) -> int:
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        row: Any = connection.execute(counting).fetchone()
        return int(row[0])
