"""`image.process` on a real worker: from an upload, a file of another job and an address, within its memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pyvips
from tests.integration.worker.system import System
from tests.unit.corral_jobs.image.pictures import saved, scene

from corral.job.job import Job
from corral.job.state import State

SMALL = [{"width": 60, "format": "webp"}, {"width": 20, "height": 20, "resize": "fill", "format": "avif"}]


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives one answer after the other, the last one for ever; its address."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/pictures/Beach.jpg"


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return head.encode() + b"\r\n\r\n" + body


async def upload(system: System, data: bytes) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    stored = await system.store.uploads.take("a.jpg", "image/jpeg", pieces(), created_by="ann", seconds=600)
    return str(stored.id)


async def processed(system: System, **payload: Any) -> Job:
    return await system.result("image.process", payload, retries=2)


async def pictures(system: System, job: UUID) -> dict[str, Any]:
    """What a browser would get, read again."""
    return {
        file.name: pyvips.Image.new_from_buffer(
            b"".join([part async for part in system.store.artifacts.read(file)]), ""
        )
        for file in await system.store.artifacts.list(job)
    }


async def test_pictures_come_from_uploads_other_jobs_and_addresses(system: System):
    await system.ready(queues="demo", outgoing_allow="127.0.0.1/32")
    first = await processed(system, upload=await upload(system, saved(scene(), ".jpg")), outputs=SMALL)
    assert first.state is State.COMPLETED, first.error
    assert [one["name"] for one in first.result["images"]] == ["a-60x40.webp", "a-20x20.avif"]
    made = await pictures(system, first.id)
    assert {name: (one.width, one.height) for name, one in made.items()} == {
        "a-60x40.webp": (60, 40),
        "a-20x20.avif": (20, 20),
    }
    second = await processed(system, artifact={"job": str(first.id), "name": "a-60x40.webp"})
    assert second.result["source"]["format"] == "webp"
    async with serving(http("200 OK", saved(scene(), ".jpg"))) as url:
        third = await processed(system, url=url)
    assert [one["name"] for one in third.result["images"]] == ["Beach-120x80.jpg"]


async def test_a_server_that_is_busy_is_asked_again_when_it_says(system: System):
    await system.ready(queues="demo", outgoing_allow="127.0.0.1/32")
    async with serving(http("503 Later", b"", "Retry-After: 1800")) as url:
        (id,) = await system.submit("image.process", {"url": url}, retries=2)
        job = await system.state(id, State.SCHEDULED)
    assert (job.errors, "answered 503" in job.error["message"]) == (1, True)
    assert 1_700 < (job.run_at - job.updated_at).total_seconds() < 1_900


async def test_what_can_not_be_had_says_why_and_is_not_tried_again(system: System):
    await system.ready(queues="demo", outgoing_allow="127.0.0.1/32")
    async with serving(http("404 Not Found")) as missing, serving(http("200 OK", b"<html></html>")) as page:
        told = {
            missing: "answered 404, not 200",
            page: "the file is a web page, which is not read",
            "http://169.254.169.254/latest": "is a metadata service of a cloud",
            "http://127.0.0.2/a.png": "nothing is sent to",
            "file:///etc/passwd": "nothing is sent to",
        }
        for url, reason in told.items():
            job = await processed(system, url=url)
            assert (job.state, job.attempt) == (State.FAILED, 1), job
            assert reason in job.error["message"]
