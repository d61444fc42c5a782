"""Stores what autoscalers write to Redis: drain requests become rows of workers, and decisions become history.

An autoscaler writes only to Redis. This duty writes its drain requests to Postgres, where claims obey them, and
lifts them when the autoscaler has stopped writing.
"""

import time
from collections.abc import Callable, Collection, Mapping

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.drain_requests import PoolDrainRequests
from corral.dispatch.pools import BEGINNING
from corral.errors import InvalidInput
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.maintenance.observation import LeaseObservation
from corral.scaling.decision_record import ScalingDecision
from corral.store import Store
from corral.store.workers.drains import POOL
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

KEEP_DRAINS_SECONDS = 60.0
"""Seconds that drains stay after the last request, by the leader's clock: after a wipe of Redis or a restart of the
operator, workers that are about to be removed must not claim again."""
ABSENT = 0
"""The sequence of a document that does not exist."""


class PoolDuties(Duty):
    """The duty for pools: stores decisions, turns drain requests into rows, and lifts drains that nobody requests any more."""

    name = "pools"
    period = 1.0

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._cursor = BEGINNING
        self._sequences: Mapping[str, int] | None = None
        """The sequence of every pool's requests in the last round; None before the first."""
        self._drained = False
        """Whether a worker drained for a pool in the last round, or was to: this round may have to lift that."""
        self._silence: LeaseObservation[str] = LeaseObservation(
            KEEP_DRAINS_SECONDS, longest_gap=5 * self.period
        )

    async def round(self, reign: Reign) -> int:
        """Read the requests and decisions once, and store them."""
        kept = 0
        with self.apart.each("decisions"):
            kept = await self._copy(reign)
        return kept + await self._apply(reign)

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Wait until the next round: what autoscalers write to Redis nobody looks for but this duty."""
        await wait_for_event(reign.over, seconds)

    def failed(self) -> None:
        """Begin the observation anew after a failed round."""
        self._silence.begin_anew()
        self._sequences = None

    async def _apply(self, reign: Reign) -> int:
        requested = await self._dispatch.drain_requests.all()
        moved = self._moved(requested)
        asked = any(request.workers for request in requested.values())
        if not (self.anything_found() or self._drained or asked):
            return 0
        drained: dict[str, set[str]] = {}
        free = set()
        for worker in await self._store.workers.live():
            if not worker.draining:
                free.add(worker.name)
            elif worker.drained_by is not None and worker.drained_by.startswith(POOL):
                drained.setdefault(worker.drained_by.removeprefix(POOL), set()).add(worker.name)
        self._drained = asked or bool(drained)
        silent = self._silent(requested, drained)
        changes = 0
        for pool in sorted(drained.keys() | requested.keys()):
            requests = requested[pool].workers if pool in moved else frozenset()
            with self.apart.each(f"pool {pool}"):
                if pool in moved:
                    changes += await self._drain(pool, requests & free, reign)
                if pool in moved or pool in silent:
                    changes += await self._lift(pool, drained.get(pool, set()) - requests, reign)
        return changes

    def _moved(self, requested: Mapping[str, PoolDrainRequests]) -> set[str]:
        """The pools whose requests were written since the last round. Others may be old documents."""
        before = self._sequences
        self._sequences = {pool: request.sequence for pool, request in requested.items()}
        if before is None:
            return set()
        return {pool for pool, sequence in self._sequences.items() if before.get(pool, ABSENT) != sequence}

    def _silent(
        self, requested: Mapping[str, PoolDrainRequests], drained: Mapping[str, set[str]]
    ) -> set[str]:
        """The pools whose requests were not written for `KEEP_DRAINS_SECONDS`."""
        counters = [(pool, requested[pool].sequence if pool in requested else ABSENT) for pool in drained]
        return {pool for pool, _ in self._silence.look(counters, self._clock())}

    async def _drain(self, pool: str, workers: Collection[str], reign: Reign) -> int:
        if not workers:
            return 0
        changed = await self._store.workers.drain_for(sorted(workers), POOL + pool, reign.term)
        metrics.POOL_DRAINS.labels(pool, "drained").inc(len(changed))
        log.info("pool.drains", pool=pool, workers=sorted(workers))
        return len(changed)

    async def _lift(self, pool: str, workers: Collection[str], reign: Reign) -> int:
        if not workers:
            return 0
        changed = await self._store.workers.undrain(sorted(workers), POOL + pool, reign.term)
        metrics.POOL_DRAINS.labels(pool, "lifted").inc(len(changed))
        log.info("pool.drains_lifted", pool=pool, workers=sorted(workers))
        return len(changed)

    async def _copy(self, reign: Reign) -> int:
        """Store the decisions after the cursor, and move the cursor when they are stored."""
        kept = 0
        while True:
            cursor, decisions = await self._dispatch.pools.decisions_after(self._cursor)
            try:
                kept += await self._store.scaling.add(decisions, reign.term)
            except InvalidInput:
                for decision in decisions:
                    kept += await self._add(decision, reign)
            if cursor == self._cursor:
                return kept
            self._cursor = cursor

    async def _add(self, decision: ScalingDecision, reign: Reign) -> int:
        try:
            return await self._store.scaling.add([decision], reign.term)
        except InvalidInput as error:
            metrics.SWALLOWED.labels("decisions.keep").inc()
            log.warning("decision.refused", pool=decision.pool, decision=str(decision.id), error=str(error))
            return 0
