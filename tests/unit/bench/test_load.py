"""The load generator counts what was answered, however the answers arrive."""

import asyncio
import threading

import pytest
from bench.measuring import load

pytestmark = pytest.mark.usefixtures("kept_for_life")
ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello"


@pytest.fixture
def serve():
    """Starts a server whose connections are handled by the given coroutine; returns its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = []

    def start(handle):
        async def connected(reader, writer):
            try:
                await handle(reader, writer)
            finally:
                writer.close()

        opening = asyncio.start_server(connected, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(opening, loop).result(10)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start

    async def close():
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next turn

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


def test_each_request_is_sent_once_and_its_status_counted(serve):
    bodies = []

    async def handle(reader, writer):
        try:
            while True:
                bodies.append(await read_request(reader))
                status = b"201 Created" if len(bodies) % 2 else b"500 No"
                writer.write(ANSWER.replace(b"201 Created", status))
        except asyncio.IncompleteReadError:
            return

    request = load.post("host", "/jobs", b'{"a": 1}', {"X-Key": "k"})
    result = load.send("127.0.0.1", serve(handle), request, connections=4, requests=50)
    assert bodies == [b'{"a": 1}'] * 50
    assert result.requests == len(result.latencies) == 50
    assert result.statuses == {201: 25, 500: 25}
    assert list(result.latencies) == sorted(result.latencies)


def test_an_answer_in_pieces_is_one_answer(serve):
    async def handle(reader, writer):
        try:
            while True:
                await read_request(reader)
                for at in range(len(ANSWER)):
                    writer.write(ANSWER[at : at + 1])
                    await writer.drain()
                    await asyncio.sleep(0)
        except asyncio.IncompleteReadError:
            return

    request = load.post("host", "/", b"{}", {})
    assert load.send("127.0.0.1", serve(handle), request, connections=1, requests=3).statuses == {201: 3}


def test_a_server_that_hangs_up_is_an_error(serve):
    async def handle(reader, _):
        await read_request(reader)

    with pytest.raises(ConnectionError):
        load.send("127.0.0.1", serve(handle), load.post("host", "/", b"{}", {}), connections=1, requests=1)


def test_a_server_that_never_answers_is_an_error(serve):
    async def handle(reader, _):
        await reader.read()
        await reader.read()

    request = load.post("host", "/", b"{}", {})
    with pytest.raises(TimeoutError):
        load.send("127.0.0.1", serve(handle), request, connections=1, requests=1, limit=0.2)


def test_an_answer_without_a_length_is_an_error():
    with pytest.raises(ValueError, match="without Content-Length"):
        load.answer_length(b"HTTP/1.1 200 OK\r\n\r\n")
