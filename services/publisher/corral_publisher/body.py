"""Request bodies: bounded in size and time, read once, parsed strictly."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Receive

from corral.actions.json_value import refuse_faults
from corral.errors import CorralError, FieldError, InvalidInput, TooLarge


class SlowBody(CorralError):
    """The client did not send its body in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the whole body must arrive within {seconds:g} seconds")


class NotJson(InvalidInput):
    """The body is not JSON at all."""


class ClientGone(CorralError):
    """The client went away before its body was complete; nobody reads the answer."""


async def read(receive: Receive, headers: Mapping[str, str], *, limit: int, seconds: float) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is, or says that it will be, over `limit` bytes.
        SlowBody: it was not complete after `seconds`.
        ClientGone: the client went away.
    """
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise TooLarge("the body", int(declared[:20]), limit)
    chunks: list[bytes] = []
    size = 0
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        more = True
        while more:
            # Set anew for each piece: a server that waits with wait_for may swallow the cancel of the last one.
            async with asyncio.timeout_at(deadline):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone("the client went away")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise TooLarge("the body", size, limit)
    except TimeoutError as error:
        raise SlowBody(seconds) from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse(body: bytes) -> Any:
    """The JSON value of a body.

    Strict: UTF-8, no NaN, no number beyond a double, no lone surrogate, no
    whole number beyond 64 bits. Of two members with one name the last counts.

    Raises:
        NotJson: it is not JSON.
        InvalidInput: it is JSON that can't be stored; names the places.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _blame(body)
        raise NotJson(FieldError("", f"not JSON: {error}")) from error
    if _LONG_NUMBER in body.translate(_DIGITS):
        _blame(body)
    return value


_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
"""Every digit becomes 0, so that one search finds any long number."""
_LONG_NUMBER = b"0" * 19
"""Shorter whole numbers fit into 64 bits."""


def _blame(body: bytes) -> None:
    """Name the places that the strict parser refuses or rounds, with the help of a lenient one.

    Raises:
        InvalidInput: a place was found.
    """
    try:
        lenient = json.loads(body)
    except (ValueError, RecursionError):
        return
    refuse_faults(lenient, "")
