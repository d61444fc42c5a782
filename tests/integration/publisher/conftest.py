"""A publisher in this process, and one in processes of its own; keys of each role; job types of these tests."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from tests.fixtures import programs
from tests.fixtures.local_system import own_port
from tests.fixtures.process import Process
from tests.fixtures.servers.servers import Databases
from tests.fixtures.waiting import START, eventually
from tests.integration.publisher.page import client_of, signed_in

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.catalog import job_type
from corral.catalog.record import TypeRecord, record_of
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.job.job import Claimed
from corral.job.limit_use import group_of
from corral.job.outcome import Finished, Succeeded
from corral.settings import Settings
from corral.store import Store
from corral_jobs import demo
from corral_local.servers.valkey import EmbeddedValkey
from corral_publisher.app import create_app
from corral_publisher.responses.waiters import READ_SECONDS
from corral_publisher.services import PublisherServices
from corral_testing.values import worker_record


class Letter(BaseModel):
    """A payload with something of everything."""

    model_config = ConfigDict(extra="forbid")

    to: str
    pages: int = 1
    weights: list[float] = []
    inside: dict[str, Any] = {}


letter = job_type(
    "test.letter",
    payload=Letter,
    queue="post",
    queues=["express"],
    retries=2,
    timeout=60,
    tags=["paper"],
    search=["to", "pages"],
)
anything = job_type("test.anything", queue="post")
RECORDS: list[TypeRecord] = [record_of(one) for one in (letter, anything, demo.echo, demo.sleep, demo.fail)]


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        maintenance_enabled=False,
        max_payload_bytes=100_000,
        max_body_bytes=2_000_000,
        body_timeout=5,
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """The database as the test sees it, with the job types registered."""
    opened = Store.open(settings.database_url, pool_size=3, application_name="test")
    await opened.types.register(RECORDS)
    yield opened
    await opened.close()


@pytest.fixture
async def keys(store: Store) -> dict[Role, str]:
    """A key of each role; its name is the role's."""
    made = KeyActions(store)
    return {role: (await made.create(role.value, role, actor="test"))[0] for role in Role}


@pytest.fixture
async def app(request: pytest.FixtureRequest, settings: Settings, store: Store) -> AsyncIterator[FastAPI]:
    """A publisher that is ready; its parameter are the seconds after which it looks at rows without an event."""
    read_seconds = getattr(request, "param", READ_SECONDS)
    made = create_app(settings, opened=partial(PublisherServices, read_seconds=read_seconds))
    async with made.router.lifespan_context(made):
        assert made.state.services.unready is None
        yield made


@pytest.fixture
async def api(app: FastAPI, keys: dict[Role, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """An operator."""
    async with client_of(app, keys[Role.OPERATOR]) as client:
        yield client


@pytest.fixture
async def admin(app: FastAPI, keys: dict[Role, str]) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app, keys[Role.ADMIN]) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Nobody: no key, no cookie."""
    async with client_of(app, None) as client:
        yield client


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """Signed in as an operator called ann, through a link."""
    async with signed_in(app, store, Role.OPERATOR) as client:
        yield client


@dataclass
class Hand:
    """A worker by hand: it claims and finishes when told to, through the store."""

    store: Store
    id: UUID

    async def claim(self, *ids: str | UUID) -> int:
        """The attempt of the last one."""
        types = [record.name for record in await self.store.types.all()]
        wanted = [UUID(str(one)) for one in ids]
        answer = await self.store.claims.claim(self.id, uuid4(), wanted, types, alone=False)
        assert len(answer.claimed) == len(ids), answer
        return answer.claimed[-1].attempt

    async def complete(self, job: str | UUID, result: str | None = '"done"') -> None:
        attempt = await self.claim(job)
        await self.store.attempts.finish(self.id, [Finished(UUID(str(job)), attempt, Succeeded(result))])


@pytest.fixture
async def hand(store: Store) -> Hand:
    return await make_hand(store)


async def make_hand(store: Store, **fields: Any) -> Hand:
    plain = {
        "name": "hand",
        "queues": ("post", "express", "demo"),
        "types": tuple(record.name for record in RECORDS),
        "slots": {"async": 2},
    }
    worker = worker_record(**(plain | fields))
    await store.workers.register(worker)
    return Hand(store, worker.id)


async def count(store: Store) -> int:
    """How many jobs there are."""
    return len((await store.jobs.page(limit=10_000)).items)


Submit = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def submit(api: httpx2.AsyncClient) -> Submit:
    """Submit and expect 201."""

    async def submit(type: str = "test.anything", payload: Any = None, **fields: Any) -> dict[str, Any]:
        answer = await api.post("/api/v1/jobs", json={"type": type, "payload": payload} | fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return submit


class Publisher(Process):
    """`python -m corral_publisher` in processes of its own."""

    MODULE = "corral_publisher"

    def __init__(self, settings: Settings, folder: Path, **env: str) -> None:
        self.port, self.metrics_port = own_port(), own_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = programs.environment(
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            port=self.port,
            metrics_port=self.metrics_port,
            web_workers=1,
            maintenance_enabled=False,
            grace=30,
            log_format="json",
        )
        log = folder / f"publisher-{self.port}.log"
        super().__init__(self.MODULE, environment=environment | env, log=log, folder=Path.cwd())

    def get(self, path: str, port: int | None = None) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{port or self.port}{path}", timeout=60, verify=NO_AUTHORITIES)

    def wait_until_ready(self) -> None:
        eventually(self._ready, timeout=START, ignoring=(httpx2.TransportError,))

    def wait_until_answering(self) -> None:
        eventually(lambda: self.get("/healthz").is_success, timeout=START, ignoring=(httpx2.TransportError,))

    def stop(self) -> tuple[int, str]:
        """Have it end; exit code and output."""
        self.send(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; exit code and output."""
        return self.wait(), self.output

    def _ready(self) -> bool:
        if not self.alive:
            raise RuntimeError("ended with {}: {}".format(*self.ended()))
        return self.get("/readyz").is_success


@contextmanager
def running(settings: Settings, folder: Path, **env: str) -> Iterator[Publisher]:
    """A publisher from ready to stopped."""
    made = Publisher(settings, folder, **env)
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def shared_settings(
    databases: Databases, migrated_template: str, valkey_server: EmbeddedValkey
) -> Iterator[Settings]:
    """A database for all tests of a module."""
    with databases.copy(migrated_template) as url:
        yield Settings(database_url=url, redis_url=valkey_server.url)


@pytest.fixture(scope="module")
def shared_publisher(
    shared_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Publisher]:
    """One publisher for all tests of a module: starting one takes seconds on a busy machine."""
    with running(shared_settings, tmp_path_factory.mktemp("publisher")) as made:
        yield made


@pytest.fixture
def make_publisher(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Publisher]]:
    """Starts publishers; the test's end stops them."""
    started: list[Publisher] = []

    def make(**env: str) -> Publisher:
        started.append(Publisher(settings, tmp_path, **env))
        return started[-1]

    yield make
    for one in started:
        one.end()


@pytest.fixture
def publisher(make_publisher: Callable[..., Publisher], store: Store) -> Publisher:
    """A publisher behind a real port, ready."""
    made = make_publisher()
    made.wait_until_ready()
    return made


async def claim_of_limits(store: Store, worker: UUID, job: UUID, take: int = 1) -> list[Claimed]:
    """Claim the oldest jobs of the group in which a job waits for its limits; nothing where it has none."""
    limits = [one.name for one in await store.limit_claims.limits_of(job)]
    found = await store.jobs.get(job)
    if not limits or found is None:
        return []
    groups = {group_of(found.queue, found.priority, limits): take}
    return (await store.limit_claims.claim(worker, uuid4(), groups, [found.type], alone=False)).claimed
