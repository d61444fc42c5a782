"""Schedules over HTTP, for tests: made in a database without others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from tests.integration.publisher.conftest import RECORDS

from corral.settings import Settings
from corral.store import Store

NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "type": "test.letter",
    "payload": {"to": "Ann"},
    "cron": "30 2 * * *",
    "zone": "Europe/Berlin",
}
PATH = "/api/v1/schedules"


async def make(api: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post(PATH, json=NIGHTLY | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@asynccontextmanager
async def store_without_schedules(settings: Settings) -> AsyncIterator[Store]:
    opened = Store.open(settings.database_url, pool_size=3, application_name="test")
    await opened.types.register(RECORDS)
    await opened.database.run("DELETE FROM corral.schedules")
    await opened.database.run("DELETE FROM corral.schedule_ticks")
    yield opened
    await opened.close()
