"""Schedules that deployments declare: registered, changed by people, refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.publisher.conftest import anything, letter
from tests.integration.publisher.schedules.schedule_api import PATH, make

from corral.actions.schedules.registration import register_schedules
from corral.catalog import Catalog, schedule
from corral.catalog.schedules.declaration import DeclaredSchedule
from corral.errors import DeclarationError
from corral.store import Store


def declared(cron: str, version: str) -> DeclaredSchedule:
    made = schedule("nightly", letter, {"to": "Ann"}, cron=cron)

    class Versioned(DeclaredSchedule):
        @property
        def version(self) -> str:
            return f"{version}+{cron}"

    return Versioned(made.name, made.fields, made.module)


async def test_a_deployment_undoes_no_pause_no_change_and_no_deletion(
    api: httpx2.AsyncClient, admin: httpx2.AsyncClient, store: Store
):
    assert (await register_schedules(store, [declared("0 1 * * *", "1.0")])).written == ["nightly"]
    await api.post(f"{PATH}/nightly/pause", json={"note": "holidays"})
    await api.patch(f"{PATH}/nightly", json={"jitter": 60})
    assert (await register_schedules(store, [declared("0 2 * * *", "1.1")])).written == ["nightly"]
    now = (await api.get(f"{PATH}/nightly")).json()
    assert (now["source"], now["definition"]["cron"], now["definition"]["jitter"]) == (
        "code",
        "0 2 * * *",
        60,
    )
    assert (now["paused"], now["pause_note"]) == (True, "holidays")
    assert (await register_schedules(store, [declared("0 3 * * *", "1.0")])).written == [], "older code"
    assert (await register_schedules(store, [declared("0 2 * * *", "1.1")])).written == [], "the same"
    assert (await admin.delete(f"{PATH}/nightly")).status_code == 204
    again = await register_schedules(store, [declared("0 4 * * *", "1.2")])
    assert again.written == []
    assert "was deleted by admin" in again.left["nightly"]
    await make(api)
    taken = await register_schedules(store, [declared("0 5 * * *", "1.3")])
    assert "operator made a schedule of this name" in taken.refused["nightly"]


async def test_a_declared_schedule_with_a_wrong_payload_is_refused_and_others_are_registered(store: Store):
    wrong = schedule("wrong", letter, {"to": 5}, interval=60)
    done = await register_schedules(store, [wrong, schedule("right", anything, interval=60)])
    assert done.written == ["right"]
    assert "/payload/to" in done.refused["wrong"]


async def test_the_example_is_declared_registered_and_knows_its_day(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[4] / "examples"))
    catalog = Catalog.load(["nightly"])
    await store.types.register(catalog.records())
    done = await register_schedules(store, list(catalog.schedules.values()))
    assert (done.written, done.refused) == (["add-up-orders"], {})
    made = (await api.get(f"{PATH}/add-up-orders")).json()
    assert (made["source"], made["created_by"]) == ("code", "corral types register")
    assert (await api.post(f"{PATH}/add-up-orders/run-now")).json()["payload"]["shop"] == "north"
    (now,) = (await store.database.run("SELECT now()"))[0]
    body = {"start": (now - timedelta(days=1)).isoformat(), "end": now.isoformat()}
    (filled,) = (await api.post(f"{PATH}/add-up-orders/backfill", json=body)).json()["submitted"]
    job = (await api.get(f"/api/v1/jobs/{filled['job']}")).json()
    assert job["payload"] == {"shop": "north", "at": filled["tick"]}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cron": "61 * * * *"}, "/cron: '61 \\* \\* \\* \\*' is no cron expression"),
        ({"cron": "0 */25 * * *"}, "/cron: .* .its step /25 is more than the 24 hours there are"),
        ({"cron": "@daily", "excluded": ["20261224"]}, "/excluded/0: '20261224' is no day"),
        ({"cron": "@daily", "zone": "Berlin"}, "/zone: 'Berlin' is no time zone"),
        ({}, "/cron: give cron or interval"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_at_import(options: dict[str, Any], told: str):
    with pytest.raises(DeclarationError, match=f"schedule x: {told}"):
        schedule("x", anything, **options)
