"""HEAD: the headers that GET would answer. Monitors and caches ask so. Source: RFC 9110, 9.3.2."""

import asyncio

from starlette.types import Message, Receive, Scope, Send


class HeadersWereAllError(OSError):
    """The answer to HEAD is complete. Source: ASGI 2.4, disconnected client: `send` raises an OSError."""


def as_get(scope: Scope, send: Send) -> tuple[Receive, Send]:
    """Have a request for headers served as GET; returns what its application receives and sends with.

    The answer ends after its headers, and an application that would send more in pieces learns that the client left, by
    either of the ways that ASGI has: so streams and files end, too.
    """
    scope["method"] = "GET"
    asked, answered = False, asyncio.Event()

    async def receiving() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await answered.wait()
        return {"type": "http.disconnect"}

    async def sending(message: Message) -> None:
        if answered.is_set():
            if message.get("more_body"):
                raise HeadersWereAllError
            return
        await send(message)
        if message["type"] == "http.response.start":
            answered.set()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return receiving, sending
