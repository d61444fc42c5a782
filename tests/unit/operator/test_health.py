"""Health: the age of the last round, and nothing else."""

import asyncio

import pytest

from corral_operator.health import ROUND_TOO_OLD_SECONDS, serve


async def ask(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split(" ")[1]), answer.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("age", "answer"),
    [
        (0.5, (200, "ok\n")),
        (ROUND_TOO_OLD_SECONDS, (200, "ok\n")),
        (ROUND_TOO_OLD_SECONDS + 1, (503, "the last round was 31 seconds ago\n")),
    ],
)
async def test_an_operator_whose_rounds_stopped_is_not_healthy(age, answer):
    async with await serve("127.0.0.1", 0, lambda: age) as server:
        port = server.sockets[0].getsockname()[1]
        assert await ask(port, "/healthz?x=1") == answer
        assert (await ask(port, "/metrics"))[1].count("corral_operator_loop_seconds_count") == 1
        assert (await ask(port, "/elsewhere"))[0] == 404
