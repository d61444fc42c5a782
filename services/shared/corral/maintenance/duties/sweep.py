"""The sweep: compares queued rows in Postgres with the lanes in Redis and enqueues what is missing (protocol rule 7).

While somebody holds a snapshot, the index of queued jobs keeps an entry of each that was claimed since, before all
that wait, and a look at the oldest reads them all. Where that takes long it is done less often, once a minute at
least; the rounds in between look at each list from its floor on (`LowWaterMarks`). What becomes queued below a floor, and
is not known to Redis, is found by the next look at the oldest: a minute later at most, and the time of that look.
A pass over everything knows no floors.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch, Entry
from corral.errors import Refused
from corral.job.lane import Lane
from corral.job.state import State
from corral.maintenance.duties.redis_epoch import EpochWatch
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.maintenance.low_water_marks import LowWaterMarks
from corral.query_budget import QueryBudget
from corral.store import Store
from corral.store.leader.duties import Queued, QueuedCursor

log = structlog.get_logger(__name__)

ROWS_PER_PAGE = 5000
"""Rows of one list that every round asks about, and rows of one step of a full pass."""
GRACE_SECONDS = 5.0
"""Seconds. Younger rows are skipped, because their enqueue follows the commit and may still be under way."""
FULL_PASS_GRACE_SECONDS = 1.0
STALE_SECONDS = 15.0
"""Seconds after which a pop without an answer is forgotten: longer than a claim's statement may take."""
DISAGREEMENT_SECONDS = 15.0
SHARE, FREE = 0.05, 0.25
"""The pace of looks at the oldest rows of all lists, where that takes long."""
LOGGED_IDS = 20
"""The most ids in one line of the log."""


class Sweep(Duty):
    """The duty that checks the oldest rows of each lane, and all rows when Redis can't be trusted."""

    name = "sweep"
    period = 5.0

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        *,
        grace_seconds: float = GRACE_SECONDS,
        stale_seconds: float = STALE_SECONDS,
        disagreement_seconds: float = DISAGREEMENT_SECONDS,
        rows_per_page: int = ROWS_PER_PAGE,
        share: float = SHARE,
        free: float = FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._grace = grace_seconds
        self._stale = stale_seconds
        self._disagreement = disagreement_seconds
        self._rows_per_page = rows_per_page
        self._clock = clock
        self._trust = EpochWatch(dispatch)
        self._disagreeing: dict[Lane, float] = {}
        self._pace = QueryBudget(share, free=free, clock=clock)
        self._floors = LowWaterMarks()
        self._full = False
        """Whether a full pass must be done, or done again because it was interrupted."""
        self._mended = False
        """Whether a list lost its entries since the full pass began, because they were of another kind."""
        self._reading = 0.0
        """Seconds that pages took since a look at all lists began."""

    async def round(self, reign: Reign) -> int:
        """Forget stale pops, then check the oldest rows, or all."""
        if await self._dispatch.repair.mend():
            self._full = True
        lanes = await self._dispatch.repair.lanes()
        await self._dispatch.repair.prune_popped(lanes, stale_seconds=self._stale)
        rebuilt = await self._rebuild_what_disagrees(lanes)
        if rebuilt or await self._trust.broken(reign):
            self._full = True
        if self._full:
            return await self._full_pass(reign)
        found = 0
        async for rows in self._looked(lanes):
            found += await self._ask_apart(rows, first=True)
        if not await self._trust.go_on(reign):
            return found + await self._full_pass(reign)
        return found

    async def _full_pass(self, reign: Reign) -> int:
        began, asked, found = self._clock(), 0, 0
        self._mended = False
        await self._trust.begin_pass()
        met: set[Lane] = set()
        async for rows in self._all():
            for lane, page in _by_lane(rows):
                found += await self._ask_apart(page, first=lane not in met)
                met.add(lane)
            asked += len(rows)
        seconds = self._clock() - began
        log.info("sweep.full_pass", rows=asked, enqueued=found, seconds=round(seconds, 3))
        # Wiped or mended meanwhile: the next round begins again.
        self._full = not await self._trust.go_on(reign) or self._mended
        return found

    async def _looked(self, lanes: Iterable[Lane]) -> AsyncIterator[Sequence[Queued]]:
        """The oldest rows of each list; where reading them takes long, mostly from the floors of these lists on."""
        if self._pace.due or not self._floors.known:
            began, self._reading = self._clock(), 0.0
            ages: dict[Lane, float] = {}
            async for page in self._oldest():
                if page:
                    ages[page[0].lane] = page[0].age
                yield page
            self._floors.all_found(began, ages)
            self._pace.took(self._reading)
            return
        for lane in self._floors.lanes(lanes):
            began = self._clock()
            page, _ = await self._page(lane, within=self._floors.within(lane, began))
            self._floors.found(lane, began, page[0].age if page else None)
            yield page

    async def _oldest(self) -> AsyncIterator[Sequence[Queued]]:
        """The oldest rows of each list: one query while few are queued, two per list at most."""
        cursor: QueuedCursor | None = None
        while True:
            rows, cursor = await self._page(None, cursor)
            pages = _by_lane(rows)
            if cursor is None:
                for _, page in pages:
                    yield page
                return
            for _, page in pages[:-1]:
                yield page
            lane, page = pages[-1]
            if len(page) < self._rows_per_page:
                page, _ = await self._page(lane)
            yield page
            cursor = _behind(cursor)

    async def _all(self) -> AsyncIterator[Sequence[Queued]]:
        cursor: QueuedCursor | None = None
        while True:
            rows, cursor = await self._page(None, cursor)
            yield rows
            if cursor is None:
                return

    async def _page(
        self, lane: Lane | None, cursor: QueuedCursor | None = None, *, within: float | None = None
    ) -> tuple[list[Queued], QueuedCursor | None]:
        began = self._clock()
        try:
            return await self._store.duties.queued_page(lane, cursor, self._rows_per_page, within=within)
        finally:
            self._reading += self._clock() - began

    async def _ask_apart(self, rows: Sequence[Queued], *, first: bool) -> int:
        """The same as `_ask`; a list that fails keeps no other from its turn."""
        asked = 0
        if rows:
            lane = rows[0].lane
            with self.apart.each(f"list {lane.name}"):
                try:
                    asked = await self._ask(rows, first=first)
                except Refused as error:
                    if error.dependency == "redis" and await self._dispatch.repair.mend([lane]):
                        self._full = self._mended = True
                    raise
        return asked

    async def _ask(self, rows: Sequence[Queued], *, first: bool) -> int:
        """Enqueue those of a list's rows, oldest first, that Redis does not know; answers how many.

        Those older than the list's head go before it. `first` tells that no older rows of the list were
        asked about in this round, so a head that is not among these is younger than all of them.
        """
        if not rows:
            return 0
        lane = rows[0].lane
        grace = min(self._grace, FULL_PASS_GRACE_SECONDS) if self._full else self._grace
        grown = [row.id for row in rows if row.age >= grace]
        missing, head = await self._dispatch.repair.missing(lane, grown, stale_seconds=self._stale)
        if not self._full:  # after a wipe nearly all are missing, and the few claimed meanwhile do no harm
            missing = await self._still_queued(missing)
        if not missing:
            return 0
        before, behind = _around(head, missing, rows, first=first)
        enqueued = await self._dispatch.lanes.enqueue(_entries(lane, before), front=True)
        enqueued += await self._dispatch.lanes.enqueue(_entries(lane, behind))
        metrics.REDISPATCHED.labels(lane.queue).inc(enqueued)
        # After a wipe that is every queued job; a page's first ids tell enough of that.
        for start in range(0, LOGGED_IDS if self._full else len(missing), LOGGED_IDS):
            ids = [str(job) for job in missing[start : start + LOGGED_IDS]]
            log.warning(
                "sweep.enqueued_again", lane=lane.name, jobs=ids, of=len(missing), full_pass=self._full
            )
        return enqueued

    async def _still_queued(self, ids: Sequence[UUID]) -> list[UUID]:
        """The rows that are still queued. The others were claimed meanwhile."""
        if not ids:
            return []
        stored = await self._store.jobs.existing(ids)
        queued = {job.id for job in stored if job.state is State.QUEUED}
        return [job for job in ids if job in queued]

    async def _rebuild_what_disagrees(self, lanes: Sequence[Lane]) -> bool:
        """Rebuild lanes that something else wrote to, once list and set have differed for long enough."""
        now = self._clock()
        disagreeing = await self._dispatch.repair.disagreements(lanes)
        self._disagreeing = {lane: self._disagreeing.get(lane, now) for lane in disagreeing}
        old = [lane for lane, since in self._disagreeing.items() if now - since >= self._disagreement]
        for lane in old:
            with self.apart.each(f"list {lane.name}"):
                repetitions = await self._dispatch.repair.rebuild(lane)
                metrics.LANES_REBUILT.labels(lane.queue).inc()
                log.warning("sweep.rebuilt", lane=lane.name, repetitions=repetitions)
                del self._disagreeing[lane]
        return bool(old)


def _by_lane(rows: Iterable[Queued]) -> list[tuple[Lane, list[Queued]]]:
    return [(lane, list(page)) for lane, page in groupby(rows, key=lambda row: row.lane)]


def _entries(lane: Lane, ids: Iterable[UUID]) -> list[Entry]:
    return [Entry(lane, job) for job in ids]


def _around(
    head: UUID | None, missing: Sequence[UUID], rows: Sequence[Queued], *, first: bool
) -> tuple[list[UUID], list[UUID]]:
    """Splits the missing ids into those older than the head of the lane, and the others."""
    if head is None:
        return [], list(missing)
    older: set[UUID] = set()
    for row in rows:
        if row.id == head:
            break
        older.add(row.id)
    else:
        if not first:
            older.clear()
    return [job for job in missing if job in older], [job for job in missing if job not in older]


def _behind(cursor: QueuedCursor) -> QueuedCursor:
    """The end of the list in which a page ended. Suspects of all priorities are one list."""
    return replace(
        cursor,
        queued_at="infinity",
        id=UUID(int=2**128 - 1),
        priority="zzz" if cursor.suspect else cursor.priority,
    )
