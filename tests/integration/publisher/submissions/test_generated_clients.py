"""Generated clients against a real publisher: what they send is stored, what they refuse it refuses in the same words."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.typescript import compiled, needs_typescript, node
from tests.integration.publisher.conftest import Hand, Publisher, anything, letter
from tests.unit.codegen.loading import importing

from corral.actions.access.principal import Role
from corral.catalog import Catalog
from corral.client import Client, Connection
from corral.codegen import generate

WRONG = [
    {},
    {"to": 5},
    {"to": "ada", "more": 1},
    {"to": "ada", "pages": "x"},
    {"to": "ada", "weights": [1, "y"]},
    {"to": "ada", "pages": "\u202e\u200b\x7f"},
]


def files(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in folder.iterdir()}


def from_server(language: str, publisher: Publisher, key: str, out: Path) -> None:
    with Client(Connection(publisher.url, key, "test")) as api:
        generate(language, api, out, types=["test.*"])


async def test_a_server_and_a_catalog_make_the_same_and_python_speaks_to_it(
    publisher: Publisher, keys: dict[Role, str], hand: Hand, tmp_path: Path
):
    key = keys[Role.OPERATOR]
    await asyncio.to_thread(from_server, "python", publisher, key, tmp_path / "posted")
    catalog = Catalog({one.name: one for one in (letter, anything)})
    generate("python", catalog, tmp_path / "declared")
    assert files(tmp_path / "posted") == files(tmp_path / "declared")
    with importing(tmp_path, "posted") as package:
        async with package.AsyncClient(publisher.url, key) as corral:
            await _refuses_alike(package, corral)
            job = await corral.test_letter.submit({"to": "ada"}, queue="express", priority="high", delay=0)
            assert (job.queue, job.priority, job.state) == ("express", "high", "queued")
            assert (await corral.test_letter.cancel(job.id)).state == "cancelled"
            again = [await corral.test_anything.submit([1], idempotency_key="once") for _ in range(2)]
            assert again[0].id == again[1].id
            bulk = await corral.test_letter.submit_many([{"to": "a"}, {}], partial=True)
            assert (bulk.accepted, bulk.refused) == (1, 1)
            assert str(bulk.items[1][0]) == "/payload/to: is required"
            job = await corral.test_anything.submit()
            await hand.complete(job.id, '{"pages": 3}')
            events = [event async for event in corral.test_anything.follow(job)]
            assert events[-1].job.completed() == {"pages": 3}
            assert (await corral.test_anything.wait(job, 10)).result == {"pages": 3}


async def _refuses_alike(package: Any, corral: Any) -> None:
    for payload in WRONG:
        with pytest.raises(package.InvalidPayload) as here:
            await corral.test_letter.submit(payload)
        with pytest.raises(package.Problem) as there:
            await corral.test_letter.submit(payload, validate=False)
        assert here.value.errors == there.value.errors
    with pytest.raises(package.InvalidPayload) as here:
        await corral.test_letter.submit({"to": "ada"}, delay=-1)
    with pytest.raises(package.Problem) as there:
        await corral.test_letter.submit({"to": "ada"}, delay=-1, validate=False)
    assert here.value.errors == there.value.errors


SCRIPT = """
import { Client, InvalidPayload, Problem } from "./out/acme/index.js";
const [url, key, wrong] = process.argv.slice(2);
const corral = new Client({ url, key });
const told = async (payload, validate) => {
  try { await corral.testLetter.submit(payload, { validate }); } catch (error) {
    if (!(error instanceof (validate ? InvalidPayload : Problem))) throw error;
    return error.errors;
  }
};
const refused = [];
for (const payload of JSON.parse(wrong)) refused.push([await told(payload, true), await told(payload, false)]);
const job = await corral.testLetter.submit({ to: "ada" }, { queue: "express", priority: "high" });
const cancelled = corral.testLetter.cancel(job.id);
const states = [];
for await (const event of corral.testLetter.follow(job)) if (event.job) states.push(event.job.state);
await cancelled;
const bulk = await corral.testLetter.submitMany([{ to: "a" }, {}], { partial: true });
const waited = await corral.testAnything.submit(undefined, { wait: 0.1, idempotencyKey: "once" });
const again = await corral.testAnything.submit(undefined, { idempotencyKey: "once", wait: 0.1 });
console.log(JSON.stringify({ refused, queue: job.queue, last: states.at(-1), bulk, same: waited.id === again.id }));
"""


@needs_typescript
async def test_typescript_speaks_to_it_from_node(publisher: Publisher, keys: dict[Role, str], tmp_path: Path):
    key = keys[Role.OPERATOR]
    await asyncio.to_thread(from_server, "typescript", publisher, key, tmp_path / "src" / "acme")
    assert await asyncio.to_thread(compiled, tmp_path) == ""
    (tmp_path / "run.mjs").write_text(SCRIPT)
    said = await asyncio.to_thread(node, "run.mjs", publisher.url, key, json.dumps(WRONG), folder=tmp_path)
    told = json.loads(said)
    assert len(told["refused"]) == len(WRONG)
    for here, there in told["refused"]:
        assert here == there
        assert here
    assert (told["queue"], told["last"], told["same"]) == ("express", "cancelled", True)
    assert (told["bulk"]["accepted"], told["bulk"]["refused"]) == (1, 1)
    assert told["bulk"]["items"][1]["errors"] == [{"pointer": "/payload/to", "message": "is required"}]
