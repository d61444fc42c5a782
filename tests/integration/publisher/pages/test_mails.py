"""The mail sink: what is sent to it stands on its pages, with source and files, and can do no harm there."""

import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage

import httpx2
import pytest
from aiosmtplib import SMTP
from fastapi import FastAPI
from tests.integration.publisher.page import signed_in

from corral.actions.access.principal import Role
from corral.store import Store
from corral.store.mail.sink_mails import SinkMails
from corral_publisher.mail_sink import serve_sink

HTML = {"Accept": "text/html"}


@pytest.fixture
async def smtp(store: Store) -> AsyncIterator[SMTP]:
    """A connection to a sink."""
    server = await serve_sink(socket.create_server(("127.0.0.1", 0)), store)
    port = server.sockets[0].getsockname()[1]
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        yield client
    server.close()


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with signed_in(app, store, Role.VIEWER) as client:
        yield client


def letter(subject: str = "Your report") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "corral@example.com", "ann@example.com", subject
    mail.set_content("It is <b>ready</b>.")
    mail.add_alternative("<script>alert(1)</script><p>Ready</p>", subtype="html")
    mail.add_attachment(b"%PDF-1.7", "application", "pdf", filename="report.pdf")
    return mail


async def test_a_caught_mail_is_listed_and_shown_with_its_source_and_files(
    smtp: SMTP, browser: httpx2.AsyncClient, store: Store
):
    await smtp.send_message(letter(), recipients=["ann@example.com", "hidden@example.com"])
    (kept,) = await store.sink_mails.list()
    listed = (await browser.get("/mails")).text
    assert "Your report" in listed
    assert "ann@example.com, hidden@example.com" in listed
    shown = (await browser.get(f"/mails/{kept.id}")).text
    assert "It is &lt;b&gt;ready&lt;/b&gt;." in shown
    assert "report.pdf" in shown
    source = await browser.get(f"/mails/{kept.id}/source")
    assert source.headers["content-type"].startswith("text/plain")
    assert source.content == kept.source
    file = await browser.get(f"/mails/{kept.id}/files/0")
    assert file.content == b"%PDF-1.7"
    assert "report.pdf" in file.headers["content-disposition"]
    html = await browser.get(f"/mails/{kept.id}/html")
    assert "sandbox" in html.headers["content-security-policy"]
    assert "script-src" not in html.headers["content-security-policy"]


async def test_what_is_not_there_is_not_found(browser: httpx2.AsyncClient, smtp: SMTP, store: Store):
    await smtp.send_message(letter())
    (kept,) = await store.sink_mails.list()
    for path in (
        "/mails/x",
        f"/mails/{kept.id}/files/7",
        "/mails/0190a1b2-0000-7000-8000-000000000001/source",
    ):
        assert (await browser.get(path)).status_code == 404


async def test_mails_are_for_those_who_signed_in(stranger: httpx2.AsyncClient):
    assert (await stranger.get("/mails", headers=HTML)).headers["location"] == "/sign-in?next=/mails"


async def test_a_mail_that_nobody_can_parse_is_shown_all_the_same(browser: httpx2.AsyncClient, store: Store):
    kept = await store.sink_mails.add("", ["a@example.com"], b"Subject: =?x?q?\xff\r\nTo: <<<\r\nContent-Type: text/plain; charset=x-no\r\n\r\n\xff\xfe")  # fmt: skip
    assert (await browser.get("/mails")).status_code == 200
    assert (await browser.get(f"/mails/{kept}")).status_code == 200


async def test_only_the_newest_are_kept(store: Store):
    mails = SinkMails(store.database, kept=2)
    ids = [await mails.add("a@example.com", [], b"") for _ in range(4)]
    assert [mail.id for mail in await mails.list()] == ids[:1:-1]
