"""The pools as pages and the API show them: read from Redis once a second, and kept for an hour after the last report."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.pools import BEGINNING
from corral.errors import CorralError, InvalidInput, NotFound
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus
from corral.store import Page, Store

log = structlog.get_logger(__name__)

READ_SECONDS = 1.0
STALE_SECONDS = 6.0
"""Seconds without a new report, by this process's clock, after which a pool counts as not scaled by anything."""
FORGET_SECONDS = 3600.0
"""Seconds for which a pool without reports is still shown."""
KEPT_SAMPLES = 600
"""Samples of one pool: ten minutes with one each second."""
KEPT_DECISIONS = 100
"""Decisions of one pool."""
MAX_KEPT_DECISIONS = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """A pool's figures at one moment. `at` is unix seconds by the clock of the autoscaler that reported them."""

    at: float
    ready: int
    desired: int
    queued: int


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as pages and the API show it."""

    status: PoolStatus
    stale: bool
    """Whether reports have stopped: then `status` is the last one."""
    silent: float
    """Seconds since the last report, by this process's clock."""
    samples: Sequence[Sample]
    """Samples of the last minutes, the oldest first."""
    decisions: Sequence[ScalingDecision]
    """The last decisions, the newest first."""


class PoolBoard:
    """All pools with a report within the last hour. One object per process."""

    def __init__(self, store: Store, dispatch: Dispatch, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._dispatch, self._clock = store, dispatch, clock
        self._pools: dict[str, _Watched] = {}
        self._cursor = BEGINNING
        self._decisions: deque[ScalingDecision] = deque(maxlen=MAX_KEPT_DECISIONS)
        """Decisions about all pools. A decision may be read before the first status of its pool."""
        self._looked = False
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Read once a second. Runs as long as the process."""
        blind = False
        while True:
            try:
                await self.look()
                blind = False
            except CorralError as error:
                if not blind:
                    metrics.SWALLOWED.labels("pool-board").inc()
                    log.warning("pools.blind", error=str(error))
                blind = True
            await asyncio.sleep(READ_SECONDS)

    async def look(self) -> None:
        """Read the current statuses and the new decisions.

        Raises:
            Unavailable: Redis is away, or Postgres, which is read when a pool is seen for the first time.
        """
        async with self._looking:
            await self._look()

    async def views(self) -> list[PoolView]:
        """All pools, by name.

        Raises:
            Unavailable: nothing was read yet and Redis is away.
        """
        if not self._looked:
            await self.look()
        return self.known()

    def known(self) -> list[PoolView]:
        """All pools that were read already, by name."""
        return [self._pools[name].view(self._clock()) for name in sorted(self._pools)]

    async def view(self, name: str) -> PoolView:
        """One pool. Where it is not known, Redis is read first, so that a pool is found as soon as it is reported.

        Raises:
            NotFound: there was no report of such a pool within the last hour.
            Unavailable: it is not known yet and Redis, or Postgres, is away.
        """
        if name not in self._pools:
            await self.look()
        if name not in self._pools:
            raise NotFound("pool", name[:100])
        return self._pools[name].view(self._clock())

    async def history(self, name: str, cursor: UUID | None, limit: int) -> Page[ScalingDecision]:
        """The decisions about a pool from Postgres, newest first, also for pools that no longer exist.

        Raises:
            NotFound: there is no such pool, and there was none.
            Unavailable: Postgres is away.
        """
        page = await self._store.scaling.page(name, cursor=cursor, limit=limit)
        if not page.items and cursor is None:
            await self.view(name)
        return page

    async def _look(self) -> None:
        statuses = await self._dispatch.pools.all()
        await self._read_decisions()
        now = self._clock()
        for status in statuses:
            try:
                await self._saw(status, now)
            except (
                InvalidInput
            ) as error:  # such a name is in no table: the other pools are shown all the same
                metrics.SWALLOWED.labels("pool-board").inc()
                log.warning("pools.unreadable", pool=status.name, error=str(error))
        for name, watched in [*self._pools.items()]:
            watched.decided(one for one in self._decisions if one.pool == name)
            if now - watched.moved > FORGET_SECONDS:
                del self._pools[name]
        self._looked = True

    async def _saw(self, status: PoolStatus, now: float) -> None:
        watched = self._pools.get(status.name)
        if watched is None:
            before = await self._store.scaling.page(status.name, limit=KEPT_DECISIONS)
            watched = self._pools[status.name] = _Watched(status, now, before.items)
        watched.saw(status, now)

    async def _read_decisions(self) -> None:
        """Read the decisions since the last time. Some may be read twice."""
        while True:
            self._cursor, decisions = await self._dispatch.pools.decisions_after(self._cursor)
            if not decisions:
                return
            self._decisions.extend(decisions)


class _Watched:
    """The status, samples and decisions of one pool."""

    def __init__(self, status: PoolStatus, now: float, decisions: Sequence[ScalingDecision]) -> None:
        self._status, self.moved = status, now
        self._samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._decisions = {one.id: one for one in decisions}

    def saw(self, status: PoolStatus, now: float) -> None:
        """Take a status that was read. A status with the same time as before is not a new report."""
        if self._samples and status.at == self._status.at:
            return
        self._status, self.moved = status, now
        self._samples.append(Sample(status.at, status.ready, status.desired, status.backlog_jobs))

    def decided(self, decisions: Iterable[ScalingDecision]) -> None:
        """Take decisions that were read. Their ids are in order of time."""
        known = self._decisions | {one.id: one for one in decisions}
        self._decisions = {one: known[one] for one in sorted(known, reverse=True)[:KEPT_DECISIONS]}

    def view(self, now: float) -> PoolView:
        """The pool as it is shown at `now`, in seconds of this process's clock."""
        silent = now - self.moved
        return PoolView(
            self._status,
            silent > STALE_SECONDS,
            silent,
            tuple(self._samples),
            tuple(self._decisions.values()),
        )
