"""Keeps the turns of limited jobs going, and what is noted as in use right (protocol rules 12 and 31).

Turns are hints in Redis. Whoever gives something of a limit back lets in who waits for it; what that misses (a worker
that died before, a pause that was lifted, a rate whose window has gone on, a wiped Redis) is found here.
"""

import time
from collections.abc import Callable

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.rings import LATER
from corral.errors import Unavailable
from corral.job.limit_use import parsed
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import GroupCursor, Store
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

GROUPS_SECONDS = 5.0
"""Seconds between two looks at the groups of which a job waits."""
RECOUNT_SECONDS = 60.0
SOONEST_SECONDS = 0.05
"""Seconds between two looks, at least, while a rate is used up."""
PAGES = 20
"""Pages of groups in one round: the next one goes on behind them."""
MOST_LET_IN = 1000
"""Groups that one limit or key lets in at once."""


class KeepLimits(Duty):
    """The duty that lets in groups whose limits have room, finds forgotten ones, and recounts what is in use."""

    name = "limits"
    period = 1.0

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._look_at = self._recount_at = clock()
        self._cursor: GroupCursor | None = None
        self._keeping: set[str] = set()
        self._opens_in: float | None = None
        """Seconds from the last look until something has room by itself."""

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Wait until the next round; let in whoever waits for a rate as soon as it lets some start.

        A rate of one second, looked at once a second, would be used by half.
        """
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not reign.over.is_set():
            pause = left if self._opens_in is None else max(SOONEST_SECONDS, self._opens_in)
            await wait_for_event(reign.over, min(pause, left))
            if pause < left:
                try:
                    await self._let_in()
                except Unavailable:  # the next round says so
                    self._opens_in = None

    async def round(self, reign: Reign) -> int:
        """Do what is due of the three."""
        done = 0
        now = self._clock()
        if self._cursor is not None or now >= self._look_at:
            if self._cursor is None:
                self._look_at = now + GROUPS_SECONDS
            done += await self._find_forgotten()
        if self.anything_found() or self._keeping:
            done += await self._drop_holders(reign)
            done += await self._end_leases(reign)
        done += await self._let_in()
        if now >= self._recount_at:
            self._recount_at = now + RECOUNT_SECONDS
            done += await self._recount(reign)
        return done

    async def _drop_holders(self, reign: Reign) -> int:
        """Give back what jobs keep that ended while they waited; say how much is kept."""
        dropped = await self._store.limit_duties.drop_holders(reign.term)
        for name in dropped:
            metrics.LIMIT_HOLDERS_DROPPED.labels(parsed(name)[0]).inc()
        kept = await self._store.limit_duties.kept()
        for limit in self._keeping - kept.keys():
            metrics.LIMIT_KEPT.labels(limit).set(0)
        for limit, count in kept.items():
            metrics.LIMIT_KEPT.labels(limit).set(count)
        self._keeping = set(kept)
        return len(dropped)

    async def _end_leases(self, reign: Reign) -> int:
        """End the leases of handlers that nobody renewed."""
        ended = await self._store.limit_leases.expire(reign.term)
        if ended:
            log.warning("limits.leases_ended", limits=sorted(ended))
        return sum(ended.values())

    async def _let_in(self) -> int:
        """Give a turn to groups that wait for limits which have room now."""
        names = await self._dispatch.rings.full_names()
        known = [name for name in names if name != LATER]
        free = await self._store.limit_duties.with_room(known) if known else {}
        self._opens_in = await self._store.limit_duties.opens_in(known)
        if LATER in names:
            free[LATER] = MOST_LET_IN
        return await self._dispatch.rings.free({name: min(room, MOST_LET_IN) for name, room in free.items()})

    async def _find_forgotten(self) -> int:
        """Give a turn to groups that Redis does not know."""
        joined = 0
        for _ in range(PAGES):
            groups, self._cursor = await self._store.limit_duties.groups(self._cursor)
            unknown = await self._dispatch.rings.unknown([(group.lane, group.id) for group in groups])
            if unknown:
                joined += await self._dispatch.rings.join(dict.fromkeys(unknown, 1))
            if self._cursor is None:
                break
        if joined:
            log.warning("limits.groups_entered_again", groups=joined)
        return joined

    async def _recount(self, reign: Reign) -> int:
        """Compare what is noted as in use with what runs. A difference is a bug, which is counted and mended."""
        wrong = 0
        after: str | None = ""
        while after is not None:
            found, after = await self._store.limit_duties.recount(reign.term, after)
            for one in found:
                wrong += 1
                metrics.LIMIT_MISCOUNTS.labels(parsed(one.name)[0]).inc()
                log.error("limits.miscounted", name=one.name, noted=one.noted, runs=one.runs)
        while await self._store.limit_duties.forget_idle(reign.term) >= MOST_LET_IN:
            pass
        return wrong
