"""What open event streams cost a publisher: memory while they are silent, and CPU while jobs change."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, web
from bench.measuring.child import started
from bench.parts.submission import Server
from bench.section import Section, Table
from bench.servers import Servers

STREAMS = 1_000
OPENED_AT_ONCE = 50
SETTLE_SECONDS = 2.0
"""Until what opening cost is over: buffers are given back, tasks have ended."""
BULKS, JOBS = 20, 100
"""Bulks sent while the streams are open, and jobs in each. Each is one frame or two to each stream."""
BULK_SECONDS = 0.25
READY_SECONDS, TOLD_SECONDS = 60.0, 30.0
HYPHENS = 4
"""In an id."""
TEXT = f"""\
{STREAMS:,} clients follow everything that happens (`GET /api/v1/events`) over as many connections to one web process.
Memory is what the process holds after they were opened, less what it held before. Then {BULKS} bulks of {JOBS} jobs are
submitted, {1 / BULK_SECONDS:.0f} a second; every client is told of every job. CPU is that of the web process, for each event that a client got."""


@dataclass(frozen=True)
class Streams:
    """What was measured."""

    before: float
    open: float
    """MiB of resident memory of the web process."""
    after: float
    events: int
    """That all clients got together."""
    cpu: float
    """Seconds of the web process while they were sent."""
    lost: int
    """Clients that were not told of every job."""

    @property
    def kib_each(self) -> float:
        return 1024 * (self.open - self.before) / STREAMS

    @property
    def microseconds_each(self) -> float:
        """CPU of one event to one client."""
        return 1e6 * self.cpu / max(1, self.events)


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    with started({"publisher": installation.publisher(port, WEB_WORKERS="1")}) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        server = Server("Corral", port, {"Authorization": f"Bearer {key}"})
        pid = cost.family(children["publisher"].pid)[-1].pid
        found = asyncio.run(_measured(server, pid, max(2, round(BULKS * effort.share))))
    say(f"{STREAMS:,} streams: {found.kib_each:.0f} KiB each, {found.microseconds_each:.0f} µs an event")
    return Section(
        title="Open event streams",
        text=TEXT,
        tables=(
            Table(
                ("One web process", "value"),
                (
                    ("memory before, MiB", f"{found.before:.0f}"),
                    (f"with {STREAMS:,} streams, MiB", f"{found.open:.0f}"),
                    ("after the bulks, MiB", f"{found.after:.0f}"),
                    ("KiB for each stream", f"{found.kib_each:.1f}"),
                    ("µs of CPU for each event to a client", f"{found.microseconds_each:.0f}"),
                    ("clients that missed something", f"{found.lost}"),
                ),
            ),
        ),
        goals=(
            Goal("streams_kib_each", found.kib_each, "<=", 64, "KiB"),
            Goal("streams_clients_that_missed_something", found.lost, "<=", 0),
        ),
    )


class _Client:
    """One stream, read to its end."""

    def __init__(self, jobs: int) -> None:
        self.events = 0
        self._left = jobs
        self.ready = asyncio.Event()
        self.told = asyncio.Event()

    async def follow(self, server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines = [
            "GET /api/v1/events HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{n}: {v}" for n, v in server.headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"retry:"):
                    self.ready.set()
                elif line.startswith(b"event: jobs"):
                    self.events += 1
                elif line.startswith(b'data: {"state":"queued"'):
                    self._left -= line.count(b"-") // HYPHENS
                    if self._left <= 0:
                        self.told.set()
        finally:
            writer.close()


async def _measured(server: Server, pid: int, bulks: int) -> Streams:
    before = _resident(pid)
    clients = [_Client(bulks * JOBS) for _ in range(STREAMS)]
    tasks: list[asyncio.Task[None]] = []
    try:
        for first in range(0, STREAMS, OPENED_AT_ONCE):
            now = clients[first : first + OPENED_AT_ONCE]
            tasks += [asyncio.create_task(client.follow(server)) for client in now]
            async with asyncio.timeout(READY_SECONDS):
                await asyncio.gather(*(client.ready.wait() for client in now))
        await asyncio.sleep(SETTLE_SECONDS)
        opened, began = _resident(pid), cost.own_cpu_milliseconds(pid)
        await asyncio.to_thread(_submit, server, bulks)
        with suppress(TimeoutError):
            async with asyncio.timeout(TOLD_SECONDS):
                await asyncio.gather(*(client.told.wait() for client in clients))
        used = (cost.own_cpu_milliseconds(pid) - began) / 1000
        return Streams(
            before=before,
            open=opened,
            after=_resident(pid),
            events=sum(client.events for client in clients),
            cpu=used,
            lost=sum(not client.told.is_set() for client in clients),
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _submit(server: Server, bulks: int) -> None:
    with web.Client(server.port, server.headers) as client:
        for _ in range(bulks):
            client.post(
                "/api/v1/jobs/bulk",
                {"jobs": [{"type": "demo.echo", "payload": {"number": number}} for number in range(JOBS)]},
            )
            time.sleep(BULK_SECONDS)


def _resident(pid: int) -> float:
    return sum(cost.own_resident(process) for process in cost.family(pid)) / cost.MIB
