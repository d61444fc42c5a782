"""Events about a pool on a real API server: each decision at first, and few of many."""

import itertools
import re
import time

import pytest
from tests.cluster.operator.kube import Kube
from tests.cluster.operator.operator_process import OperatorProcess
from tests.cluster.operator.stage import Stage, until

from corral_operator.reports.event_rate_limit import MAX_EVENTS_AT_ONCE, SECONDS_PER_EVENT

pytestmark = pytest.mark.timeout(400)


def scaled(kube: Kube) -> list[str]:
    """What the Events say that tell of decisions."""
    return [one["message"] for one in kube.get("events")["items"] if one["reason"] == "Scaled"]


async def test_a_pool_that_moves_all_the_time_is_told_of_now_and_then(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool()
    operator.start()
    await until(lambda: kube.conditions().get("Ready"), "the pool is accepted")
    began, moves = time.monotonic(), 0
    for workers in itertools.cycle((2, 1)):
        stage.bounds(workers, workers)
        wanted = workers
        await until(
            lambda wanted=wanted: kube.get("workerpool", "io")["status"]["desired"] == wanted, "decided"
        )
        moves += 1
        told = scaled(kube)
        assert len(told) <= MAX_EVENTS_AT_ONCE + (time.monotonic() - began) / SECONDS_PER_EVENT + 1
        if missed := [found for one in told if (found := re.search(r" \((\d+) more Scaled since", one))]:
            break
        assert len(told) <= moves + 2
    assert len(told) >= MAX_EVENTS_AT_ONCE
    assert len(told) + int(missed[0][1]) in range(
        moves, moves + 3
    )  # and what the pool did before its first bounds
    assert operator.stop() == 0
