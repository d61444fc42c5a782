"""HEAD: the headers that GET would answer. Monitors and caches ask so. Source: RFC 9110, 9.3.2."""

import asyncio

from starlette.types import Message, Receive, Scope, Send


def as_get(scope: Scope, send: Send) -> tuple[Receive, Send]:
    """Have a request for headers served as GET; returns what its application receives and sends with.

    The answer ends after its headers, and the application hears that the client left, so that a stream ends, too.
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
            return
        await send(message)
        if message["type"] == "http.response.start":
            answered.set()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return receiving, sending
