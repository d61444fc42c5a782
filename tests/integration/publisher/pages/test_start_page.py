"""The start page offers every type: an example in each form, and beside it what can't work here."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import Hand, claim_of_limits, count, make_hand
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.catalog import Catalog
from corral.catalog.catalog import declaring_modules
from corral.catalog.record import declaration_of
from corral.job import mail_hold
from corral.job.outcome import Finished, Succeeded
from corral.json_codec import Document
from corral.store import Store
from corral.webhook.webhook import WebhookFields
from corral_publisher.pages.forms.kinds import BY_CORRAL, FIRST

CATALOG = Catalog.load(declaring_modules([], demo=True))
CALLING = {"area.fetch", "http.request"}
"""They call a provider."""


class Form(HTMLParser):
    """The page as a browser has it: the values that the form of a job would send, and what is said."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self.options: list[str] = []
        self.obstacles: list[str] = []
        self.blocking: list[str] = []
        """Fields without which a browser sends nothing."""
        self._inside = self._area = self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("action", "")
        elif tag == "li" and self._inside == "obstacles":
            self.obstacles.append("")
        elif tag == "ul" and given.get("class") == "obstacles":
            self._inside = "obstacles"
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option":
            self._option(given)
        elif self._inside == "/jobs" and tag == "textarea":
            self._area = given["name"]
            self.sent.setdefault(self._area, "")
        elif self._inside == "/jobs" and tag == "input":
            kind = given.get("type")
            if "required" in given and not given.get("value"):
                self.blocking.append(given["name"])
            if kind != "file" and (kind != "checkbox" or "checked" in given):
                self.sent.setdefault(given["name"], given.get("value", ""))

    def _option(self, given: dict[str, str]) -> None:
        if self._select == "type":
            self.options.append("")
        elif self._inside == "/jobs" and ("selected" in given or self._select not in self.sent):
            self.sent[self._select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[self._area] += data.removeprefix("\n")
        elif self._select == "type" and self.options:
            self.options[-1] += data.strip()
        elif self._inside == "obstacles" and self.obstacles:
            self.obstacles[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form" or (tag == "ul" and self._inside == "obstacles"):
            self._inside = ""


@pytest.fixture
async def page(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """The browser of ann, an operator, where every type that comes with Corral is registered."""
    limits = [declaration_of(one) for one in CATALOG.limits.values()]
    await store.registration.register(CATALOG.records(), limits=limits)
    await app.state.services.types.read()
    link = await SignIn(store).create_link("ann", Role.OPERATOR)
    async with client_of(app, None) as client:
        client.headers.update({"Accept": "text/html", "Sec-Fetch-Site": "same-origin"})
        await client.post(f"/sign-in/{link}")
        yield client


async def form_of(page: httpx2.AsyncClient, name: str) -> Form:
    answer = await page.get(f"/?type={name}")
    assert answer.status_code == 200, answer.text
    form = Form(answer.text)
    assert form.sent["type"] == name
    return form


async def click(page: httpx2.AsyncClient, name: str, **changed: str) -> httpx2.Response:
    """Send the form of a type as it stands, but for what is changed."""
    return await page.post("/jobs", data=(await form_of(page, name)).sent | changed)


async def payload_of(store: Store, answer: httpx2.Response) -> Any:
    assert answer.status_code == 303, answer.text
    job = await store.jobs.get(UUID(answer.headers["location"].removeprefix("/jobs/")))
    assert job is not None
    return job.payload.value if isinstance(job.payload, Document) else job.payload


async def test_every_type_is_offered_the_four_kinds_first(page: httpx2.AsyncClient):
    form = await form_of(page, "report.generate")
    assert form.options[:4] == list(FIRST)
    assert set(form.options[-4:]) == BY_CORRAL
    assert set(CATALOG.types) <= set(form.options)


async def test_one_click_submits_what_needs_nothing(page: httpx2.AsyncClient, store: Store):
    for name in sorted(set(CATALOG.types) - BY_CORRAL - CALLING):
        assert (await form_of(page, name)).blocking == [], name
        answer = await click(page, name)
        assert answer.status_code == 303, f"{name}: {answer.text}"
    assert await count(store) == len(CATALOG.types) - len(BY_CORRAL) - len(CALLING)


async def test_what_is_missing_is_said_beside_the_form(page: httpx2.AsyncClient):
    said = {name: " ".join((await form_of(page, name)).obstacles) for name in sorted(BY_CORRAL | CALLING)}
    assert "needs the provider overpass. None is set here" in said["area.fetch"]
    assert "needs a provider. None is set here" in said["http.request"]
    assert "none is followed here" in said["feed.fetch"]
    assert "none is followed here" in said["feed.item"]
    assert "none has completed here" in said["area.measure"]
    assert "there is none here yet" in said["webhook.deliver"]
    assert all("No worker listens on the queue" in text for text in said.values())


async def test_one_click_submits_everything_where_what_it_needs_is_here(
    page: httpx2.AsyncClient, store: Store
):
    hand = await make_hand(store, queues=("areas",), types=tuple(CATALOG.types))
    await store.providers.set("overpass", {"url": "https://overpass.example"}, "test", None)
    [source] = await store.feeds.add([("https://feeds.example/a.xml", "A")], "test")
    await store.webhooks.create("hook", WebhookFields(url="https://hooks.example"), "whsec_", "test")
    delivery = await store.webhook_history.add_test("hook", {}, "test")
    form = await form_of(page, "area.fetch")
    assert form.obstacles == []
    fetched = await click(page, "area.fetch")
    area = fetched.headers["location"].removeprefix("/jobs/")
    [claimed] = await claim_of_limits(store, hand.id, UUID(area))
    await store.attempts.finish(hand.id, [Finished(claimed.id, claimed.attempt, Succeeded("{}"))])
    assert (await payload_of(store, await click(page, "http.request")))["provider"] == "overpass"
    assert (await payload_of(store, await click(page, "feed.fetch"))) == {"source": str(source.id)}
    item = await payload_of(store, await click(page, "feed.item"))
    assert (item["source"], item["guid"]) == (str(source.id), "example-1")
    measured = await payload_of(store, await click(page, "area.measure"))
    assert (measured["fetched_by"], measured["tags"]) == (area, {"landuse": "forest"})
    sent = await payload_of(store, await click(page, "webhook.deliver"))
    assert sent == {"webhook": "hook", "delivery": str(delivery)}


async def test_a_picture_is_the_chosen_file_or_else_the_example(page: httpx2.AsyncClient, store: Store):
    form = await form_of(page, "image.process")
    kept = await payload_of(store, await page.post("/jobs", data=form.sent))
    upload = await store.uploads.find(UUID(kept["upload"]))
    assert upload is not None
    assert (upload.name, upload.media_type, upload.created_by) == ("example.jpg", "image/jpeg", "ann")
    content = (await store.uploads.read(upload)) + b"mine"
    file = {"/upload": (r"C:\pictures\mine.jpg", content, "text/plain")}
    kept = await payload_of(store, await page.post("/jobs", data=form.sent, files=file))
    upload = await store.uploads.find(UUID(kept["upload"]))
    assert upload is not None
    assert (upload.name, upload.media_type) == ("mine.jpg", "image/jpeg")
    assert await store.uploads.read(upload) == content
    by_address = form.sent | {"/url": "https://example.com/a.png"}
    kept = await payload_of(store, await page.post("/jobs", data=by_address))
    assert (kept["url"], "upload" in kept) == ("https://example.com/a.png", False)


async def test_a_chosen_file_is_not_lost_when_another_field_is_wrong(page: httpx2.AsyncClient, store: Store):
    form = await form_of(page, "image.process")
    file = {"/upload": ("mine.jpg", b"\xff\xd8\xff\xe0", "image/jpeg")}
    answer = await page.post("/jobs", data=form.sent | {"/outputs": "["}, files=file)
    assert answer.status_code == 422
    again = Form(answer.text)
    assert "example-picture" in again.sent
    assert await store.uploads.find(UUID(again.sent["/upload"])) is not None
    nothing = {key: value for key, value in form.sent.items() if key != "example-picture"}
    refused = await page.post("/jobs", data=nothing)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert "example-picture" not in Form(refused.text).sent
    assert await count(store) == 0


async def test_a_file_over_the_limit_is_refused_by_name(
    app: FastAPI, page: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    form = await form_of(page, "image.process")
    services = app.state.services
    monkeypatch.setattr(services, "settings", replace(services.settings, max_upload_bytes=1_024))
    answer = await page.post("/jobs", data=form.sent, files={"/upload": ("a.jpg", b"x" * 1_025)})
    assert answer.status_code == 422
    assert "/payload/upload" in answer.text
    assert "1,024 are allowed" in answer.text


async def test_what_keeps_a_job_in_its_queue_is_said(page: httpx2.AsyncClient, store: Store, hand: Hand):
    assert (await form_of(page, "demo.echo")).obstacles == []
    [unable] = (await form_of(page, "demo.cpu")).obstacles
    assert "No worker listens on the queue cpu" in unable
    await make_hand(store, queues=("images",))
    [unable] = (await form_of(page, "image.process")).obstacles
    assert "none of them can run image.process" in unable
    await store.queues.pause("demo", "bob")
    [paused] = (await form_of(page, "demo.echo")).obstacles
    assert "The queue demo is paused by bob" in paused
    await store.queues.pause(mail_hold.QUEUE, mail_hold.HOLDER)
    [held] = (await form_of(page, "email.send")).obstacles
    assert "No mail server is set" in held


async def test_what_was_typed_for_a_type_without_a_schema_comes_back(page: httpx2.AsyncClient, store: Store):
    answer = await click(page, "demo.echo", payload='{"a": ')
    assert answer.status_code == 422
    assert Form(answer.text).sent["payload"] == '{"a": '
    assert await payload_of(store, await click(page, "demo.echo", payload='{"a": 1}')) == {"a": 1}


async def test_a_type_without_an_example_says_so(page: httpx2.AsyncClient):
    form = await form_of(page, "test.letter")
    assert any("declares no example. Fill in To" in said for said in form.obstacles), form.obstacles


async def test_a_page_shows_what_each_type_takes_and_how_a_client_of_it_is_made(page: httpx2.AsyncClient):
    shown = (await page.get("/types")).text
    rows = dict(re.findall(r'<tr id="type-([\w.]+)">(.*?)</tr>', shown, re.DOTALL))
    assert list(rows)[:4] == list(FIRST)
    assert rows.keys() >= CATALOG.types.keys()
    mail = re.sub(r"<[^>]+>", " ", rows["email.send"]).split()
    assert " ".join(mail).endswith("email to , subject and 9 optional 5 fields 6 5 min 7 d"), mail
    assert 'href="/?type=email.send"' in rows["email.send"]
    assert "any JSON" in rows["demo.echo"]
    assert "not kept" in rows["feed.item"]
    assert "corral codegen typescript --out web/corral --server http" in shown
