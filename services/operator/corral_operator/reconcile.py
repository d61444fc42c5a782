"""The operator's main loop: it reconciles every pool once a second."""

import asyncio
import time
import traceback
from collections import defaultdict
from collections.abc import Coroutine
from typing import Final

import structlog

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.scaling.signal import Signal, SignalWatch
from corral.waiting import wait_for_event
from corral_operator.cluster.api import ApiError
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.lease import Lease
from corral_operator.cluster.pools import PoolIndex
from corral_operator.cluster.worker_pool import WorkerPool
from corral_operator.pool_reconciler import PoolReconciler
from corral_operator.reports import metrics
from corral_operator.reports.log_repeats import LogRepeats
from corral_operator.reports.pool_notices import PoolNotice, PoolNotices
from corral_operator.reports.status import Held, NoticeReason
from corral_operator.timing import TIMING, Timing

log = structlog.get_logger(__name__)

ROUND_SECONDS: Final = 1.0
TURN_SECONDS: Final = 20.0
"""Seconds that a pool's turn, or a whole round, may take. Whatever hangs (Kubernetes, Redis, a name lookup) is
cancelled then. The next turn does what was left undone, because it starts from what Kubernetes says."""
LIST_SECONDS: Final = 30.0
"""Seconds between two lists of all pools."""
LIST_RETRY_SECONDS: Final = 2.0
"""Seconds until the next list after one that failed."""


class Reconciler:
    """Gives every pool a turn once a second, while this operator holds the Lease."""

    def __init__(
        self,
        cluster: Cluster,
        dispatch: Dispatch,
        lease: Lease,
        pools: PoolIndex,
        *,
        round_seconds: float = ROUND_SECONDS,
        turn_seconds: float = TURN_SECONDS,
        list_seconds: float = LIST_SECONDS,
        timing: Timing = TIMING,
    ) -> None:
        self._timing = timing
        self._cluster, self._dispatch, self._lease, self._pools = cluster, dispatch, lease, pools
        self._round_seconds, self._turn_seconds, self._list_seconds = (
            round_seconds,
            turn_seconds,
            list_seconds,
        )
        self._scalers: dict[str, tuple[WorkerPool, PoolReconciler]] = {}
        self._turns: dict[str, asyncio.Task[None]] = {}
        """The turn of each pool that is under way. A turn that hangs does not delay other pools."""
        self._hung: dict[str, Held] = {}
        """The pools whose last turn hung, each with where."""
        self._notices = PoolNotices(cluster)
        self._repeats = LogRepeats()
        self._faults: defaultdict[str, LogRepeats] = defaultdict(LogRepeats)
        """By pool, how its turn failed; under no name, how the round did."""
        self._watch = SignalWatch()
        self._signal_seen: Signal | None = None
        self._moved = time.monotonic()
        self._reign = 0
        self._list_at = float("-inf")
        self._listed = False
        self._ended = time.monotonic()

    def age(self) -> float:
        """Seconds since the last round ended."""
        return time.monotonic() - self._ended

    def alive(self) -> None:
        """Reset the age: the operator is alive while it waits for its first round."""
        self._ended = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until `stop` is set. The next operator finds the requests to workers in Redis and goes on."""
        try:
            while not stop.is_set():
                began = time.monotonic()
                await self._tried(began)
                self._ended = time.monotonic()
                metrics.LOOP_SECONDS.observe(self._ended - began)
                await wait_for_event(stop, max(0.05, self._round_seconds - (self._ended - began)))
        finally:
            await self._end_turns()

    async def _tried(self, began: float) -> None:
        limit = asyncio.timeout(self._turn_seconds)
        try:
            async with limit:
                await self._round(began)
        except Exception as error:
            if limit.expired():
                metrics.ROUNDS_ENDED.inc()
                log.error("round.ended", after_seconds=self._turn_seconds, why="it hung")  # noqa: TRY400  # the place is no fault's
                return
            # A fault in one round must not end the rounds: the next one starts from what there is.
            if self._faults[""].due(repr(error), began):
                log.exception("round.failed", error=repr(error))
        else:
            self._faults.pop("", None)

    async def _round(self, now: float) -> None:
        await self._list(now)
        signal = await self._signal(now)
        if not self._lease.held(now):
            if (why := self._lease.unusable) is not None:
                unled = Held(NoticeReason.NO_LEADER, why)
                await self._notices.tell([PoolNotice(pool, unled) for pool in self._pools.all()], now)
            return
        if self._lease.reign != self._reign:
            self._reign = self._lease.reign
            await self._end_turns()
            self._scalers.clear()  # somebody else may have decided meanwhile
            self._listed, self._list_at = False, float("-inf")
            await self._list(now)  # and written what the watch has not told of yet
        if not self._listed:
            return
        pools = {pool.name: pool for pool in self._pools.all()}
        await self._forget(pools)
        rivals = self._pools.rivals()
        for name, pool in pools.items():
            if name not in self._turns:
                turn = self._scaler(pool).turn(pool, signal, rivals.get(name), now)
                self._turns[name] = asyncio.create_task(self._turn(name, turn), name=f"turn of {name}")
        if self._turns:
            await asyncio.wait(self._turns.values(), timeout=self._round_seconds)
        hung = [
            PoolNotice(pool, self._hung[name], own=False)
            for name, pool in pools.items()
            if name in self._hung
        ]
        await self._notices.tell([*self._pools.notices(), *hung], now)

    async def _turn(self, pool: str, turn: Coroutine[None, None, None]) -> None:
        """Run one turn and log how it failed. Raises nothing."""
        limit = asyncio.timeout(self._turn_seconds)
        try:
            async with limit:
                await turn
            self._hung.pop(pool, None)
            self._faults.pop(pool, None)
        except Exception as error:
            if limit.expired():
                metrics.TURNS_ENDED.labels(pool).inc()
                place = _place(error)
                fields = {"pool": pool, "after_seconds": self._turn_seconds, "why": "it hung", "where": place}
                log.error("pool.turn_ended", **fields)  # noqa: TRY400  # as above
                self._hung[pool] = Held(
                    NoticeReason.TURN_ENDED,
                    f"a turn of this pool hung in {place} and was ended after {self._turn_seconds:.0f} s; the next one begins anew",
                )
                return
            if self._faults[pool].due(repr(error), time.monotonic()):
                log.exception("pool.failed", pool=pool, error=repr(error))
        finally:
            self._turns.pop(pool, None)

    async def _end_turns(self) -> None:
        """Cancel all turns, because another operator may decide now, or this one stops."""
        turns = list(self._turns.values())
        for turn in turns:
            turn.cancel()
        await asyncio.gather(*turns, return_exceptions=True)

    def _scaler(self, pool: WorkerPool) -> PoolReconciler:
        _, scaler = self._scalers.get(pool.name) or (pool, None)
        if scaler is None:
            scaler = PoolReconciler(
                self._cluster,
                self._dispatch,
                pool,
                lambda: self._lease.held(time.monotonic()),
                self._timing,
            )
        self._scalers[pool.name] = (pool, scaler)
        return scaler

    async def _forget(self, pools: dict[str, WorkerPool]) -> None:
        for name, (pool, scaler) in list(self._scalers.items()):
            if name not in pools or pools[name].uid != pool.uid:
                del self._scalers[name]
                log.info("pool.gone", pool=name)
                if (turn := self._turns.get(name)) is not None:
                    turn.cancel()
                    await asyncio.wait([turn])
                await scaler.close(pool)

    async def _list(self, now: float) -> None:
        if now < self._list_at:
            return
        try:
            documents, version = await self._cluster.pools()
        except ApiError as error:
            self._list_at = now + LIST_RETRY_SECONDS
            if self._repeats.due(str(error), now):
                log.warning("pools.not_listed", error=str(error))
            return
        self._repeats.over()
        self._pools.listed(documents, version)
        self._listed, self._list_at = True, now + self._list_seconds

    async def _signal(self, now: float) -> Signal | None:
        """The signal, if it is fresh. While Redis is away or was wiped, the last one read counts until it is too old."""
        try:
            signal = await self._dispatch.backlog.read() or self._signal_seen
        except Unavailable as error:
            log.debug("signal.not_read", error=str(error))
            signal = self._signal_seen
        if signal is not self._signal_seen and signal is not None:
            if self._signal_seen is None or signal.sequence != self._signal_seen.sequence:
                self._moved = now
            self._signal_seen = signal
        metrics.SIGNAL_AGE.set(now - self._moved)
        return signal if self._watch.fresh(signal, now) else None


def _place(error: BaseException) -> str:
    """Where a turn was when it was cancelled: the innermost function of the operator's own."""
    cause = error.__cause__ or error.__context__ or error
    frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]
    names = [
        frame.f_code.co_qualname for frame in frames if __package__ in frame.f_globals.get("__name__", "")
    ]
    return names[-1] if names else "an unknown place"
