"""What is wrong for long is told when it begins, and not once a second for ever."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from tests.fixtures.waiting import eventually_async
from tests.integration.operator.kubernetes import Kubernetes
from tests.integration.operator.operating import operating
from tests.integration.operator.workers import Workers

from corral.dispatch import Dispatch
from corral_operator.cluster.api import Api
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.schema import check

TURNS = 8
"""Turns in which the same is refused."""


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        ({"denied": (403, 'admission webhook "policy.example" denied the request')}, "pool.not_scaled"),
        ({"denied": (422, "spec.replicas: too many")}, "pool.not_scaled"),
        ({"status_denied": 'cannot patch resource "workerpools/status"'}, "pool.status_not_written"),
    ],
)
async def test_what_is_refused_in_every_turn_has_one_line(
    hurried: None,
    dispatch: Dispatch,
    capfd: pytest.CaptureFixture[str],
    fault: dict[str, Any],
    event: str,
) -> None:
    async with (
        Kubernetes(pool={"minReplicas": 2}, **fault) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        await eventually_async(lambda: len(kubernetes.refused) >= TURNS, "it is tried again and again")
        kubernetes.denied = kubernetes.status_denied = None
        await eventually_async(lambda: len(kubernetes.pods) == 2 and kubernetes.status, "it goes on")
    assert capfd.readouterr().out.count(event) == 1


async def test_an_api_server_that_is_away_at_the_start_has_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    configuration = Configuration(host="http://127.0.0.1:1")  # nobody listens there
    api = Api(ApiClient(configuration), configuration)
    tries: list[None] = []
    checking = asyncio.create_task(check(Cluster(api, "n"), lambda: tries.append(None)))
    try:
        await eventually_async(lambda: len(tries) >= 3, "it asks again")
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        await api.close()
    assert capfd.readouterr().out.count("schema.waiting") == 1
