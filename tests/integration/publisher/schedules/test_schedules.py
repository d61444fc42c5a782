"""Schedules over HTTP and on their pages: made, changed, paused, run, backfilled; what is wrong is named."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import Publisher, count
from tests.integration.publisher.page import FORM, HTML, client_of, send
from tests.integration.publisher.schedules.schedule_api import NIGHTLY, PATH, make

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.client import Client, Connection
from corral.store import Store


async def test_a_schedule_is_made_shown_changed_and_taken_back(api: httpx2.AsyncClient):
    made = await make(api)
    assert made["definition"] == {field: value for field, value in NIGHTLY.items() if field != "name"}
    assert (made["source"], made["created_by"], made["problems"], made["paused"]) == (
        "api",
        "operator",
        [],
        False,
    )
    assert (await api.get(f"{PATH}/nightly")).json() == made
    patch = await api.patch(f"{PATH}/nightly", json={"cron": "0 4 * * *", "overlap": "allow", "zone": None})
    changed = patch.json()
    assert changed["overrides"] == {"cron": "0 4 * * *", "overlap": "allow", "zone": None}
    assert "zone" not in changed["definition"]
    assert changed["next_tick"].endswith("T04:00:00Z")
    back = (await api.patch(f"{PATH}/nightly", json={"reset": ["cron", "zone", "overlap"]})).json()
    assert (back["overrides"], back["next_tick"]) == ({}, made["next_tick"])


async def test_the_list_has_pages_by_name_and_no_payloads(api: httpx2.AsyncClient):
    for number in range(5):
        await make(api, name=f"s{number}")
    first = (await api.get(PATH, params={"limit": 3})).json()
    second = (await api.get(PATH, params={"limit": 3, "cursor": first["next"]})).json()
    assert [one["name"] for one in first["items"] + second["items"]] == [f"s{number}" for number in range(5)]
    assert second["next"] is None
    assert "payload" not in first["items"][0]["definition"]


async def test_the_next_times_have_clock_changes_marked(api: httpx2.AsyncClient):
    await make(api)
    times = (
        await api.get(f"{PATH}/nightly/times", params={"count": 2, "after": "2026-10-24T12:00:00Z"})
    ).json()
    assert times == {
        "zone": "Europe/Berlin",
        "items": [
            {
                "at": "2026-10-25T00:30:00Z",
                "local": "2026-10-25T02:30:00+02:00",
                "run_at": "2026-10-25T00:30:00Z",
                "clock_change": "first of two",
            },
            {
                "at": "2026-10-26T01:30:00Z",
                "local": "2026-10-26T02:30:00+01:00",
                "run_at": "2026-10-26T01:30:00Z",
                "clock_change": None,
            },
        ],
    }
    assert len((await api.get(f"{PATH}/nightly/times")).json()["items"]) == 10


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("timing", [{"cron": "0 0 * * *"}, {"interval": 3600}])
async def test_the_edges_of_the_calendar_are_no_errors(
    api: httpx2.AsyncClient, zone: str, timing: dict[str, Any]
):
    edges = ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00+14:00", "9999-12-31T23:59:59.999999Z")
    for at, start in enumerate([None, *edges]):
        made = {"name": f"edge-{at}", "zone": zone, **timing, **({"start": start} if start else {})}
        answer = await api.post(PATH, json={"type": "test.anything", **made})
        assert answer.status_code in ((201, 422) if start else (201,)), (start, answer.text)
        if answer.status_code == 422:  # in UTC it would be before the calendar
            assert answer.json()["errors"][0]["pointer"] == "/start"
            continue
        for after in edges:
            times = await api.get(f"{PATH}/edge-{at}/times", params={"after": after, "count": 2})
            assert times.status_code in (200, 422), (start, after, times.text)
            assert "after" in times.text or times.status_code == 200
        assert (await api.get(f"/schedules/edge-{at}", headers=HTML)).status_code == 200


async def test_a_pause_has_a_note_and_why_says_it(api: httpx2.AsyncClient, store: Store):
    await make(api)
    paused = (await api.post(f"{PATH}/nightly/pause", json={"note": "the source is down"})).json()
    assert (paused["paused"], paused["paused_by"], paused["pause_note"]) == (
        True,
        "operator",
        "the source is down",
    )
    assert paused["next_tick"] is None
    (cause,) = (await api.get(f"{PATH}/nightly/why")).json()["causes"]
    assert cause["code"] == "paused"
    assert "by operator: the source is down" in cause["message"]
    assert cause["command"] == "corral schedules resume nightly"
    again = (await api.post(f"{PATH}/nightly/pause")).json()
    assert again["pause_note"] == "the source is down", "it is paused already, and nothing new was said"
    resumed = (await api.post(f"{PATH}/nightly/resume")).json()
    assert (resumed["paused"], resumed["pause_note"]) == (False, None)
    assert (await api.post(f"{PATH}/nightly/pause")).status_code == 200, "a note may be left out"
    entries = await store.audit.page(kind="schedule", subject="nightly", limit=4)
    assert [one.action for one in entries] == ["pause", "resume", "pause", "pause"]


async def test_run_now_submits_one_job_beside_the_ticks(api: httpx2.AsyncClient):
    await make(api)
    await api.post(f"{PATH}/nightly/pause")
    answer = await api.post(f"{PATH}/nightly/run-now")
    assert answer.status_code == 201
    job = answer.json()
    assert (job["type"], job["payload"], job["created_by"]) == (
        "test.letter",
        {"to": "Ann"},
        "schedule:nightly",
    )
    (tick,) = (await api.get(f"{PATH}/nightly/ticks")).json()["items"]
    assert (await api.get(f"{PATH}/nightly/ticks?cursor=")).json()["items"] == [tick], "as of other lists"
    assert (tick["job"], tick["origin"], tick["verdict"]) == (job["id"], "run-now", "submitted")


async def test_a_backfill_says_first_what_it_would_do(api: httpx2.AsyncClient, store: Store):
    await make(api, name="hourly", cron="0 * * * *", zone=None)
    before = await count(store)
    (now,) = (await store.database.run("SELECT to_char(now(), 'YYYY-MM-DD')"))[0]
    (day,) = (await store.database.run("SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD')"))[0]
    body = {"start": f"{day}T00:00:00Z", "end": f"{now}T00:00:00Z"}
    dry = (await api.post(f"{PATH}/hourly/backfill", json=body | {"dry_run": True})).json()
    assert (dry["ticks"], dry["had"], len(dry["submitted"]), dry["dry_run"]) == (25, 0, 25, True)
    assert await count(store) == before
    done = (await api.post(f"{PATH}/hourly/backfill", json=body)).json()
    assert len({one["job"] for one in done["submitted"]}) == 25
    again = (await api.post(f"{PATH}/hourly/backfill", json=body)).json()
    assert (again["had"], again["submitted"]) == (25, [])
    assert await count(store) == before + 25


async def test_deleting_needs_an_admin_and_leaves_the_jobs(
    api: httpx2.AsyncClient, admin: httpx2.AsyncClient, store: Store
):
    await make(api)
    job = (await api.post(f"{PATH}/nightly/run-now")).json()
    assert (await api.delete(f"{PATH}/nightly")).status_code == 403
    assert (await admin.delete(f"{PATH}/nightly")).status_code == 204
    assert (await api.get(f"{PATH}/nightly")).status_code == 404
    assert (await admin.delete(f"{PATH}/nightly")).status_code == 404
    assert (await api.get(f"/api/v1/jobs/{job['id']}")).status_code == 200
    await make(api)


WRONG_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "Not OK"}, "/name", "no name"),
    ({"name": "x" * 81}, "/name", "no name"),
    ({"type": "no.such"}, "/type", "no job type"),
    ({"type": None}, "/type", "is required"),
    ({"payload": {}}, "/payload/to", "required"),
    ({"payload": {"to": "A", "cc": 1}}, "/payload/cc", ""),
    ({"payload": {"to": "a\x00b"}}, "/payload/to", ""),
    ({"queue": "nowhere"}, "/queue", "no queue"),
    ({"priority": "urgent"}, "/priority", "must be"),
    ({"retries": -1}, "/retries", "at least"),
    ({"cron": None}, "/cron", "give cron or interval"),
    ({"interval": 5}, "/cron", "together"),
    ({"cron": "61 * * * *"}, "/cron", "no cron expression"),
    ({"cron": "*/99999999999999999999 * * * *"}, "/cron", "more than the 60 minutes there are"),
    ({"cron": "0 0 30 2 *"}, "/cron", "no cron expression"),
    ({"cron": None, "interval": 0.1}, "/interval", "at least"),
    ({"cron": 5}, "/cron", "text"),
    ({"zone": "Berlin"}, "/zone", "no time zone"),
    ({"zone": "../../etc/passwd"}, "/zone", "no time zone"),
    ({"twice": "thrice"}, "/twice", "must be"),
    ({"start": "tomorrow"}, "/start", "is not a time"),
    ({"start": "2030-01-01T00:00:00"}, "/start", "time zone"),
    ({"start": "2030-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}, "/end", "before the start"),
    ({"excluded": ["Christmas"]}, "/excluded/0", "no day"),
    ({"excluded": ["2026-12-24", "2026-W01"]}, "/excluded/1", "'2026-W01' is no day"),
    ({"excluded": ["20261224"]}, "/excluded/0", "no day"),
    ({"excluded": ["2026-12-24/"]}, "/excluded/0", "no day"),
    ({"excluded": ["2026-12-25/2026-12-24"]}, "/excluded/0", "before"),
    ({"jitter": -1}, "/jitter", "at least"),
    ({"overlap": "maybe"}, "/overlap", "must be"),
    ({"catch_up": -1}, "/catch_up", "at least"),
    ({"pause_after": 0}, "/pause_after", "at least"),
    ({"tick_field": "nope"}, "/payload/nope", ""),
    ({"tags": [""]}, "/tags/0", "printable"),
    ({"crone": "* * * * *"}, "/crone", "not a known field"),
]
WRONG_ACTIONS: list[tuple[str, dict[str, Any], int, str]] = [
    ("nightly/backfill", {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}, 422, "/start"),
    ("nightly/backfill", {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, 422, "/end"),
    ("nightly/backfill", {"start": "2026-11-01T00:00:00Z", "end": "2999-01-01T00:00:00Z"}, 422, "/end"),
    ("nightly/backfill", {"start": 5, "end": "2026-01-01T00:00:00Z"}, 422, "/start"),
    ("nightly/backfill", {}, 422, "/start"),
    ("nightly/pause", {"note": "x" * 501}, 422, "/note"),
    ("nightly/pause", {"note": 5}, 422, "/note"),
    ("nothing/pause", {}, 404, ""),
    ("nothing/run-now", {}, 404, ""),
    ("nothing/resume", {}, 404, ""),
    ("nothing/backfill", {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}, 404, ""),
]


async def test_what_is_wrong_with_a_schedule_is_named_and_nothing_is_stored(api: httpx2.AsyncClient):
    for fields, pointer, words in WRONG_FIELDS:
        answer = await api.post(PATH, json=NIGHTLY | fields)
        assert answer.status_code == 422, answer.text
        named = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
        assert pointer in named, named
        assert words in named[pointer], named
    assert (await api.get(PATH)).json()["items"] == []


async def test_what_is_wrong_with_an_action_is_named(api: httpx2.AsyncClient):
    await make(api)
    for path, body, status, named in WRONG_ACTIONS:
        answer = await api.post(f"{PATH}/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert not named or named in {error["pointer"] for error in answer.json()["errors"]}


async def test_a_change_that_would_make_it_wrong_changes_nothing(api: httpx2.AsyncClient):
    made = await make(api)
    assert (await api.post(PATH, json=NIGHTLY)).status_code == 409
    for patch, pointer in (
        ({"interval": 5}, "/cron"),
        ({"payload": {"to": 1}}, "/payload/to"),
        ({"reset": ["nope"]}, "/reset/0"),
        ({"type": None}, "/type"),
    ):
        answer = await api.patch(f"{PATH}/nightly", json=patch)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await api.get(f"{PATH}/nightly")).json() == made
    for parameters in ({"count": 0}, {"count": 1001}, {"after": "x"}):
        assert (await api.get(f"{PATH}/nightly/times", params=parameters)).status_code == 422


async def test_the_pages_show_schedules_and_act(app: FastAPI, api: httpx2.AsyncClient, store: Store):
    await make(api)
    link = await SignIn(store).create_link("ann", Role.OPERATOR)
    async with client_of(app, None) as browser:
        browser.headers.update(HTML)
        await browser.post(f"/sign-in/{link}", headers=FORM)
        page = (await browser.get("/schedules")).text
        assert page.count('href="/schedules/nightly"') == 11, "in the table, and ten times"
        one = (await browser.get("/schedules/nightly")).text
        assert "30 2 * * * (Europe/Berlin)" in one
        assert 'aria-current="page"' in one
        await send(browser, "/schedules/nightly/pause", note="no disk")
        assert "by ann: no disk" in (await browser.get("/schedules/nightly")).text
        await send(browser, "/schedules/nightly/resume")
        await send(browser, "/schedules/nightly/run-now")
        assert "run-now" in (await browser.get("/schedules/nightly")).text


async def test_the_python_client_does_all_of_it(shared_publisher: Publisher, store: Store):
    key, _ = await KeyActions(store).create("client", Role.ADMIN, actor="test")
    with Client(Connection(url=shared_publisher.url, key=key, source="test")) as client:
        made = client.schedules.create("hourly", "test.letter", {"to": "Ann"}, cron="@hourly")
        assert [one["name"] for one in client.schedules.list()] == ["hourly"]
        assert client.schedules.set("hourly", jitter=5)["definition"]["jitter"] == 5
        assert client.schedules.set("hourly", reset=["jitter"])["definition"] == made["definition"]
        assert client.schedules.pause("hourly", "why not")["paused"]
        assert client.schedules.why("hourly")[0]["code"] == "paused"
        assert not client.schedules.resume("hourly")["paused"]
        assert len(client.schedules.times("hourly", 3)) == 3
        job = client.schedules.run("hourly")
        assert [tick["job"] for tick in client.schedules.ticks("hourly")] == [job["id"]]
        now = (await store.schedules.now()).isoformat()
        assert client.schedules.backfill("hourly", now, now, dry_run=True)["submitted"] == []
        client.schedules.delete("hourly")
        assert list(client.schedules.list()) == []
