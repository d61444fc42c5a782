"""Health: the age of the last round, and nothing else."""

import asyncio
from contextlib import closing

import httpx2
import pytest

import corral_operator.reports.metrics  # noqa: F401  # what is served
from corral.http_client.http_calls import NO_AUTHORITIES
from corral_operator.reports.health import ROUND_TOO_OLD_SECONDS, serve


@pytest.mark.parametrize(
    ("age", "answer"),
    [
        (0.5, (200, "ok\n")),
        (ROUND_TOO_OLD_SECONDS, (200, "ok\n")),
        (ROUND_TOO_OLD_SECONDS + 1, (503, "the last round ended 31 seconds ago\n")),
    ],
)
async def test_an_operator_whose_rounds_stopped_is_not_healthy(age, answer):
    with closing(serve("127.0.0.1", 0, lambda: age)) as server:
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", verify=NO_AUTHORITIES, trust_env=False
        ) as http:
            health, metrics, other = await asyncio.gather(
                *(http.get(path) for path in ("/healthz?x=1", "/metrics", "/elsewhere"))
            )
    assert (health.status_code, health.text) == answer
    assert metrics.text.count("corral_operator_loop_seconds_count") == 1
    assert (other.status_code, other.json()["paths"]) == (404, ["/healthz", "/metrics"])
