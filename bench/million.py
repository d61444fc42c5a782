"""A million queued jobs: does the claim slow down, do the processes grow, what does Redis hold?"""

import asyncio
import os
import socket
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import cost, web
from bench.child import Child, started
from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.section import Section, Table
from bench.servers import Servers
from corral.dispatch.dispatch import Dispatch
from corral.dispatch.entries import Answer, Done
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store import Store
from corral.store.workers import WorkerRecord

TYPE, QUEUE = "demo.echo", "demo"
FEW = 1_000
BATCH = 50
"""Jobs that one claim asks for: the slots of a worker as shipped."""
CLAIMS = 20
"""Rounds of FEW claimed jobs; the rate is the median of the rounds."""
BUSY = 15.0
"""Seconds that the whole system runs before its memory is read."""
GROWTH = 1.1
"""Memory counts as unchanged up to this factor: allocators differ that much from start to start."""
TEXT = f"""\
The claim rate is what one connection reaches with pop, claim and answer in batches of {BATCH}, {FEW:,} jobs at a
time, the median of {CLAIMS} rounds. Memory is the peak of a publisher with maintenance and a worker that ran
jobs for {BUSY:.0f} s, with the queue as long as that."""


@dataclass(frozen=True)
class Found:
    """What a queue of some length costs."""

    queued: int
    claims: float
    """Jobs claimed in a second."""
    peaks: Mapping[str, float]
    """MiB by process."""
    redis_bytes: float
    """For each queued job."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    few = _at(servers, FEW, say)
    many = _at(servers, effort.million, say)
    growth = {name: many.peaks[name] / few.peaks[name] for name in few.peaks}
    return Section(
        title=f"{effort.million:,} queued jobs",
        text=TEXT,
        tables=(
            Table(
                (
                    "Queued",
                    "claims/s",
                    *(f"{name} MiB" for name in few.peaks),
                    "Redis bytes/job",
                ),
                tuple(
                    (
                        f"{found.queued:,}",
                        f"{found.claims:,.0f}",
                        *(f"{peak:.0f}" for peak in found.peaks.values()),
                        f"{found.redis_bytes:,.0f}",
                    )
                    for found in (few, many)
                ),
            ),
        ),
        goals=(
            Goal("million_claim_rate", many.claims / few.claims, ">=", 0.9, "x"),
            Goal("million_memory", max(growth.values()), "<=", GROWTH, "x"),
        ),
    )


def _at(servers: Servers, queued: int, say: Callable[[str], None]) -> Found:
    servers.reset()
    installation = Installation(servers)
    installation.install()
    empty = _redis_memory(servers)
    installation.seed(queued, TYPE)
    servers.settle()
    each = (_redis_memory(servers) - empty) / queued
    say(f"{queued:,} queued; Redis holds {each:,.0f} bytes for each")
    claims = asyncio.run(_claims(installation, top_up=queued == FEW))
    say(f"{claims:,.0f} claims/s")
    installation.seed(FEW, TYPE)
    peaks = _run(installation, queued)
    say(", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items()))
    return Found(queued, claims, peaks, each)


def _redis_memory(servers: Servers) -> int:
    return int(servers.redis().info("memory")["used_memory"])


async def _claims(installation: Installation, *, top_up: bool) -> float:
    """Jobs claimed in a second; with `top_up` each round begins with FEW in the queue."""
    async with installation.store() as store, installation.dispatch() as dispatch:
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
        await store.workers.register(worker)
        rates = []
        for number in range(CLAIMS):
            if top_up and number:
                await installation.queue(FEW, TYPE)
            start = time.perf_counter()
            claimed = await _claim(store, dispatch, worker, FEW)
            rates.append(claimed / (time.perf_counter() - start))
        await store.workers.stop(worker.id)
        return statistics.median(rates)


async def _claim(store: Store, dispatch: Dispatch, worker: WorkerRecord, count: int) -> int:
    """As a worker's loop does it, one batch after another. Returns how many were claimed."""
    claimed = 0
    lanes = [Lane(QUEUE, Priority.NORMAL)]
    while claimed < count:
        popped = (await dispatch.pop(worker.name, lanes, BATCH, wait=False)).popped
        if not popped:
            raise RuntimeError(f"the queue is empty after {claimed} of {count} jobs")
        answer = await store.claims.claim(
            worker.id, new_id(), [entry.id for entry in popped], [TYPE], alone=False
        )
        await dispatch.answer(Answer(entry.lane, entry.id, Done()) for entry in popped)
        claimed += len(answer.claimed)
    return claimed


def _run(installation: Installation, queued: int) -> dict[str, float]:
    """Peak memory by process, of the whole system at work for a while."""
    port = web.free_port()
    commands = {"publisher": installation.publisher(port), "worker": installation.worker()}
    with started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        until = time.monotonic() + BUSY
        while time.monotonic() < until:
            _check(children)
            if queued == FEW:
                installation.seed(FEW, TYPE)
            time.sleep(0.5)
        return {name: cost.of(child.pid).peak for name, child in children.items()}


def _check(children: Mapping[str, Child]) -> None:
    for child in children.values():
        child.check()
