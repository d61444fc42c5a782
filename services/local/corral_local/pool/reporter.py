"""Reports the local pool's status and decisions, as the operator does in a cluster, for the pages and the API."""

import time
from collections.abc import Collection, Sequence

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.exits import GAVE_BACK
from corral.errors import CorralError
from corral.ids import new_id
from corral.scaling.decision import Condition
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool import PoolSpec
from corral.scaling.pool_backlog import PoolBacklog
from corral.scaling.pool_snapshot import PoolSnapshot
from corral.scaling.throughput import Throughput
from corral_local.pool.scaler import Scaled
from corral_local.processes.supervisor import ending

log = structlog.get_logger(__name__)

NAME = "local"
MAX_WAITING_DECISIONS = 200
"""Decisions that are kept while Redis is away; older ones are dropped."""


class PoolReporter:
    """Reports about the pool of one `corral up`, once a second."""

    def __init__(self, dispatch: Dispatch, pool: PoolSpec, queues: Sequence[str]) -> None:
        self._dispatch, self._pool, self._queues = dispatch, pool, tuple(queues)
        self._throughput = Throughput()
        self._conditions: frozenset[Condition] = frozenset()
        self._scaled_at: float | None = None
        self._untold: list[ScalingDecision] = []

    async def tell(self, scaled: Scaled, workers: Collection[str], leaving: Sequence[str]) -> None:
        """Report the status and new decisions. Decisions that Redis did not take are sent again the next time.

        Args:
            scaled: the decision.
            workers: names of the workers that claim, after the decision.
            leaving: names of the workers that finish what they run.
        """
        snapshot = self._snapshot(scaled, workers, leaving)
        self._note(scaled, snapshot)
        status = snapshot.status(at=time.time(), last_scale_at=self._scaled_at)
        try:
            while self._untold:
                await self._dispatch.pools.record(self._untold[0])
                del self._untold[0]
            await self._dispatch.pools.report(status)
        except CorralError as error:
            metrics.SWALLOWED.labels("pool_reporter").inc()
            log.info("pool.untold", error=str(error))  # the supervisor says what is wrong with the server

    async def tell_exit(self, worker: str, code: int | None) -> None:
        """Report how a worker's process ended by itself, so that the errors of its jobs can say so."""
        if code in GAVE_BACK:
            return
        try:
            await self._dispatch.exits.tell(worker, f"its process {ending(code)}")
        except CorralError as error:
            metrics.SWALLOWED.labels("pool_reporter").inc()
            log.info("exit.untold", worker=worker, error=str(error))

    def _note(self, scaled: Scaled, snapshot: PoolSnapshot) -> None:
        """Keep the decision where it changed the number of workers, or a condition came or went."""
        decision = scaled.decision
        if decision.desired == scaled.before and decision.conditions == self._conditions:
            return
        now = time.time()
        if decision.desired != scaled.before:
            self._scaled_at = now
        self._conditions = decision.conditions
        self._untold.append(snapshot.decision(identity=new_id(), at=now, before=scaled.before))
        del self._untold[:-MAX_WAITING_DECISIONS]

    def _snapshot(self, scaled: Scaled, workers: Collection[str], leaving: Sequence[str]) -> PoolSnapshot:
        decision, backlog = scaled.decision, PoolBacklog.of(scaled.signal, self._pool)
        rate = self._throughput.at(time.monotonic(), backlog.arrived, backlog.live) if scaled.signal else 0.0
        return PoolSnapshot(
            name=NAME,
            scaled_by="corral up",
            spec=self._pool,
            queues=self._queues,
            replicas=len(workers),
            ready=self._ready(scaled, workers),
            desired=decision.desired,
            needed=decision.needed,
            reason=decision.reason,
            conditions=tuple(sorted(decision.conditions)),
            backlog=backlog,
            throughput=round(rate, 2),
            draining=tuple(leaving),
        )

    @staticmethod
    def _ready(scaled: Scaled, workers: Collection[str]) -> int:
        """Number of workers that claim, by the leader's signal; all of them, while the signal is lost."""
        if scaled.signal is None:
            return len(workers)
        known = scaled.signal.workers
        return sum(1 for name in workers if name in known and known[name].state == "active")
