"""How long a request may take and how much may come back: real silences, floods and bombs."""

import asyncio
import gzip
import sys
import zlib
from contextlib import suppress
from functools import cache

import brotli
import pytest
from tests.integration.outgoing.server import Server, answer

from corral.errors import OutgoingFailed
from corral.outgoing.client import OutgoingClient
from corral.outgoing.limits import RequestLimits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEGABYTE = 1_000_000
SMALL = RequestLimits(max_bytes=MEGABYTE, total=20)


PACKERS = {
    "gzip": lambda data: gzip.compress(data, 9),
    "deflate": lambda data: zlib.compress(data, 9),
    "br": lambda data: brotli.compress(data, quality=5),
    "zstd": lambda data: zstd.compress(data, 9),
}


@cache
def bomb(encoding: str) -> bytes:
    """A hundred megabytes of zeros, packed when first asked for: it takes a second."""
    return bytes(PACKERS[encoding](bytes(100 * MEGABYTE)))


async def read(
    client: OutgoingClient, server: Server, limits: RequestLimits = SMALL, path: str = "/"
) -> tuple[str, int]:
    """Why it failed, and how many bytes had come by then."""
    got = 0

    async def take() -> None:
        nonlocal got
        async with client.stream(
            "GET", f"http://outside.test:{server.port}{path}", limits=limits
        ) as response:
            async for piece in response.pieces():
                got += len(piece)

    with pytest.raises(OutgoingFailed) as failed:
        await take()
    return failed.value.reason, got


@pytest.mark.parametrize("encoding", PACKERS)
async def test_a_bomb_is_noticed_at_the_limit(client: OutgoingClient, outside: Server, encoding: str):
    assert len(bomb(encoding)) < MEGABYTE / 5
    outside.answers["/"] = answer(bomb(encoding), content_encoding=encoding)
    reason, got = await read(client, outside)
    assert reason == "too-large"
    assert got <= MEGABYTE


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,br", "br, br, br"])
async def test_a_bomb_within_a_bomb_is_not_opened(client: OutgoingClient, outside: Server, encoding: str):
    outside.answers["/"] = answer(gzip.compress(bomb("gzip")), content_encoding=encoding)
    assert await read(client, outside) == ("encoding", 0)


async def test_a_length_that_is_too_large_is_refused_before_a_byte_is_read(
    client: OutgoingClient, outside: Server
):
    outside.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n"
    assert await read(client, outside) == ("too-large", 0)


async def test_a_body_without_a_length_is_cut_off_at_the_limit(client: OutgoingClient, outside: Server):
    outside.answers["/"] = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *([bytes(100_000)] * 50)]
    reason, got = await read(client, outside)
    assert (reason, got <= MEGABYTE) == ("too-large", True)


async def test_a_body_that_never_becomes_anything_is_counted_as_it_is_sent(
    client: OutgoingClient, outside: Server
):
    """Empty blocks of deflate: megabytes come, and nothing comes out of them."""
    empty = b"\x00\x00\x00\xff\xff" * 40_000
    outside.answers["/"] = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nConnection: close\r\n\r\n\x78\x9c",
        *([empty] * 10),
    ]
    assert await read(client, outside) == ("too-large", 0)


async def test_headers_without_end_are_not_read_to_the_end(client: OutgoingClient, outside: Server):
    outside.answers["/"] = [b"HTTP/1.1 200 OK\r\n", *([b"X-Filling: " + b"x" * 1_000 + b"\r\n"] * 500)]
    assert await read(client, outside) == ("broken", 0)


async def test_a_silent_server_is_given_up(client: OutgoingClient, outside: Server):
    assert await read(client, outside, RequestLimits(silence=0.1)) == ("timeout", 0)


async def test_all_of_it_has_a_time_however_busy_the_server_looks(
    client: OutgoingClient, outside: Server, monkeypatch: pytest.MonkeyPatch
):
    """A byte now and then is no silence. The time passes when the first byte has come."""
    loop = asyncio.get_running_loop()
    now, limits = loop.time, RequestLimits(silence=3600, total=60)
    served: list[asyncio.Task[None] | None] = []

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        with suppress(OSError):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not writer.is_closing():  # until the other side has had enough
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)  # the server's slowness is what is tried
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(drip, "127.0.0.2", 0)
    url = f"http://outside.test:{server.sockets[0].getsockname()[1]}/"

    async def take() -> None:
        async with client.stream("GET", url, limits=limits) as response:
            async for _ in response.pieces():
                monkeypatch.setattr(loop, "time", lambda: now() + 61)

    with pytest.raises(OutgoingFailed, match="longer than 60 s in all") as failed:
        await take()
    await asyncio.gather(*filter(None, served))
    server.close()
    await server.wait_closed()
    assert failed.value.reason == "timeout"


async def test_the_name_has_a_time_too(trusting):
    asked = asyncio.Event()

    async def never(host: str, port: int):
        asked.set()
        await asyncio.Event().wait()

    async with OutgoingClient(resolver=never, tls=trusting) as client:
        with pytest.raises(OutgoingFailed) as failed:
            async with client.stream("GET", "http://slow.test/", limits=RequestLimits(connect=0.05)):
                pass
    assert (failed.value.reason, asked.is_set()) == ("timeout", True)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    ],
)
async def test_what_is_no_whole_answer_is_told(client: OutgoingClient, outside: Server, said: bytes):
    outside.answers["/"] = [said, b"\r\nConnection: close"] if b"close" not in said else said
    reason, _ = await read(client, outside)
    assert reason == "broken"


async def test_a_body_is_given_out_while_the_rest_is_still_to_come(client: OutgoingClient, outside: Server):
    packed = gzip.compress(b"first")
    outside.answers["/"] = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 500000\r\n\r\n" + packed
    ]
    async with client.stream("GET", f"http://outside.test:{outside.port}/") as response:
        async for piece in response.pieces():
            assert piece == b"first"
            break


async def test_whoever_reads_no_body_waits_for_none(client: OutgoingClient, outside: Server):
    outside.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n"
    async with client.stream("GET", f"http://outside.test:{outside.port}/") as response:
        assert response.status == 200
