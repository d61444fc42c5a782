"""Pages as a browser without scripts gets them: their parts, and the forms that it sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import httpx2
from fastapi import FastAPI

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.store import Store

URL = "http://publisher"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {"Sec-Fetch-Site": "same-origin"}


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def value(self, name: str) -> str:
        return next(attrs["value"] or "" for tag, attrs in self.tags if attrs.get("name") == name)


async def page_of(browser: httpx2.AsyncClient, path: str) -> Page:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


async def send(browser: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """Send a form of ours, with its token."""
    token = (await page_of(browser, "/")).value("csrf")
    return await browser.post(path, data={"csrf": token} | fields, headers=FORM)


def client_of(app: FastAPI, key: str | None) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL, headers=headers)


@asynccontextmanager
async def signed_in(app: FastAPI, store: Store, role: Role) -> AsyncIterator[httpx2.AsyncClient]:
    link = await SignIn(store).create_link("ann", role)
    async with client_of(app, None) as client:
        client.headers.update(HTML)
        assert (await client.post(f"/sign-in/{link}")).status_code == 303
        yield client
