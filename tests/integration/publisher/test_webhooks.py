"""Webhooks over HTTP and on their pages: made, changed, tested, disabled, rotated, sent again; what is wrong is named."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import RECORDS, client_of
from tests.integration.publisher.page import HTML, send

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.settings import Settings
from corral.store import Store

PATH = "/api/v1/webhooks"
SLACK = "https://hooks.slack.com/services/T000/B000/s3cret"


@pytest.fixture(scope="module")
def settings(shared_settings: Settings) -> Settings:
    return replace(shared_settings, maintenance_enabled=False)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = Store.open(settings.database_url, pool_size=3, application_name="test")
    await opened.types.register(RECORDS)
    for table in ("webhooks", "webhook_secrets", "webhook_deliveries", "audit"):
        await opened.database.run(f"DELETE FROM corral.{table}")
    yield opened
    await opened.close()


async def make(admin: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await admin.post(PATH, json={"name": "billing", "url": "https://example.com/hook?k=1"} | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_webhook_is_made_shown_without_its_secret_changed_and_deleted(
    admin: httpx2.AsyncClient, api: httpx2.AsyncClient, store: Store
):
    made = await make(admin, events=["job.failed"], queues=["post"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    shown = (await api.get(f"{PATH}/billing")).json()
    assert shown == made
    assert (shown["events"], shown["queues"], shown["types"]) == (["job.failed"], ["post"], None)
    assert shown["url"] == "https://example.com/hook?…"
    patch = {"events": [], "queues": None, "description": "for invoices"}
    changed = (await admin.patch(f"{PATH}/billing", json=patch)).json()
    assert (changed["events"], changed["queues"], changed["description"]) == ([], None, "for invoices")
    assert (await store.webhooks.target("billing")).url == "https://example.com/hook?k=1"
    assert (await admin.post(PATH, json={"name": "billing", "url": "https://e.com"})).status_code == 409
    listed = (await api.get(PATH)).json()
    assert [one["name"] for one in listed["items"]] == ["billing"]
    assert (await admin.delete(f"{PATH}/billing")).status_code == 204
    assert (await api.get(f"{PATH}/billing")).status_code == 404
    kept = await store.audit.page(kind="webhook", subject="billing")
    assert [one.action for one in kept] == ["delete", "patch", "create"]
    assert "k=1" not in str([one.details for one in kept])
    assert secret not in str([one.details for one in kept])


async def test_the_address_of_a_chat_is_a_secret_and_its_requests_have_no_other(admin: httpx2.AsyncClient):
    made = await make(admin, name="ops", url=SLACK, format="slack")
    assert (made["url"], made["secret"]) == ("https://hooks.slack.com/…", None)
    assert (await admin.post(f"{PATH}/ops/rotate")).status_code == 409
    assert (await admin.patch(f"{PATH}/ops", json={"format": "standard"})).status_code == 409


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": "Bil ling"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "https://u:p@example.com"}, "/url"),
        ({"url": "/relative"}, "/url"),
        ({"url": "https://example.com/" + "x" * 2000}, "/url"),
        ({"events": ["job.failed", "job.started"]}, "/events/1"),
        ({"events": ["webhook.test"]}, "/events/0"),
        ({"types": []}, "/types"),
        ({"queues": ["No Queue"]}, "/queues/0"),
        ({"format": "discord"}, "/format"),
        ({"secret": "whsec_short"}, "/secret"),
        ({"secret": "hunter2"}, "/secret"),
        ({"format": "teams", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "/secret"),
        ({"description": "two\nlines"}, "/description"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    admin: httpx2.AsyncClient, store: Store, fields: dict[str, Any], pointer: str
):
    answer = await admin.post(PATH, json={"name": "billing", "url": "https://example.com"} | fields)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert "hunter2" not in answer.text
    assert await store.webhooks.page() == []


async def test_a_test_is_a_delivery_that_can_be_looked_at_and_sent_again(
    admin: httpx2.AsyncClient, api: httpx2.AsyncClient, store: Store
):
    await make(admin)
    sent = await api.post(f"{PATH}/billing/test")
    assert sent.status_code == 202
    one = (await api.get(sent.headers["location"])).json()
    assert (one["event"], one["status"], one["job"]) == ("webhook.test", "pending", None)
    assert (await api.post(f"{PATH}/billing/deliveries/{one['id']}/replay")).status_code == 409
    await store.database.run("UPDATE corral.webhook_deliveries SET status = 'failed', last_error = 'no'")
    listed = (await api.get(f"{PATH}/billing/deliveries", params={"status": "failed"})).json()["items"]
    assert [(each["id"], each["last_error"]) for each in listed] == [(one["id"], "no")]
    again = await api.post(f"{PATH}/billing/deliveries/{one['id']}/replay")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    await store.database.run("UPDATE corral.webhook_deliveries SET status = 'delivered'")
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for delivered, count in ((False, 0), (True, 1)):
        body = {"since": since, "delivered": delivered}
        assert (await api.post(f"{PATH}/billing/replay", json=body)).json() == {"deliveries": count}
    wrong = await api.get(f"{PATH}/billing/deliveries", params={"status": "lost"})
    assert wrong.json()["errors"][0]["parameter"] == "status"
    for path in ("test", "enable", "disable", "replay"):
        assert (
            await api.post(f"{PATH}/none/{path}", json={"since": since} if path == "replay" else None)
        ).status_code in (404, 422)
    assert (await api.get(f"{PATH}/billing/deliveries/none")).status_code == 404


async def test_two_secrets_sign_during_a_rotation_and_never_three(admin: httpx2.AsyncClient, store: Store):
    first = (await make(admin))["secret"]
    second = (await admin.post(f"{PATH}/billing/rotate")).json()
    assert (second["secrets"], second["rotation_ends_at"] is None) == (2, False)
    assert (await store.webhooks.target("billing")).secrets == (second["secret"], first)
    third = (await admin.post(f"{PATH}/billing/rotate", json={"overlap": 0})).json()
    assert third["secrets"] == 1
    assert (await store.webhooks.target("billing")).secrets == (third["secret"],)
    assert (await admin.post(f"{PATH}/billing/rotate", json={"overlap": -1})).status_code == 422


async def test_only_administrators_make_change_and_rotate(api: httpx2.AsyncClient, admin: httpx2.AsyncClient):
    await make(admin)
    assert (await api.post(PATH, json={"name": "x", "url": "https://example.com"})).status_code == 403
    assert (await api.patch(f"{PATH}/billing", json={"url": "https://evil.example.com"})).status_code == 403
    assert (await api.post(f"{PATH}/billing/rotate")).status_code == 403
    assert (await api.delete(f"{PATH}/billing")).status_code == 403


async def test_the_page_of_a_job_says_who_was_told(
    app: FastAPI, admin: httpx2.AsyncClient, api: httpx2.AsyncClient, store: Store
):
    await make(admin)
    job = (await api.post("/api/v1/jobs", json={"type": "test.anything"})).json()["id"]
    assert (await api.get(f"/api/v1/jobs/{job}/deliveries")).json()["items"] == []
    await api.post(f"/api/v1/jobs/{job}/cancel")
    (told,) = (await api.get(f"/api/v1/jobs/{job}/deliveries")).json()["items"]
    assert (told["webhook"], told["event"], told["number"]) == ("billing", "job.cancelled", 1)
    link = await SignIn(store).create_link("ann", Role.OPERATOR)
    async with client_of(app, None) as browser:
        browser.headers.update(HTML)
        await browser.post(f"/sign-in/{link}")
        page = (await browser.get(f"/jobs/{job}")).text
        assert 'href="/webhooks/billing"' in page
        assert "job.cancelled" in page


async def test_the_pages_show_webhooks_and_act(app: FastAPI, admin: httpx2.AsyncClient, store: Store):
    await make(admin)
    link = await SignIn(store).create_link("ann", Role.OPERATOR)
    async with client_of(app, None) as browser:
        browser.headers.update(HTML)
        await browser.post(f"/sign-in/{link}")
        assert "No webhooks yet" not in (await browser.get("/webhooks")).text
        assert (await send(browser, "/webhooks/billing/test")).status_code == 303
        page = (await browser.get("/webhooks/billing")).text
        assert "webhook.test" in page
        assert 'aria-current="page"' in page
        assert "k=1" not in page
        assert (await send(browser, "/webhooks/billing/disable", reason="it is moved")).status_code == 303
        assert "it is moved" in (await browser.get("/webhooks")).text
        assert not (await store.webhooks.get("billing")).enabled
        assert (await send(browser, "/webhooks/billing/enable")).status_code == 303
        (one,) = await store.webhook_history.page("billing")
        again = await send(browser, f"/webhooks/billing/deliveries/{one.id}/replay")
        assert (again.status_code, "being sent already" in again.text) == (409, True)
        await store.database.run("UPDATE corral.webhook_deliveries SET status = 'failed'")
        assert (await send(browser, f"/webhooks/billing/deliveries/{one.id}/replay")).status_code == 303
