"""The pages of reports and mails in a real browser, and the pictures of the tutorials."""

import asyncio
import os
import re
import smtplib
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FloatRect, Page, expect
from tests.browser.accessibility import faults
from tests.browser.conftest import Site
from tests.browser.test_pages import operator
from tests.browser.windows import DESK, KEPT, Windows

from corral.store import Store
from corral_publisher.mail_sink import serve_sink

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURES = (
    Path(__file__).resolve().parents[2] / "docs" / "images"
    if os.environ.get("PICTURES")
    else KEPT / "pictures"
)
"""`PICTURES=1 make test-browser` renews those of the documentation."""


async def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    top = FloatRect(x=0, y=0, width=DESK["width"], height=420)
    await page.screenshot(path=PICTURES / f"{name}.png", clip=top)


@pytest_asyncio.fixture(loop_scope="session")
async def store(site: Site) -> AsyncIterator[Store]:
    opened = Store.open(site.settings.database_url, pool_size=2)
    yield opened
    await opened.close()


async def caught(store: Store, subject: str, body: str, to: str = "ann@example.com") -> str:
    """A mail in the sink."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Corral <corral@example.com>", to, subject
    mail.set_content(body)
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="orders.pdf")
    return str(await store.sink_mails.add("corral@example.com", [to], mail.as_bytes()))


async def test_a_report_is_asked_for_watched_and_downloaded(page: Page, tmp_path: Path):
    await page.goto("/reports")
    await page.get_by_role("button", name="Generate report").click()
    row = page.locator("tbody tr").first
    await expect(row.locator(".badge.running")).to_be_visible()
    await expect(row.locator("progress")).to_be_visible()
    await page.evaluate("window.still = true")
    await expect(row.locator(".badge.completed")).to_be_visible()
    assert await page.evaluate("window.still"), "it moved without a reload"
    await expect(row).to_contain_text("Queue statistics")
    for label, suffix in (
        ("Download", ".pdf"),
        ("Download the data as CSV", ".csv"),
        ("Download the data as XLSX", ".xlsx"),
    ):
        async with page.expect_download() as download:
            await row.get_by_role("link", name=label, exact=True).click()
        assert (await download.value).suggested_filename.endswith(suffix)
    await picture(page, "reports")


async def test_a_running_report_is_cancelled_and_made_again(page: Page, site: Site):
    async with await operator(site) as client:
        slow = (await client.post("/reports", json={"title": "Takes its time", "pace": [60, 60, 60]})).json()[
            "id"
        ]
    await page.goto(f"/reports?q={slow}")
    row = page.locator(f"#report-{slow}")
    await expect(row.locator(".badge.running")).to_be_visible()
    await row.get_by_role("button", name="Cancel").click()
    await expect(row.locator(".badge.cancelled")).to_be_visible()
    await row.get_by_role("button", name="Retry").click()
    await expect(row.locator(".badge.running")).to_be_visible()
    await row.get_by_role("button", name="Cancel").click()
    await expect(row.locator(".badge.cancelled")).to_be_visible()


async def test_reports_are_searched_and_filtered_without_scripts(windows: Windows, site: Site):
    async with await operator(site) as client:
        made = (await client.post("/reports", json={"rows": [{"a": 1}], "title": "No scripts <b>"})).json()[
            "id"
        ]
    page = await windows.open(scripts=False)
    await site.sign_in(page)
    await page.goto("/reports")
    await page.get_by_label("Id").fill(made)
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator(f"#report-{made}")).to_contain_text("No scripts <b>")
    await page.get_by_label("Status").select_option("FAILED")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator(".empty")).to_contain_text("No reports match")


async def test_a_caught_mail_is_read_with_its_source_and_files(page: Page, store: Store):
    link = "https://corral.example.com/reports/1/download?token=abc"
    mail = await caught(store, "Your report is ready: Orders", f"Download it: {link}\n")
    await caught(store, "Welcome", "Thanks for signing up.", to="bob@example.com")
    await page.goto("/mails")
    await picture(page, "mails")
    await page.get_by_role("link", name="Your report is ready: Orders").first.click()
    await expect(page).to_have_url(re.compile(f"/mails/{mail}$"))
    await expect(page.locator("main")).to_contain_text(link)
    async with page.expect_download() as download:
        await page.get_by_role("row", name="orders.pdf").get_by_role("link").click()
    assert (await download.value).suggested_filename == "orders.pdf"
    await picture(page, "mail")


async def test_a_mail_that_is_sent_to_the_sink_is_there_at_once(page: Page, store: Store):
    listener = socket.create_server(("127.0.0.1", 0))
    server = await serve_sink(listener, store)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Through the sink"
    message.set_content("Here it is.")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", listener.getsockname()[1], timeout=30) as smtp:
            smtp.send_message(message)

    await asyncio.to_thread(send)
    server.close()
    await page.goto("/mails")
    await expect(page.get_by_role("link", name="Through the sink")).to_be_visible()


@pytest.mark.parametrize("path", ["/reports", "/mails"])
@pytest.mark.parametrize("phone", [False, True])
async def test_the_pages_are_accessible_and_fit_a_phone(windows: Windows, site: Site, path: str, phone: bool):
    page = await windows.open(phone=phone)
    await site.sign_in(page)
    await page.goto(path)
    await expect(page.locator("h1")).to_be_visible()
    assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
