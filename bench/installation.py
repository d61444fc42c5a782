"""Corral on the shared servers: its schema, its job types, its processes and its jobs."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bench.measuring.child import Command, python
from bench.servers import Servers
from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.catalog.catalog import Catalog, declaring_modules
from corral.catalog.record import TypeRecord, declaration_of
from corral.dispatch.dispatch import Dispatch
from corral.dispatch.lanes import Entry
from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse, uses_of
from corral.job.options import Options
from corral.store import Store, migrations

JOBS, HANDLERS = "bench.jobs", "bench.handlers"
CHUNK = 5_000
"""Jobs in one insert; it is not timed."""


@dataclass(frozen=True)
class Installation:
    """Where Corral is. `install` makes the schema; nothing runs until a command is started."""

    servers: Servers

    @classmethod
    def fresh(cls, servers: Servers) -> "Installation":
        """Installed on servers that were emptied before."""
        servers.reset()
        made = cls(servers)
        made.install()
        return made

    def install(self) -> None:
        """Creates the schema and registers the job types."""
        migrations.upgrade(self.servers.dsn())
        asyncio.run(self._register())

    def worker(self, **settings: str) -> Command:
        return Command(python("corral_worker"), self._environment(**settings))

    def maintenance(self) -> Command:
        """The leader's duties apart, as they would otherwise run in a publisher."""
        return Command(python("corral.maintenance"), self._environment())

    def publisher(self, port: int, **settings: str) -> Command:
        """API and maintenance."""
        return Command(python("corral_publisher"), self._environment(PORT=str(port), **settings))

    def seed(self, count: int, type_name: str = "demo.echo") -> None:
        """Queues that many jobs, past the API: rows and dispatch entries as a submission leaves them."""
        asyncio.run(self.queue(count, type_name))

    @contextmanager
    def feed(self, type_name: str) -> Iterator[Callable[[int], None]]:
        """Queues that many jobs, again and again, over connections that stay open."""
        record = next(record for record in records() if record.name == type_name)
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            store = runner.run(stack.enter_async_context(self.store()))
            dispatch = runner.run(stack.enter_async_context(self.dispatch()))
            try:
                yield lambda count: runner.run(_queue(store, dispatch, record, count))
            finally:
                runner.run(stack.aclose())

    def key(self) -> str:
        """A new API key that may submit."""
        return asyncio.run(self._key())

    @asynccontextmanager
    async def store(self, connections: int = 2) -> AsyncIterator[Store]:
        store = Store.open(self.servers.dsn(), pool_size=connections, application_name="bench")
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def dispatch(self) -> AsyncIterator[Dispatch]:
        dispatch = Dispatch.open(self.servers.redis_url)
        try:
            yield dispatch
        finally:
            await dispatch.close()

    def _environment(self, **settings: str) -> dict[str, str]:
        given = {
            "DATABASE_URL": self.servers.dsn(),
            "REDIS_URL": self.servers.redis_url,
            "JOBS": JOBS,
            "HANDLERS": HANDLERS,
            "METRICS_PORT": "0",
            **settings,
        }
        return {f"CORRAL_{name}": value for name, value in given.items()}

    async def _register(self) -> None:
        async with self.store() as store:
            limits = [declaration_of(one) for one in _catalog().limits.values()]
            await store.registration.register(records(), limits=limits)

    async def queue(self, count: int, type_name: str) -> None:
        """The same as `seed`, for callers that have a loop."""
        record = next(record for record in records() if record.name == type_name)
        async with self.store() as store, self.dispatch() as dispatch:
            await _queue(store, dispatch, record, count)

    async def _key(self) -> str:
        async with self.store() as store:
            secret, _ = await KeyActions(store).create("bench", Role.OPERATOR, actor="bench")
            return secret


async def _queue(store: Store, dispatch: Dispatch, record: TypeRecord, count: int) -> None:
    for first in range(0, count, CHUNK):
        jobs = [new_job(record, number) for number in range(first, min(first + CHUNK, count))]
        await store.jobs.insert(jobs)
        await dispatch.lanes.enqueue(
            Entry(Lane(job.queue, job.priority), job.id) for job in jobs if job.limits is None
        )
        groups = Counter((Lane(job.queue, job.priority), job.limits.group) for job in jobs if job.limits)
        if groups:
            await dispatch.rings.join(groups)


def records() -> list[TypeRecord]:
    """The shipped job types and those of the benchmarks."""
    return _catalog().records()


def _catalog() -> Catalog:
    return Catalog.load(declaring_modules([JOBS], demo=True))


def new_job(record: TypeRecord, number: int, id_: UUID | None = None) -> NewJob:
    """A job of that type as the publisher would resolve it; of its limits it takes one of the total."""
    options = record.parsed_options
    uses = uses_of(options.queue, options.priority, map(LimitUse, options.limits))
    fields = {"id": id_} if id_ else {}
    return job_of(record.name, options, {"number": number}, tags=options.tags, limits=uses, **fields)


def job_of(name: str, options: Options, payload: Any, **fields: Any) -> NewJob:
    """A job of that type with these options, as the publisher would resolve it, and with more `fields`."""
    plain = {
        "id": new_id(),
        "type": name,
        "queue": options.queue,
        "priority": options.priority,
        "payload": json.dumps(payload),
        "retries": options.retries,
        "timeout": options.timeout,
        "max_stalls": options.max_stalls,
    }
    return NewJob(**(plain | fields))
