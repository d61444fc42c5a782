"""A publisher, a worker and a collector of traces, each a process of its own."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.fixtures import programs
from tests.fixtures.local_system import own_port
from tests.fixtures.process import Process
from tests.fixtures.servers.collector import Collected, collected
from tests.fixtures.waiting import START, eventually, eventually_async
from tests.integration.outgoing.server import Server, listening
from tests.integration.publisher.conftest import Publisher
from tests.integration.worker.system import System, WorkerProcess, running_system

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.catalog import Catalog
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.job.state import State
from corral.settings import Settings

JOBS = "tests.integration.tracing.traced_jobs"
HOST = "127.0.0.1"
ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED)


class Collector:
    """The collector's process; started when it is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "spans"
        self.port = own_port()
        self.process: Process | None = None

    def start(self, *how: str) -> None:
        self.process = Process(
            "tests.fixtures.servers.collector", str(self.port), str(self._file), *how,
            environment=programs.environment() | programs.OF_TESTS, log=self._folder / "collector.log",
        )  # fmt: skip
        eventually(self._answers, timeout=START, ignoring=(httpx2.TransportError,))

    def _answers(self) -> bool:
        url = f"http://{HOST}:{self.port}/"
        return httpx2.get(url, verify=NO_AUTHORITIES, timeout=60).status_code == 501

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process = None

    @property
    def environment(self) -> dict[str, str]:
        """For programs that send their spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def spans(self, *names: str) -> list[Collected]:
        """All spans, or those of these names, in the order of their start."""
        found = sorted(collected(self._file), key=lambda span: span.start)
        return [span for span in found if span.name in names or not names]

    async def until(self, *names: str, count: int = 1) -> list[Collected]:
        """Wait until there are so many spans of each of these names; all spans of these traces."""

        def there() -> bool:
            found = [span.name for span in self.spans()]
            assert all(found.count(name) >= count for name in names), found
            return True

        await eventually_async(there, timeout=60)
        return self.spans()


class Traced:
    """What a test speaks to."""

    def __init__(self, system: System, collector: Collector, publisher: Publisher, key: str) -> None:
        self.system, self.collector, self.publisher, self._key = system, collector, publisher, key

    async def worker(self, *, rig: Mapping[str, str] | None = None, **settings: Any) -> WorkerProcess:
        """A worker that is ready; `rig` are further variables of its environment."""
        environment = self.collector.environment | dict(rig or {})
        return await self.system.ready(
            rig=environment, handlers=JOBS, outgoing_allow=f"{HOST}/32", heartbeat=0.2, **settings
        )

    def submit(self, name: str, *, trace: str | None = None, **payload: Any) -> UUID:
        """Submit a job over HTTP."""
        return self.submit_many(name, [payload], trace=trace)[0]

    def submit_many(
        self, name: str, payloads: Sequence[dict[str, Any]], *, trace: str | None = None
    ) -> list[UUID]:
        headers = {"Authorization": f"Bearer {self._key}"} | ({} if trace is None else {"traceparent": trace})
        jobs = [{"type": name, "payload": payload} for payload in payloads]
        path, body = ("/jobs", jobs[0]) if len(jobs) == 1 else ("/jobs/bulk", {"jobs": jobs})
        answer = httpx2.post(
            f"{self.publisher.url}/api/v1{path}",
            json=body,
            headers=headers,
            verify=NO_AUTHORITIES,
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        told = answer.json()
        return [UUID(one["id"]) for one in told.get("jobs", [told])]

    async def until_ended(self, *jobs: UUID) -> list[State]:
        return [(await self.system.state(job, *ENDED)).state for job in jobs]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(tmp_path)
    yield made
    made.kill()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """The outside, which jobs call."""
    async with listening(HOST) as server:
        yield server


@pytest.fixture
async def traced(
    database_url: str, redis_url: str, tmp_path: Path, collector: Collector
) -> AsyncIterator[Traced]:
    """A publisher that sends its spans to the collector, whether or not that runs; no worker yet."""
    async with running_system(database_url, redis_url, tmp_path) as system:
        await system.store.registration.register(Catalog.load([JOBS]).records())
        key, _ = await KeyActions(system.store).create("ann", Role.OPERATOR, actor="test")
        settings = Settings(database_url=database_url, redis_url=redis_url)
        publisher = Publisher(settings, tmp_path, CORRAL_MAINTENANCE_ENABLED="true", **collector.environment)
        try:
            publisher.wait_until_ready()
            yield Traced(system, collector, publisher, key)
        finally:
            publisher.end()


Publishers = Callable[..., Publisher]


@pytest.fixture
def make_publishers(traced: Traced, collector: Collector, tmp_path: Path) -> Iterator[Publishers]:
    """Starts further publishers, ready in all their processes."""
    started: list[Publisher] = []

    def make(**environment: str) -> Publisher:
        settings = Settings(database_url=traced.system.database_url, redis_url=traced.system.redis_url)
        made = Publisher(settings, tmp_path, **collector.environment, **environment)
        started.append(made)
        wanted = int(environment["CORRAL_WEB_WORKERS"])
        eventually(lambda: len(made.events("publisher.ready")) == wanted, timeout=START)
        return made

    yield make
    for one in started:
        one.end()


@pytest.fixture
def free_port() -> int:
    return own_port()
