"""The operator's loop on a stand-in API server, ten times as fast as it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.integration.operator.kubernetes import Kubernetes

from corral.dispatch import Dispatch
from corral_operator.cluster.lease import Lease
from corral_operator.cluster.pool_selector import PoolSelector
from corral_operator.cluster.pools import PoolIndex
from corral_operator.reconcile import TURN_SECONDS, Reconciler
from corral_operator.scale_down.victim import ANSWER_VALID_SECONDS
from corral_operator.timing import ABSENT_SECONDS, Timing

PACE = 0.1
"""Everything happens ten times as fast: rounds, what is believed, what workers take."""
HURRIED = Timing(
    answer_valid=ANSWER_VALID_SECONDS * PACE, absent=ABSENT_SECONDS * PACE, usual_start=0.1, condition=0.5
)


@contextlib.asynccontextmanager
async def operating(
    kubernetes: Kubernetes, dispatch: Dispatch, selector: str = "", *, turn_seconds: float = TURN_SECONDS
) -> AsyncIterator[Reconciler]:
    """The operator's loop, with a Lease that it holds; without its watch, for the pools are listed all the time."""
    lease = Lease(kubernetes.cluster, "l", "operator-a", retry_seconds=PACE, unusable_seconds=3 * PACE)
    pools = PoolIndex(PoolSelector.of(selector))
    running = Reconciler(
        kubernetes.cluster,
        dispatch,
        lease,
        pools,
        round_seconds=PACE,
        turn_seconds=turn_seconds,
        list_seconds=PACE,
        timing=HURRIED,
    )
    stop = asyncio.Event()
    tasks = [asyncio.create_task(lease.hold(stop)), asyncio.create_task(running.run(stop))]
    try:
        yield running
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
