"""Server-sent events over a real connection: one job, everything, resuming, gaps, and clients that leave."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from httpx2 import EventSource, ServerSentEvent
from structlog.testing import capture_logs
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import Hand, Publisher
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.dispatch import Dispatch
from corral.dispatch.event import JobsChanged, Progressed
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.job.outcome import Finished, Succeeded
from corral.settings import Settings
from corral.store import Progress, Store
from corral.store.attempts.logs import NewLogLine
from corral_publisher.app import create_app
from corral_publisher.responses.broadcast import FRAME_SECONDS


@pytest.fixture
def settings(shared_settings: Settings) -> Settings:
    return shared_settings


@pytest.fixture
def publisher(shared_publisher: Publisher) -> Publisher:
    return shared_publisher


@pytest.fixture
async def api(publisher: Publisher, keys: dict[Role, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """An operator at the real port."""
    headers = {"Authorization": f"Bearer {keys[Role.OPERATOR]}"}
    async with httpx2.AsyncClient(
        base_url=publisher.url, headers=headers, timeout=60, verify=NO_AUTHORITIES
    ) as client:
        yield client


@asynccontextmanager
async def stream(
    api: httpx2.AsyncClient, path: str, last: str | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    headers = {"Last-Event-ID": last} if last else {}
    async with api.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield aiter(EventSource(response))


async def until(events: AsyncIterator[ServerSentEvent], name: str) -> tuple[list[ServerSentEvent], Any]:
    """Events up to the next one of that name, and its data."""
    seen = []
    async for event in events:
        seen.append(event)
        if event.event == name:
            return seen, json.loads(event.data)
    raise AssertionError(f"the stream ended before {name}: {seen}")


async def until_told(events: AsyncIterator[ServerSentEvent], job_id: UUID) -> list[ServerSentEvent]:
    """Events up to the end of the frame that tells of the job; the last one has that frame's id.

    The publisher is that of all tests here: the frame with what an earlier test caused may come first.
    """
    seen: list[ServerSentEvent] = []
    async for event in events:
        assert event.event != "gap", "events were lost"
        ends_frame = event.id != (seen[-1].id if seen else "")
        seen.append(event)
        if ends_frame and job_id in ids_of(seen):
            return seen
    raise AssertionError(f"the stream ended before it told of {job_id}: {seen}")


def ids_of(events: list[ServerSentEvent]) -> set[UUID]:
    return {
        UUID(job_id) for event in events if event.event == "jobs" for job_id in json.loads(event.data)["ids"]
    }


async def submit(api: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await api.post("/api/v1/jobs", json={"type": "test.anything"} | fields)).json()
    return made


async def test_a_job_is_followed_to_its_end(
    api: httpx2.AsyncClient, hand: Hand, store: Store, dispatch: Dispatch
):
    job = await submit(api, payload={"secret": "x" * 1000})
    job_id = UUID(job["id"])
    async with stream(api, f"/api/v1/jobs/{job_id}/events") as events:
        _, first = await until(events, "job")
        assert (first["state"], "payload" in first) == ("queued", False)
        attempt = await hand.claim(job_id)
        await store.attempts.progress([Progress(job_id, attempt, 40, "half")])
        await dispatch.events.publish(Progressed(job_id, 40, "half"))
        _, running = await until(events, "job")
        if not running["progress"]:  # it was looked at in between
            _, running = await until(events, "job")
        assert (running["state"], running["progress"], running["progress_message"]) == ("running", 40, "half")
        lines = [NewLogLine(job_id, attempt, datetime.now(UTC), f"line {n}") for n in range(3)]
        await store.attempts.append_logs(lines)
        await store.attempts.finish(hand.id, [Finished(job_id, attempt, Succeeded('{"n": 1}'))])
        await dispatch.events.publish(JobsChanged("completed", (job_id,)))
        seen, _ = await until(events, "end")
        assert [json.loads(event.data)["text"] for event in seen if event.event == "log"] == [
            "line 0",
            "line 1",
            "line 2",
        ]
        assert [json.loads(event.data)["result"] for event in seen if event.event == "job"] == [{"n": 1}]
        assert [event async for event in events] == []


async def test_a_job_is_followed_without_any_event(api: httpx2.AsyncClient, hand: Hand):
    """Redis may lose every hint: the row is the truth."""
    job = await submit(api)
    async with stream(api, f"/api/v1/jobs/{job['id']}/events") as events:
        await until(events, "job")
        await hand.complete(job["id"])
        seen, _ = await until(events, "end")
        states = [json.loads(event.data)["state"] for event in seen if event.event == "job"]
        assert states in (["completed"], ["running", "completed"])  # it may be looked at in between


async def test_a_follower_that_comes_back_goes_on_where_it_was(
    api: httpx2.AsyncClient, hand: Hand, store: Store
):
    job = await submit(api)
    job_id = UUID(job["id"])
    attempt = await hand.claim(job_id)

    async def log(*texts: str) -> None:
        await store.attempts.append_logs(
            [NewLogLine(job_id, attempt, datetime.now(UTC), text) for text in texts]
        )

    await log("one", "two")
    async with stream(api, f"/api/v1/jobs/{job_id}/events") as events:
        seen, _ = await until(events, "job")
        last = seen[-1].id
    await log("three")
    async with stream(api, f"/api/v1/jobs/{job_id}/events", last) as events:
        seen, line = await until(events, "log")
        assert line["text"] == "three"
        assert [event.event for event in seen] == ["log"], "the row had not changed"


@pytest.mark.parametrize("last", ["x", "-", "1-2-3", "99999999999999999999-1", "\u00bd-1"])
async def test_a_strange_last_event_id_begins_anew(api: httpx2.AsyncClient, last: str):
    job = await submit(api)
    headers = {"Last-Event-ID": last.encode("latin-1")}
    async with api.stream("GET", f"/api/v1/jobs/{job['id']}/events", headers=headers) as response:
        _, first = await until(aiter(EventSource(response)), "job")
        assert first["id"] == job["id"]


async def test_everything_is_told_in_few_frames(api: httpx2.AsyncClient, dispatch: Dispatch):
    ids = [uuid4() for _ in range(200)]
    async with stream(api, "/api/v1/events") as events:
        began = time.monotonic()
        for job_id in ids:
            await dispatch.events.publish(JobsChanged("queued", (job_id,)), Progressed(job_id, 1, None))
        for percent in range(100):
            await dispatch.events.publish(Progressed(ids[0], percent, "m"))
        told: set[str] = set()
        progress: dict[str, int] = {}
        frames: set[str] = set()
        async for event in events:
            data = json.loads(event.data)
            frames.add(event.id)
            if event.event == "jobs":
                told |= set(data["ids"])
            elif event.event == "progress":
                progress[data["id"]] = data["progress"]
            if told >= {str(job_id) for job_id in ids} and progress.get(str(ids[0])) == 99:
                break
    # Three a second, however long a busy machine takes over it; one begins before, and one ends after.
    assert len(frames) <= (time.monotonic() - began) / FRAME_SECONDS + 2
    assert len(frames) < len(ids) / 10


async def test_who_comes_back_in_time_misses_nothing(api: httpx2.AsyncClient, dispatch: Dispatch):
    first, second = uuid4(), uuid4()
    async with stream(api, "/api/v1/events") as keeper:  # frames are made while somebody reads
        async with stream(api, "/api/v1/events") as events:
            await dispatch.events.publish(JobsChanged("queued", (first,)))
            seen = await until_told(events, first)
        await until_told(keeper, first)
        await dispatch.events.publish(JobsChanged("failed", (second,)))
        missed = await until_told(keeper, second)
        async with stream(api, "/api/v1/events", seen[-1].id) as events:
            told = await until_told(events, second)
        assert [(one.id, one.event, one.data) for one in told] == [
            (one.id, one.event, one.data) for one in missed
        ]
        assert first not in ids_of(missed)


async def test_who_comes_back_too_late_is_told_of_the_gap(api: httpx2.AsyncClient):
    async with stream(api, "/api/v1/events", "0000-5") as events:
        seen, _ = await until(events, "gap")
        assert len(seen) == 1


async def test_streams_of_clients_that_left_are_cleaned_up(
    api: httpx2.AsyncClient, publisher: Publisher, store: Store
):
    job = await submit(api)

    async def connections() -> int:
        text = publisher.get("/metrics", publisher.metrics_port).text
        (line,) = [line for line in text.splitlines() if line.startswith("corral_http_streams ")]
        return int(float(line.split()[1]))

    for path in (f"/api/v1/jobs/{job['id']}/events", "/api/v1/events"):
        async with stream(api, path), stream(api, path):

            async def both() -> bool:
                return await connections() == 2

            await eventually_async(both)

        async def none() -> bool:
            return await connections() == 0

        await eventually_async(none)


class Sent:
    """What an application has sent so far: httpx2 hands over a body only when it is whole."""

    def __init__(self) -> None:
        self.status, self.body, self.ended = 0, b"", False

    async def take(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        self.ended = not message.get("more_body", True)

    async def stay(self) -> dict[str, Any]:
        """The client does not go away."""
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_stream_ends_in_order_when_postgres_goes_away(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    """The client comes back by itself; the log gets a line and no traceback."""
    with Proxy(settings.database_url) as proxy:
        app = create_app(Settings(**(settings.__dict__ | {"database_url": proxy.url})))
        async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
            job = await submit(api)
            sent = Sent()
            scope = {
                "type": "http",
                "method": "GET",
                "path": f"/api/v1/jobs/{job['id']}/events",
                "query_string": b"",
                "headers": [(b"authorization", f"Bearer {keys[Role.OPERATOR]}".encode())],
            }
            following = asyncio.create_task(app(scope, sent.stay, sent.take))
            await eventually_async(lambda: b"event: job" in sent.body)
            with capture_logs() as logs:
                proxy.cut()
                await following
            assert sent.status == 200
            assert sent.ended
            events = {line["event"] for line in logs}
            assert "stream.broken" in events
            assert "request.failed" not in events
