"""Rows that other writers made odd: every list, page, stream and action goes on, and the odd one is named."""

from uuid import UUID

import httpx2
import psycopg
from fastapi import FastAPI
from tests.integration.publisher.conftest import Submit
from tests.integration.store.jobs.test_unreadable import CASES, PAYLOADS, put, unguarded

from corral.settings import Settings
from corral_publisher.routes.events import _one


async def test_every_reader_shows_the_others_and_names_the_odd_one(
    app: FastAPI, api: httpx2.AsyncClient, browser: httpx2.AsyncClient, settings: Settings, submit: Submit
):
    first = (await submit())["id"]
    odd = {
        (await submit(tags=["a"]))["id"]: case for case in [*CASES, *(("payload", text) for text in PAYLOADS)]
    }
    last = (await submit())["id"]
    with psycopg.connect(settings.database_url, autocommit=True) as sql:
        unguarded(sql)
        for job, case in odd.items():
            put(sql, UUID(job), *case)
        sql.execute("UPDATE corral.jobs SET error = '[1]', state = 'failed' WHERE id = %s", (first,))
    listed = await api.get("/api/v1/jobs?limit=200")
    assert listed.status_code == 200, listed.text
    assert listed.text.count('"payload_bytes"') == len(odd) + 2
    for column, value in CASES:
        assert f'"unreadable":{{"{column}":"' in listed.text, (column, value)
    page = await browser.get("/jobs")
    assert page.status_code == 200
    assert last in page.text
    for job in (first, *odd, last):
        one = await api.get(f"/api/v1/jobs/{job}")
        shown = await browser.get(f"/jobs/{job}")
        assert (one.status_code, shown.status_code) == (200, 200), (odd.get(job), one.text, shown.text)
        if job in odd and odd[job][0] != "payload":
            assert f"<dt>{odd[job][0]}</dt>" in shown.text
        for more in ("attempts", "logs", "why", "artifacts"):
            assert (await api.get(f"/api/v1/jobs/{job}/{more}")).status_code == 200, (odd.get(job), more)
        services = app.state.services
        found = await services.store.jobs.get(UUID(job))
        stream = _one(services, found, None)
        assert b"event: job" in await anext(stream)
        await stream.aclose()
    for path in (
        "/",
        "/queues",
        "/workers",
        "/api/v1/queues",
        "/api/v1/stats",
        "/api/v1/jobs?tag=a&state=queued",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 200, answer.text
