"""A person signs in and out in a browser without scripts."""

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.page import HTML, Page, client_of, page_of, send

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.store import Store


async def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(app: FastAPI, store: Store):
    link = await SignIn(store).create_link("ann", Role.VIEWER)
    async with client_of(app, None) as first, client_of(app, None) as second:
        for _ in range(3):  # a chat's preview, a mail scanner
            assert (await first.get(f"/sign-in/{link}", headers=HTML)).status_code == 200
        answer = await first.post(f"/sign-in/{link}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        first.headers.update(HTML)
        assert "ann" in (await page_of(first, "/jobs")).text
        again = await second.post(f"/sign-in/{link}")
        assert again.status_code == 403
        assert "used already" in again.text


async def test_who_is_not_signed_in_is_led_there_and_back(app: FastAPI, keys: dict[Role, str]):
    async with client_of(app, None) as client:
        answer = await client.get("/jobs?state=failed", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/sign-in?next=/jobs%3Fstate%3Dfailed",
        )
        form = Page((await client.get(answer.headers["location"], headers=HTML)).text)
        done = await client.post("/sign-in", data={"key": keys[Role.VIEWER], "next": form.value("next")})
        assert done.headers["location"] == "/jobs?state=failed"


@pytest.mark.parametrize(
    "goal", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
async def test_the_way_back_leads_nowhere_else(app: FastAPI, keys: dict[Role, str], goal: str):
    async with client_of(app, None) as client:
        done = await client.post("/sign-in", data={"key": keys[Role.VIEWER], "next": goal})
        assert done.headers["location"] == "/"


async def test_a_wrong_key_signs_nobody_in(app: FastAPI, store: Store):
    async with client_of(app, None) as client:
        answer = await client.post("/sign-in", data={"key": "corral_wrong"})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session_everywhere(app: FastAPI, browser: httpx2.AsyncClient):
    cookies = dict(browser.cookies)
    assert (await send(browser, "/sign-out")).status_code == 303
    async with client_of(app, None) as other:
        other.cookies.update(cookies)
        assert (await other.get("/jobs", headers=HTML)).status_code == 303
