"""A generated TypeScript client in a browser, on a page of an application behind the publisher's own address."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, Route
from tests.browser.conftest import Site
from tests.fixtures.typescript import compiled, needs_typescript

from corral.actions.access.principal import Role
from corral.client import Client, Connection
from corral.codegen import generate

pytestmark = pytest.mark.asyncio(loop_scope="session")

USE = """async ([url, key]) => {
  const { Client, InvalidPayload } = await import("/acme/index.js");
  const corral = new Client({ url, key });
  const refused = await corral.demoSleep.submit({ seconds: "long" }).catch((error) => error);
  const job = await corral.demoSleep.submit({ seconds: 2 });
  const states = [];
  for await (const event of corral.demoSleep.follow(job)) {
    if (!event.job) continue;
    if (!states.length) await followed();
    states.push(event.job.state);
  }
  const echo = await corral.demoEcho.submit({ hello: "wörld" }, { wait: 30 });
  return {
    refused: refused instanceof InvalidPayload && refused.errors.map((one) => one.pointer),
    last: states.at(-1),
    running: states.includes("running"),
    echo: [echo.state, echo.result],
  };
}"""


@needs_typescript
async def test_it_refuses_submits_follows_and_waits(page: Page, site: Site, tmp_path: Path):
    key = await site.key(Role.OPERATOR)
    await asyncio.to_thread(_generate, site.publisher.url, key, tmp_path / "src" / "acme")
    assert await asyncio.to_thread(compiled, tmp_path) == ""
    out = tmp_path / "out" / "acme"

    async def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name:
            await route.fulfill(path=out / name, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><title>Acme</title>", content_type="text/html")

    await page.route("**/acme/*", serve)
    await page.expose_function(
        "followed", lambda: asyncio.to_thread(_queue, site.publisher.url, key, "resume")
    )
    await page.goto("/acme/")
    await asyncio.to_thread(_queue, site.publisher.url, key, "pause")  # until the job is followed
    told = await page.evaluate(USE, [site.publisher.url, key])
    assert told == {
        "refused": ["/payload/seconds"],
        "last": "completed",
        "running": True,
        "echo": ["completed", {"hello": "wörld"}],
    }


def _queue(url: str, key: str, what: str) -> None:
    with Client(Connection(url, key, "test")) as server:
        server.post(f"/queues/demo/{what}", {})


def _generate(url: str, key: str, out: Path) -> None:
    with Client(Connection(url, key, "test")) as server:
        generate("typescript", server, out, types=["demo.*"])
