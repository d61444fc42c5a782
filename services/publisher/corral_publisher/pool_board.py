"""What is known of pools: read from Redis once a second, kept for a while, so that a pool fallen silent is seen."""

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

LOOK_SECONDS = 1.0
STALE_SECONDS = 6.0
"""A pool whose status has not moved for so long, by our own clock, is scaled by nobody now."""
FORGET_SECONDS = 3600.0
"""A silent pool is shown for so long."""
KEPT_SAMPLES = 600
"""Ten minutes of one each second."""
KEPT_DECISIONS = 100
"""Of one pool."""
KEPT_DECIDED = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """What was known of a pool at one moment of the scaler's clock."""

    at: float
    ready: int
    desired: int
    queued: int


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as pages and API show it."""

    status: PoolStatus
    stale: bool
    """Nobody has told of it lately: the status is the last one."""
    silent: float
    """Seconds, by our own clock, since the status moved."""
    samples: Sequence[Sample]
    """Those of the last minutes, the oldest first."""
    decisions: Sequence[ScalingDecision]
    """The last ones, the newest first."""


class PoolBoard:
    """The pools that somebody scales, or did until lately. One per process."""

    def __init__(self, store: Store, dispatch: Dispatch, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._dispatch, self._clock = store, dispatch, clock
        self._pools: dict[str, _Watched] = {}
        self._cursor = BEGINNING
        self._decisions: deque[ScalingDecision] = deque(maxlen=KEPT_DECIDED)
        """Of all pools, as they were read: one may be decided about before it is seen."""
        self._looked = False
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Look once a second. Runs as long as the process."""
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
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Read what is told now.

        Raises:
            Unavailable: Redis, or for a pool seen the first time Postgres, is away.
        """
        async with self._looking:
            await self._look()

    async def views(self) -> list[PoolView]:
        """All pools, by name.

        Raises:
            Unavailable: nothing is known yet and Redis is away.
        """
        if not self._looked:
            await self.look()
        return self.known()

    def known(self) -> list[PoolView]:
        """The same, as far as it is known already."""
        return [self._pools[name].view(self._clock()) for name in sorted(self._pools)]

    async def view(self, name: str) -> PoolView:
        """One pool; one that is not known yet is looked for first, so it is found as soon as it is told of.

        Raises:
            NotFound: nobody tells of such a pool, or has lately.
            Unavailable: it is not known yet and Redis, or Postgres, is away.
        """
        if name not in self._pools:
            await self.look()
        if name not in self._pools:
            raise NotFound("pool", name[:100])
        return self._pools[name].view(self._clock())

    async def history(self, name: str, cursor: UUID | None, limit: int) -> Page[ScalingDecision]:
        """What was decided about a pool, newest first, from Postgres: of pools that are gone, too.

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
        """Those since the last look; some may come twice."""
        while True:
            self._cursor, decisions = await self._dispatch.pools.decisions_after(self._cursor)
            if not decisions:
                return
            self._decisions.extend(decisions)


class _Watched:
    """One pool."""

    def __init__(self, status: PoolStatus, now: float, decisions: Sequence[ScalingDecision]) -> None:
        self._status, self.moved = status, now
        self._samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._decisions = {one.id: one for one in decisions}

    def saw(self, status: PoolStatus, now: float) -> None:
        """A status that was read; the same as before says that nobody tells any more."""
        if self._samples and status.at == self._status.at:
            return
        self._status, self.moved = status, now
        self._samples.append(Sample(status.at, status.ready, status.desired, status.backlog_jobs))

    def decided(self, decisions: Iterable[ScalingDecision]) -> None:
        """Decisions that were read: ids are in order of time."""
        known = self._decisions | {one.id: one for one in decisions}
        self._decisions = {one: known[one] for one in sorted(known, reverse=True)[:KEPT_DECISIONS]}

    def view(self, now: float) -> PoolView:
        """As it is shown at `now`."""
        silent = now - self.moved
        return PoolView(
            self._status,
            silent > STALE_SECONDS,
            silent,
            tuple(self._samples),
            tuple(self._decisions.values()),
        )
