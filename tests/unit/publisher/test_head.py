"""Who asks for the headers alone costs no body: what would be sent in pieces is not made."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from corral_publisher.requests.middleware import RequestMiddleware

SCOPE = {"type": "http", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}


async def answered(app: ASGIApp, method: str) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    with capture_logs() as logs:
        await RequestMiddleware(app)({**SCOPE, "method": method}, receive, send)
    assert logs == []
    return sent


@pytest.mark.parametrize(("method", "pieces"), [("GET", 100), ("HEAD", 1)])
async def test_a_file_is_not_read_for_its_headers(method: str, pieces: int):
    read = 0

    async def file() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x"

    sent = await answered(StreamingResponse(file(), headers={"Content-Length": "100"}), method)
    assert (sent[0]["status"], read) == (200, pieces)
    assert (b"content-length", b"100") in sent[0]["headers"]
    assert b"".join(one.get("body", b"") for one in sent) == (b"x" * 100 if method == "GET" else b"")
    assert not sent[-1]["more_body"]


async def test_an_answer_in_one_piece_is_no_fault():
    sent: list[Any] = await answered(Response(b"text"), "HEAD")
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b""
