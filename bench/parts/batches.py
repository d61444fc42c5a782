"""Jobs that are handled a hundred at a time: items that go into an upsert, and the same items one by one."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from bench.contenders.corral import Corral, span
from bench.effort import Effort
from bench.goal import Goal
from bench.installation import CHUNK, Installation, job_of
from bench.jobs import store_item
from bench.measuring import race
from bench.section import Section, Table
from bench.servers import Servers
from corral.catalog.batch_key import BatchKeys
from corral.job.lane import Lane
from corral.job.limit_use import uses_of
from corral.settings.cpus import cpu_limit

ITEMS = 100_000
NUMBERS = 80_000
"""Different ones: a fifth of the items replaces what is stored."""
ITEMS_TABLE = """
CREATE TABLE items (
    number int4 PRIMARY KEY, text text NOT NULL, stored int4 NOT NULL DEFAULT 1
)
"""
GOAL = 20_000
TEXT = f"""\
{ITEMS:,} queued jobs with an item each, handled in batches of 100, whose handler stores them with one `INSERT … ON CONFLICT
DO UPDATE`; a fifth of them replaces an item that is stored. Each job has its own attempt, outcome and row, as any job. The
rate is from the first start to the last finish, and every item is looked for in the table afterwards. As many workers as
processors, with the shipped settings, on the same Postgres that takes the items."""


@dataclass
class Batches(Corral):
    """Corral with jobs that are handled in batches."""

    def seed(self, servers: Servers) -> None:
        Installation(servers).install()
        with psycopg.connect(servers.dsn(), autocommit=True) as connection:
            connection.execute(ITEMS_TABLE)
        asyncio.run(_queue(servers, self.jobs))

    def span(self, servers: Servers) -> race.Span:
        """As recorded. Raises: RuntimeError where items are missing."""
        with psycopg.connect(servers.dsn()) as connection:
            row = connection.execute("SELECT count(*), sum(stored) FROM items").fetchone()
        assert row is not None
        if row[0] != min(self.jobs, NUMBERS):
            raise RuntimeError(f"{row[0]} different items are stored of {min(self.jobs, NUMBERS)}")
        return span(servers)


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    batches = Batches(effort.of(ITEMS), name="in batches of 100", workers=cpu_limit())
    result = race.race(servers, [batches], max(effort.laps, 2), say)[batches.name]
    usage = result.laps[-1].usage
    rows = [
        (process, f"{1e6 * cpu / usage.jobs:.1f}", f"{cpu / usage.seconds:.2f}")
        for process, cpu in usage.cpu.items()
    ]
    return Section(
        title="Batches",
        text=TEXT,
        tables=(
            Table(
                ("Items", "items/s", "lowest to highest lap", "CPU µs per item"),
                (
                    (
                        batches.name,
                        f"{result.rate:,.0f}",
                        f"{min(lap.span.rate for lap in result.laps):,.0f} to {max(lap.span.rate for lap in result.laps):,.0f}",
                        f"{result.median(lambda lap: 1e6 * lap.usage.cpu_per_job):.1f}",
                    ),
                ),
            ),
            Table(("Process in the last lap", "CPU µs per item", "cores"), tuple(rows)),
        ),
        goals=(Goal("batches_items", result.rate, ">=", GOAL, "items/s"),),
    )


async def _queue(servers: Servers, count: int) -> None:
    """Rows and dispatch entries as submissions leave them; not timed."""
    installation, options = Installation(servers), store_item.options
    keys = BatchKeys(store_item.name, None, None)
    async with installation.store() as store, installation.dispatch() as dispatch:
        for first in range(0, count, CHUNK):
            jobs = [
                job_of(
                    store_item.name,
                    options,
                    {"number": number % NUMBERS, "text": f"item {number}"},
                    limits=uses_of(options.queue, options.priority, [], keys.of({})),
                )
                for number in range(first, min(first + CHUNK, count))
            ]
            await store.jobs.insert(jobs)
            groups = Counter((Lane(job.queue, job.priority), job.limits.group) for job in jobs if job.limits)
            await dispatch.rings.join(groups)
