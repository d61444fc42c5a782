"""Whatever is accepted can be read back by every reader; whatever is refused is stored by nobody."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.integration.publisher.conftest import RECORDS
from tests.integration.publisher.page import client_of

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app
from corral_publisher.routes.events import _one

DIGITS = st.text("0123456789", min_size=1, max_size=30).map(lambda text: text.lstrip("0") or "0")
NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    DIGITS,
    st.just("") | DIGITS.map(".{}".format),
    st.sampled_from(["", "e5", "E-3", "e400", "e-400", "e+307"]),
)
"""JSON numbers as anybody may write them."""
TEXTS = st.text(max_size=5).map(json.dumps) | st.sampled_from(
    ['"\\ud800"', '"\\u0000"', '"\\\\u0000"', '"\\udc00\\ud800"']
)
PAYLOADS = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["null", "true", "NaN", "-Infinity", "[" * 70 + "]" * 70]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(TEXTS, inner), max_size=3).map(
            lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items) + "}"
        )
    ),
    max_leaves=6,
)
ZONES = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EDGES = st.sampled_from(
    ["0001-01-01T00:00:00", "0001-01-01T14:00:00", "9999-12-31T23:59:59", "9999-12-31T23:59:59.999999"]
).map(datetime.fromisoformat)
MOMENTS = st.builds(
    lambda moment, zone: moment.replace(tzinfo=zone).isoformat(), EDGES | st.datetimes(), ZONES
)
SECONDS = st.sampled_from(
    ["0", "1", "0.5", "1e308", "1e400", "NaN", "Infinity", "-1", "31622400", "31622401", "1" * 400]
)
OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "run_at": (
        MOMENTS | st.sampled_from(["infinity", "-infinity", "10000-01-01T00:00:00Z", "now", "20300101"])
    ).map(json.dumps),
    "delay": SECONDS,
    "timeout": SECONDS,
    "expires_in": SECONDS,
    "retries": st.sampled_from(["0", "1000", "1001", "-1", "0.5", "1e3", "1" * 400]),
    "priority": st.sampled_from(['"high"', '"urgent"', '""']),
    "queue": st.sampled_from(['"post"', '"nowhere"', '"a.b"', '"\\u0000"']),
    "tags": st.lists(TEXTS, max_size=2).map(lambda tags: f"[{','.join(tags)}]"),
}
BODIES = st.tuples(
    PAYLOADS, st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.none(), max_size=2)
).flatmap(
    lambda drawn: st.fixed_dictionaries(
        {"payload": st.just(drawn[0])} | {name: OPTIONS[name] for name in drawn[1]}
    )
)


class Readers:
    """A publisher in this process, and everybody who reads of it."""

    def __init__(
        self, app: FastAPI, store: Store, api: httpx2.AsyncClient, browser: httpx2.AsyncClient
    ) -> None:
        self.app, self.store, self.api, self.browser = app, store, api, browser

    async def count(self) -> int:
        return int((await self.store.database.run("SELECT count(*) FROM corral.jobs"))[0][0])

    async def check(self, body: str, payload: str) -> None:
        before = await self.count()
        answer = await self.api.post("/api/v1/jobs", content=body.encode())
        event(f"answered {answer.status_code}")
        if answer.status_code != 201:
            assert answer.status_code in (400, 422), answer.text
            assert answer.json()["errors"]
            assert await self.count() == before
            return
        assert await self.count() == before + 1
        made = answer.json()
        one = await self.api.get(f"/api/v1/jobs/{made['id']}")
        for read in (answer, one, await self.event(made["id"]), await self.listed(made["id"])):
            text = read if isinstance(read, str) else read.text
            told = json.loads(text, parse_float=Decimal, parse_constant=never)
            assert told["unreadable"] == {}
            if "payload" in told:  # an event leaves it out
                assert told["payload"] == (
                    json.loads(payload, parse_float=Decimal) or ({} if payload == "null" else told["payload"])
                )
            if told["run_at"] is not None:
                assert told["run_at"] == made["run_at"]
        for path in (f"/jobs/{made['id']}", "/jobs", "/"):
            page = await self.browser.get(path)
            assert page.status_code == 200, page.text
            assert made["id"] in page.text

    async def listed(self, job_id: str) -> str:
        answer = await self.api.get("/api/v1/jobs?limit=1")
        assert answer.status_code == 200, answer.text
        (item,) = json.loads(answer.text, parse_float=lambda text: text)["items"]
        assert item["id"] == job_id
        assert item["omitted"] == []
        return answer.text.removeprefix('{"items":[').rpartition("],")[0]

    async def event(self, job_id: str) -> str:
        services = self.app.state.services
        job = await services.store.jobs.get(UUID(job_id))
        stream = _one(services, job, None)
        told = (await anext(stream)).decode()
        await stream.aclose()
        return "\n".join(
            line.removeprefix("data: ") for line in told.splitlines() if line.startswith("data: ")
        )


def never(constant: str) -> None:
    raise AssertionError(constant)


@pytest.fixture
def readers(settings: Settings) -> Iterator[tuple[asyncio.Runner, Readers]]:
    async def opened() -> tuple[Any, ...]:
        store = Store.open(settings.database_url, pool_size=2, application_name="test")
        await store.types.register(RECORDS)
        key, _ = await KeyActions(store).create("ann", Role.OPERATOR, actor="test")
        link = await SignIn(store).create_link("ann", Role.OPERATOR)
        app = create_app(settings)
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        api, browser = client_of(app, key), client_of(app, None)
        browser.headers["Accept"] = "text/html"
        assert (await browser.post(f"/sign-in/{link}")).status_code == 303
        return lifespan, Readers(app, store, api, browser)

    async def closed(lifespan: Any, readers: Readers) -> None:
        await readers.api.aclose()
        await readers.browser.aclose()
        await lifespan.__aexit__(None, None, None)
        await readers.store.close()

    with asyncio.Runner() as runner:
        made = runner.run(opened())
        yield runner, made[1]
        runner.run(closed(*made))


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=BODIES)
def test_what_is_accepted_is_read_back_by_everybody_and_what_is_refused_is_not_stored(
    readers: tuple[asyncio.Runner, Readers], body: dict[str, str]
):
    runner, reading = readers
    fields = {"type": '"test.anything"'} | body
    text = "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
    runner.run(reading.check(text, body["payload"]))
