"""Unique jobs over HTTP: what is answered about duplicates, one by one, in bulks and with idempotency keys."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from pydantic import BaseModel
from tests.integration.publisher.conftest import Hand

from corral.catalog import Unique, job_type
from corral.catalog.record import record_of
from corral.store import Store


class Entry(BaseModel):
    """An entry of a feed."""

    source: str = "s"
    guid: str
    text: str = ""


BY = ["source", "guid"]
TYPES = [
    job_type("test.entry", payload=Entry, queue="post", unique=Unique(by=BY)),
    job_type("test.refused", payload=Entry, queue="post", unique=Unique(by=BY, on_duplicate="refuse")),
    job_type(
        "test.debounced",
        payload=Entry,
        queue="post",
        unique=Unique(by="guid", on_duplicate="replace", quiet=20, max_wait=60),
    ),
    job_type(
        "test.newest", payload=Entry, queue="post", unique=Unique(by="guid", on_duplicate="keep-latest")
    ),
]


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
async def types(store: Store) -> None:
    await store.types.register([record_of(one) for one in TYPES])


def entry(kind: str = "entry", guid: str = "1", **more: Any) -> dict[str, Any]:
    payload = {"guid": guid} | {name: more.pop(name) for name in ("text", "source") if name in more}
    return {"type": f"test.{kind}", "payload": payload} | more


async def test_a_duplicate_answers_the_job_that_holds_the_key(api: httpx2.AsyncClient, hand: Hand):
    first = await api.post("/api/v1/jobs", json=entry())
    again = await api.post("/api/v1/jobs", json=entry(source="s", text="another text"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["unique_key"] == "s#1"
    told = again.json()
    assert (told["id"], told["deduplicated"], told["unique_key"]) == (first.json()["id"], "existing", "s#1")
    assert told["rule"] == "existing, by source and guid, while live"
    assert told["job"] == (await api.get(again.headers["location"])).json() == first.json()
    waited = await api.post("/api/v1/jobs?wait=0.05", json=entry())
    assert (waited.status_code, waited.json()["state"]) == (202, "queued")
    await hand.complete(told["id"])
    assert (await api.post("/api/v1/jobs", json=entry())).status_code == 201


async def test_a_refused_duplicate_is_409_and_names_the_holder(api: httpx2.AsyncClient):
    first = (await api.post("/api/v1/jobs", json=entry("refused"))).json()
    refused = await api.post("/api/v1/jobs", json=entry("refused"))
    told = refused.json()
    assert (refused.status_code, told["type"]) == (409, "urn:corral:problem:duplicate")
    assert (told["deduplicated"], told["job"], told["unique_key"]) == ("refused", {"id": first["id"]}, "s#1")
    bulk = {"jobs": [entry(), entry("refused", "2"), entry("refused")]}
    whole = await api.post("/api/v1/jobs/bulk", json=bulk)
    assert (whole.status_code, whole.json()["errors"][0]["pointer"]) == (409, "/jobs/2")
    partly = (await api.post("/api/v1/jobs/bulk?partial=true", json=bulk)).json()
    assert (partly["accepted"], partly["refused"], partly["deduplicated"]) == (2, 1, {"refused": 1})
    assert [item.get("deduplicated") for item in partly["jobs"]] == [None, None, "refused"]
    assert partly["jobs"][2]["id"] == first["id"]


async def test_ten_thousand_with_half_of_them_duplicates(api: httpx2.AsyncClient, sql: psycopg.Connection):
    bulk = {"jobs": [entry(guid=str(at % 5000)) for at in range(10_000)]}
    told = (await api.post("/api/v1/jobs/bulk", json=bulk, timeout=60)).json()
    assert (told["accepted"], told["refused"], told["deduplicated"]) == (10_000, 0, {"existing": 5000})
    ids = [item["id"] for item in told["jobs"]]
    assert ids[:5000] == ids[5000:]
    assert len(set(ids)) == 5000
    assert Counter(item.get("deduplicated") for item in told["jobs"]) == {None: 5000, "existing": 5000}
    assert sql.execute("SELECT count(*), count(unique_key) FROM corral.jobs").fetchone() == (5000, 5000)


async def test_a_hundred_clients_race_for_one_key(api: httpx2.AsyncClient):
    """In one commit or in several, beside others that have no key."""
    plain = {"type": "test.anything"}
    answers = await asyncio.gather(
        *(api.post("/api/v1/jobs", json=one) for _ in range(100) for one in (entry(), plain))
    )
    keyed, others = answers[::2], answers[1::2]
    assert sorted(one.status_code for one in keyed) == [200] * 99 + [201]
    assert len({one.json()["id"] for one in keyed}) == 1
    assert {one.status_code for one in others} == {201}


async def test_a_key_that_an_open_transaction_holds_is_503(api: httpx2.AsyncClient, sql: psycopg.Connection):
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(
            "INSERT INTO corral.unique_keys (key, holder, newest)"
            " VALUES ('test.entry:s#1', gen_random_uuid(), gen_random_uuid())"
        )
        other, held = await asyncio.gather(
            api.post("/api/v1/jobs", json=entry(guid="2")), api.post("/api/v1/jobs", json=entry())
        )
        holder.rollback()
    assert (other.status_code, held.status_code) == (201, 503)
    assert "unique key" in held.json()["detail"]
    assert held.headers["retry-after"]


async def test_a_debounced_job_waits_and_takes_the_last_payload(api: httpx2.AsyncClient):
    first = (await api.post("/api/v1/jobs", json=entry("debounced", text="one"))).json()
    assert first["state"] == "scheduled"
    told = (await api.post("/api/v1/jobs", json=entry("debounced", text="two"))).json()
    assert (told["id"], told["deduplicated"]) == (first["id"], "replaced")
    assert told["job"]["payload"]["text"] == "two"
    assert told["job"]["run_at"] > first["run_at"]


async def test_the_newest_waits_and_why_says_for_whom(api: httpx2.AsyncClient, hand: Hand):
    first = (await api.post("/api/v1/jobs", json=entry("newest"))).json()
    await hand.claim(first["id"])
    second = (await api.post("/api/v1/jobs", json=entry("newest", text="two"))).json()
    assert second["state"] == "blocked"
    (cause,) = [
        one
        for one in (await api.get(f"/api/v1/jobs/{second['id']}/why")).json()["causes"]
        if one["code"] == "unique-key"
    ]
    assert first["id"] in cause["message"]
    told = (await api.post("/api/v1/jobs", json=entry("newest", text="three"))).json()
    assert (told["id"], told["deduplicated"]) == (second["id"], "replaced")


async def test_a_submission_may_bring_a_key(api: httpx2.AsyncClient):
    plain = {"type": "test.anything", "payload": 1, "unique_key": "a#b"}
    first = (await api.post("/api/v1/jobs", json=plain)).json()
    told = (await api.post("/api/v1/jobs", json=plain | {"payload": 2})).json()
    assert (told["id"], told["rule"]) == (first["id"], "existing, by a key of its own, while live")
    own = (await api.post("/api/v1/jobs", json=entry(guid="9", unique_key="s#1"))).json()
    assert (await api.post("/api/v1/jobs", json=entry())).json()["id"] == own["id"]
    for wrong in ("", "x" * 401, "a\nb"):
        refused = await api.post("/api/v1/jobs", json=plain | {"unique_key": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/unique_key")


async def test_idempotency_and_unique_keys_go_together(api: httpx2.AsyncClient):
    first = (await api.post("/api/v1/jobs", json=entry())).json()
    other = await api.post("/api/v1/jobs", json=entry(), headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["deduplicated"]) == (200, "existing")
    replayed = await api.post("/api/v1/jobs", json=entry(), headers={"Idempotency-Key": "k"})
    assert (replayed.status_code, replayed.json()["id"]) == (200, first["id"])
    await api.post("/api/v1/jobs", json=entry("refused"))
    refused = await api.post("/api/v1/jobs", json=entry("refused"), headers={"Idempotency-Key": "r"})
    assert refused.status_code == 409


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "b"}], ids=["plain", "keyed"])
async def test_a_bulk_of_nothing_but_duplicates_made_no_job(api: httpx2.AsyncClient, headers: dict[str, str]):
    await api.post("/api/v1/jobs", json=entry())
    bulk = await api.post("/api/v1/jobs/bulk", json={"jobs": [entry(), entry()]}, headers=headers)
    assert (bulk.status_code, bulk.json()["deduplicated"]) == (200, {"existing": 2})
    more = {name: f"{key}2" for name, key in headers.items()}
    bulk = await api.post("/api/v1/jobs/bulk", json={"jobs": [entry(), entry(guid="2")]}, headers=more)
    assert (bulk.status_code, bulk.json()["deduplicated"]) == (201, {"existing": 1})


async def test_a_retry_is_refused_while_another_job_holds_the_key(api: httpx2.AsyncClient):
    first = (await api.post("/api/v1/jobs", json=entry())).json()
    await api.post(f"/api/v1/jobs/{first['id']}/cancel")
    second = (await api.post("/api/v1/jobs", json=entry())).json()
    refused = await api.post(f"/api/v1/jobs/{first['id']}/retry")
    assert refused.status_code == 409
    assert second["id"] in refused.json()["detail"]


async def test_an_operator_makes_a_type_unique(api: httpx2.AsyncClient, admin: httpx2.AsyncClient):
    rule = {"by": ["to"], "on_duplicate": "refuse"}
    for client in (admin, api):
        changed = await client.patch("/api/v1/types/test.letter", json={"overrides": {"unique": rule}})
        if changed.status_code != 403:
            break
    assert changed.json()["options"]["unique"] == {
        "by": ["to"],
        "within": "live",
        "on_duplicate": "refuse",
        "quiet": 0,
        "max_wait": None,
    }
    letter = {"type": "test.letter", "payload": {"to": "Ann"}}
    assert [(await api.post("/api/v1/jobs", json=letter)).status_code for _ in range(2)] == [201, 409]
    for wrong in ({"by": ["nobody"]}, {"within": "soon"}, {"on_duplicate": "replace"}, {"colour": 1}, 5):
        refused = await client.patch("/api/v1/types/test.letter", json={"overrides": {"unique": wrong}})
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["pointer"].startswith("/overrides/unique")
