"""Request bodies: they are read once, within limits of size and time, and parsed strictly."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Receive

from corral import json_codec
from corral.actions.submissions.json_value import refuse_faults
from corral.errors import CorralError, FieldError, InvalidInput, TooLarge
from corral.job.limits import MAX_DEPTH

ARRIVED = "corral.body_arrived"
"""In the scope of a request whose body had arrived before its application was called: nothing will be waited for."""
GONE = "the client went away"
MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some programs write before UTF-8; it may be ignored. Source: RFC 8259, 8.1."""
NUL = b"\\u0000"
"""A NUL character as JSON writes it; or what looks like one behind a backslash."""
FORM = re.compile(rb"[A-Za-z0-9_.%+-]+=")
"""How a form's body begins, and JSON doesn't. curl says of JSON, too, that it is a form."""


class SlowBody(CorralError):
    """The client did not send its body in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the whole body must arrive within {seconds:g} seconds")


class NotJson(InvalidInput):
    """The body is not JSON."""


class ClientGone(CorralError):
    """The client disconnected before its body was complete, so nobody reads the response."""


async def read_from(request: Request, *, limit: int, seconds: float) -> bytes:
    """Read the whole body of a request, without a clock where it is here already. Raises as `read` does."""
    if ARRIVED in request.scope:
        return await _arrived(request.receive, limit)
    return await read(request.receive, request.headers, limit=limit, seconds=seconds)


async def read(receive: Receive, headers: Mapping[str, str], *, limit: int, seconds: float) -> bytes:
    """Read the whole body.

    Raises:
        TooLarge: it is larger than `limit` bytes, or its Content-Length is.
        SlowBody: it was not complete within `seconds`.
        ClientGone: the client disconnected.
    """
    chunks = [piece async for piece in pieces(receive, headers, limit=limit, seconds=seconds)]
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _arrived(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone(GONE)
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(chunks[-1])
        if size > limit:
            raise TooLarge("the body", size, limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def pieces(
    receive: Receive, headers: Mapping[str, str], *, limit: int, seconds: float
) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises as `read` does."""
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise TooLarge("the body", int(declared[:20]), limit)
    size = 0
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        more = True
        while more:
            # Set anew for each piece: a server that waits with wait_for may swallow the cancel of the last one.
            async with asyncio.timeout_at(deadline):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone(GONE)
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            if size > limit:
                raise TooLarge("the body", size, limit)
            yield chunk
    except TimeoutError as error:
        raise SlowBody(seconds) from error


def parse_from(request: Request, body: bytes, *, in_parts: bool = False) -> Any:
    """The JSON value of a request's body. Where it is no JSON, its headers may tell what it is. Raises as `parse` does.

    Texts that hold NUL characters are refused as well, but `in_parts`.
    """
    text = body.removeprefix(MARK)
    try:
        value = parse(text, in_parts=in_parts)
    except NotJson as error:
        instead = _instead(text, request.headers)
        if not instead:
            raise
        raise NotJson(FieldError("", instead)) from error
    if not in_parts and NUL in text:
        refuse_faults(value, "")
    return value


def _instead(body: bytes, headers: Mapping[str, str]) -> str:
    """What was sent in place of JSON, for people; empty where that can't be told."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if not body.strip():
        return "the body is empty; send JSON"
    if coding := headers.get("content-encoding", ""):
        return f"the body is compressed ({coding[:20]}); send it as it is, without Content-Encoding"
    if charset not in ("", "utf-8", "utf8"):
        return f"the body is encoded in {charset[:20]}; send UTF-8"
    of_form = kind == "application/x-www-form-urlencoded" and FORM.match(body) is not None
    return "the body is a form; send JSON" if of_form or kind == "multipart/form-data" else ""


def parse(body: bytes, *, in_parts: bool = False) -> Any:
    """The JSON value of a body, its numbers as they were written (see `json_codec.loads`).

    Strict: UTF-8, no NaN, no number beyond a double, no lone surrogate. Of two members with one name the last
    counts. `in_parts`: the caller refuses what can't be stored part by part (`refuse_faults`), so that one is not
    refused with another.

    Raises:
        NotJson: it is not JSON.
        InvalidInput: it is JSON that can't be stored; names the places.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _by_number(body, NotJson(FieldError("", f"not JSON: {error}")), in_parts=in_parts)
    if json_codec.may_round(body):
        deep = InvalidInput(FieldError("", f"is nested deeper than {MAX_DEPTH} levels"))
        return _by_number(body, deep, in_parts=in_parts)
    return value


def _by_number(body: bytes, otherwise: InvalidInput, *, in_parts: bool) -> Any:
    """Parse what the fast parser refuses or rounds, number by number; `otherwise` is returned where that fails.

    Raises:
        InvalidInput: it contains values that can't be stored; names the places.
    """
    try:
        value = json_codec.exact(body)
    except ValueError as error:
        raise otherwise from error
    if not in_parts:
        refuse_faults(value, "")
    return value
