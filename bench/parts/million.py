"""A million queued jobs: does the claim slow down, do the processes grow, what does Redis hold?"""

import asyncio
import os
import socket
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, web
from bench.measuring.child import Child, started
from bench.section import Section, Table
from bench.servers import Servers
from corral.dispatch.dispatch import Dispatch
from corral.dispatch.lanes import Ack, Done
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store import Store
from corral.store.workers.workers import WorkerRecord

TYPE, QUEUE = "demo.echo", "demo"
FEW = 1_000
BATCH = 50
"""Jobs that one claim asks for: the slots of a worker as shipped."""
CLAIMS = 20
"""Rounds in each of the two places."""
BUSY = 15.0
"""Seconds that the whole system runs before its memory is read."""
GROWTH = 1.1
"""Memory counts as unchanged up to this factor: allocators differ that much from start to start."""
TEXT = f"""\
Two installations on the same servers, with {FEW:,} queued jobs and with many. The claim rate is what one
connection reaches with pop, claim and answer in batches of {BATCH}, {FEW:,} jobs a round; the rounds alternate
between the two, and the ratio is the median of {CLAIMS}. Memory is the peak of a publisher with maintenance and
of a worker that ran jobs for {BUSY:.0f} s."""


@dataclass(frozen=True)
class Place:
    """One of the two installations."""

    queued: int
    servers: Servers

    @property
    def installation(self) -> Installation:
        return Installation(self.servers)


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    few, many = Place(FEW, servers.beside()), Place(effort.million, servers)
    holds = {place: _queue(place, say) for place in (few, many)}
    rates = asyncio.run(_alternate(few, many))
    for place, found in rates.items():
        say(f"{statistics.median(found):,.0f} claims/s with {place.queued:,} queued")
    peaks = {place: _run(place) for place in (few, many)}
    for place, by_name in peaks.items():
        said = ", ".join(f"{name} {peak:.0f} MiB" for name, peak in by_name.items())
        say(f"{said} with {place.queued:,} queued")
    growth = max(peaks[many][name] / peaks[few][name] for name in peaks[few])
    ratio = statistics.median(slow / fast for slow, fast in zip(rates[many], rates[few], strict=True))
    return Section(
        title=f"{effort.million:,} queued jobs",
        text=TEXT,
        tables=(
            Table(
                ("Queued", "claims/s", *(f"{name} MiB" for name in peaks[few]), "Redis bytes per job"),
                tuple(
                    (
                        f"{place.queued:,}",
                        f"{statistics.median(rates[place]):,.0f}",
                        *(f"{peak:.0f}" for peak in peaks[place].values()),
                        f"{holds[place]:,.0f}",
                    )
                    for place in (few, many)
                ),
            ),
        ),
        goals=(
            Goal("million_claim_rate", ratio, ">=", 0.9, "x"),
            Goal("million_memory", growth, "<=", GROWTH, "x"),
        ),
    )


def _queue(place: Place, say: Callable[[str], None]) -> float:
    """Installs and queues. Returns the bytes that Redis holds for each job."""
    place.servers.reset()
    place.installation.install()
    empty = _redis_memory(place.servers)
    place.installation.seed(place.queued, TYPE)
    place.servers.settle()
    each = (_redis_memory(place.servers) - empty) / place.queued
    say(f"{place.queued:,} queued; Redis holds {each:,.0f} bytes for each")
    return each


def _redis_memory(servers: Servers) -> int:
    return int(servers.redis().info("memory")["used_memory"])


async def _alternate(few: Place, many: Place) -> dict[Place, list[float]]:
    """Jobs claimed in a second, round by round; each round begins with as many queued as the place says."""
    rates: dict[Place, list[float]] = {few: [], many: []}
    async with _claimer(few) as from_few, _claimer(many) as from_many:
        for _ in range(CLAIMS):
            for place, claimer in ((few, from_few), (many, from_many)):
                start = time.perf_counter()
                claimed = await _claim(*claimer, FEW)
                rates[place].append(claimed / (time.perf_counter() - start))
                await place.installation.queue(FEW, TYPE)
    return rates


@asynccontextmanager
async def _claimer(place: Place) -> AsyncIterator[tuple[Store, Dispatch, WorkerRecord]]:
    """What claims there: a store, a dispatch, and a worker that is registered as long as this is open."""
    worker = WorkerRecord(
        id=new_id(),
        name="bench",
        host=socket.gethostname(),
        pid=os.getpid(),
        version="0",
        queues=(QUEUE,),
        types=(TYPE,),
        slots={"async": BATCH},
    )
    async with place.installation.store() as store, place.installation.dispatch() as dispatch:
        await store.workers.register(worker)
        yield store, dispatch, worker
        await store.workers.stop(worker.id)


async def _claim(store: Store, dispatch: Dispatch, worker: WorkerRecord, count: int) -> int:
    """As a worker's loop does it, one batch after another. Returns how many were claimed."""
    claimed = 0
    lanes = [Lane(QUEUE, Priority.NORMAL)]
    while claimed < count:
        popped = (await dispatch.lanes.pop(worker.name, lanes, BATCH, wait=False)).popped
        if not popped:
            raise RuntimeError(f"the queue is empty after {claimed} of {count} jobs")
        answer = await store.claims.claim(
            worker.id, new_id(), [entry.id for entry in popped], [TYPE], alone=False
        )
        await dispatch.lanes.ack(Ack(entry.lane, entry.id, Done()) for entry in popped)
        claimed += len(answer.claimed)
    return claimed


def _run(place: Place) -> dict[str, float]:
    """Peak memory by process, of the whole system at work for a while."""
    port = web.free_port()
    installation = place.installation
    commands = {"publisher": installation.publisher(port), "worker": installation.worker()}
    with started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        until = time.monotonic() + BUSY
        while time.monotonic() < until:
            _check(children)
            if place.queued == FEW:
                installation.seed(FEW, TYPE)
            time.sleep(0.5)
        return {name: cost.of(child.pid).peak for name, child in children.items()}


def _check(children: Mapping[str, Child]) -> None:
    for child in children.values():
        child.check()
