"""Pages as a browser without scripts uses them: sign in, submit, look, act; and what protects them."""

import re
from typing import Any

import httpx2
from fastapi import FastAPI
from tests.integration.publisher.conftest import Hand, Submit, count
from tests.integration.publisher.page import FORM, HTML, Page, client_of, page_of, send

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.catalog.record import record_of
from corral.store import Store
from corral.store.jobs.list import SearchBounds
from corral_jobs import report
from corral_publisher.pages import jobs


async def test_a_job_is_submitted_from_a_form_made_of_its_schema(browser: httpx2.AsyncClient, store: Store):
    form = await page_of(browser, "/?type=test.letter")
    names = {
        attrs["name"]
        for tag, attrs in form.tags
        if tag in ("input", "textarea", "select") and "name" in attrs
    }
    assert {"/to", "/pages", "/weights", "/inside", "type", "csrf", "priority", "delay"} <= names
    answer = await send(
        browser,
        "/jobs",
        **{
            "type": "test.letter",
            "/to": "Ann",
            "/pages": "3",
            "/weights": "1\r\n2.5\r\n",
            "/inside": '{"a": [1]}',
            "priority": "high",
            "delay": "",
        },
    )
    assert answer.status_code == 303
    (job,) = (await store.jobs.page()).items
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert job.payload == {"to": "Ann", "pages": 3, "weights": [1, 2.5], "inside": {"a": [1]}}
    assert (job.priority, job.created_by) == ("high", "ann")


async def test_a_file_becomes_the_text_of_its_field(browser: httpx2.AsyncClient, store: Store):
    await store.types.register([record_of(report.generate)])
    token = (await page_of(browser, "/")).value("csrf")
    text = "region,sum\nNörth,1\n"
    answer = await browser.post(
        "/jobs",
        data={"csrf": token, "type": "report.generate", "/title": "Sales", "/csv": "", "/chart": "true"},
        files={"/csv": ("sales.csv", text.encode("utf-8-sig"), "text/csv")},
        headers=FORM,
    )
    assert answer.status_code == 303, answer.text
    (job,) = (await store.jobs.page()).items
    assert job.payload == {"title": "Sales", "csv": text, "chart": True}


async def test_a_wrong_form_comes_back_with_what_was_typed_and_why(browser: httpx2.AsyncClient, store: Store):
    answer = await send(
        browser, "/jobs", type="test.letter", **{"/to": "Ann", "/pages": "many", "/inside": "{"}
    )
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.value("/to") == "Ann"
    assert page.value("/pages") == "many"
    assert "/payload/pages" in page.text
    assert "/payload/inside" in page.text
    assert await count(store) == 0


async def test_a_form_that_is_not_ours_changes_nothing(browser: httpx2.AsyncClient, store: Store):
    for fields, headers in [
        ({}, FORM),
        ({"csrf": "0" * 64}, FORM),
        ({"csrf": (await page_of(browser, "/")).value("csrf")}, {"Sec-Fetch-Site": "cross-site"}),
    ]:
        answer = await browser.post("/jobs", data={"type": "test.anything"} | fields, headers=headers)
        assert answer.status_code == 403
    assert await count(store) == 0


async def test_a_viewer_sees_and_can_not_act(app: FastAPI, store: Store, submit: Submit):
    job = await submit()
    link = await SignIn(store).create_link("vic", Role.VIEWER)
    async with client_of(app, None) as client:
        client.headers.update(HTML)
        await client.post(f"/sign-in/{link}")
        shown = await page_of(client, f"/jobs/{job['id']}")
        assert not any(tag == "form" and "cancel" in (attrs.get("action") or "") for tag, attrs in shown.tags)
        token = shown.value("csrf")
        answer = await client.post(f"/jobs/{job['id']}/cancel", data={"csrf": token}, headers=FORM)
        assert answer.status_code == 403


async def test_a_job_is_cancelled_and_run_again_from_its_page(
    browser: httpx2.AsyncClient, submit: Submit, store: Store
):
    job = await submit(delay=100)
    shown = await page_of(browser, f"/jobs/{job['id']}")
    assert "Run now" in shown.text
    assert "It is due in" in shown.text
    assert (await send(browser, f"/jobs/{job['id']}/cancel")).headers["location"] == f"/jobs/{job['id']}"
    assert (await store.jobs.page()).items[0].state == "cancelled"
    refused = await send(browser, f"/jobs/{job['id']}/cancel")
    assert refused.status_code == 409
    assert "has ended already" in refused.text
    await send(browser, f"/jobs/{job['id']}/retry")
    assert (await store.jobs.page()).items[0].state == "queued"
    entries = await store.audit.page(kind="job", subject=job["id"])
    assert [(entry.action, entry.actor) for entry in entries] == [("retry", "ann"), ("cancel", "ann")]


async def test_a_page_shows_everything_of_a_job_and_nothing_of_it_is_markup(
    browser: httpx2.AsyncClient, submit: Submit, hand: Hand
):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    job = await submit(payload={"a": evil}, tags=[evil[:60]])
    await hand.complete(job["id"], '{"done": "<b>bold</b>"}')
    answer = await browser.get(f"/jobs/{job['id']}")
    page = Page(answer.text)
    assert evil in page.text.replace('\\"', '"')
    assert "<b>bold</b>" in page.text
    assert not [attrs for tag, attrs in page.tags if tag in ("b", "img")]
    listed = await browser.get("/jobs")
    assert "<script>alert" not in answer.text + listed.text


async def test_lists_filter_and_page_by_their_address(browser: httpx2.AsyncClient, submit: Submit):
    for n in range(35):
        await submit("test.letter", {"to": f"p{n}"}, tags=["even" if n % 2 == 0 else "odd"])
    first = await page_of(browser, "/jobs")
    assert len([1 for tag, attrs in first.tags if tag == "tr" and attrs.get("id")]) == 30
    older = next(attrs["href"] for tag, attrs in first.tags if attrs.get("rel") == "next")
    second = await page_of(browser, older or "")
    assert len([1 for tag, attrs in second.tags if tag == "tr" and attrs.get("id")]) == 5
    even = await page_of(browser, "/jobs?tag=even&state=queued")
    assert len([1 for tag, attrs in even.tags if tag == "tr" and attrs.get("id")]) == 18
    assert "No jobs match" in (await page_of(browser, "/jobs?state=failed")).text


async def test_a_queue_is_paused_and_resumed_from_its_page(
    browser: httpx2.AsyncClient, submit: Submit, store: Store
):
    await submit()
    await send(browser, "/queues/post/pause")
    queue = await store.queues.get("post")
    assert queue is not None
    assert queue.paused_by == "ann"
    assert "paused" in (await page_of(browser, "/queues")).text
    await send(browser, "/queues/post/resume")
    assert not (await store.queues.get("post") or queue).paused


async def test_html_is_given_only_where_it_is_asked_for(
    app: FastAPI, api: httpx2.AsyncClient, submit: Submit
):
    job = await submit()
    answer = await api.get("/")
    assert answer.json()["api"] == "/api/v1"
    answer = await api.get(f"/jobs/{job['id']}", follow_redirects=True)
    assert answer.json()["id"] == job["id"]
    answer = await api.get("/jobs?state=queued", follow_redirects=True)
    assert [item["id"] for item in answer.json()["items"]] == [job["id"]]


async def test_pages_let_only_their_own_scripts_run(browser: httpx2.AsyncClient, submit: Submit):
    job = await submit(delay=100)
    nonces = set()
    for path in ("/", "/jobs", f"/jobs/{job['id']}", "/queues", "/types", "/pools", "/workers"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        (nonce,) = re.findall(r"script-src 'nonce-([\w-]+)'", policy)
        nonces.add(nonce)
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        page = Page(answer.text)
        for tag, attrs in page.tags:
            assert not [name for name in attrs if name.startswith("on") or name == "style"], (path, tag)
            if tag == "script":
                assert attrs["nonce"] == nonce
                assert (attrs["src"] or "").startswith("/static/")
            if any(name.startswith("hx-") for name in attrs):
                assert attrs["hx-nonce"] == nonce
    assert len(nonces) == 7


async def test_errors_are_pages_for_browsers(app: FastAPI, browser: httpx2.AsyncClient):
    answer = await browser.get("/jobs/00000000-0000-7000-8000-000000000000")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    answer = await browser.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html")
    api: dict[str, Any] = (await browser.get("/api/v1/nothing")).json()
    assert api["status"] == 404
    answer = await browser.get("/limits/any?only_set=<x>")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (422, "text/html")
    assert "only_set" in Page(answer.text).text
    app.state.services.store.jobs.page = None  # a bug
    answer = await browser.get("/jobs")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (500, "text/html")
    assert answer.headers["x-request-id"] in Page(answer.text).text


async def test_a_list_that_stopped_looking_says_how_to_narrow_it(
    app: FastAPI, browser: httpx2.AsyncClient, submit: Submit
):
    app.state.services.store.jobs.bounds = SearchBounds(first_look=3, seconds=0.0)
    for n in range(jobs.ROWS + 2):
        await submit("test.letter", {"to": f"p{n}"})
    stopped = await page_of(browser, "/jobs?error=nothing")
    assert "None of those fits that were looked at." in stopped.text
    assert "narrow the list: by time" in stopped.text
    older = next(attrs["href"] for tag, attrs in stopped.tags if attrs.get("rel") == "next")
    assert "No jobs match." in (await page_of(browser, older or "")).text
