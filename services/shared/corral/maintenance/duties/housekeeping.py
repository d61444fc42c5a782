"""Housekeeping: folds statistics, and removes old rows and orphans, in batches of bounded size."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from corral.dispatch import Dispatch
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store

FOLD_BATCH = 20_000
RETAIN_BATCH = 2_000
ARTIFACT_BATCH = 500
IMPORTS_AT_ONCE = 20
"""Imports of one transaction; each may wait for thousands of items and sources."""
KEEP_WORKERS_SECONDS = 24 * 3600.0
"""Seconds for which rows of ended workers are kept."""


FORGET_SECONDS = 60.0
"""Seconds after which statistics that are too old are looked for though nothing has ended."""


class Fold(Duty):
    """The duty that adds the counts of ended jobs to the statistics, without reading the jobs again."""

    name = "fold"
    period = 5.0

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._backfilled = False
        self._forget_at = clock()

    async def round(self, reign: Reign) -> int:
        """Fold everything that is there."""
        if not self._backfilled:
            await self._store.duties.backfill()
            self._backfilled = True
        folded = 0
        if self._clock() < self._forget_at and not await self._store.duties.anything_to_fold():
            return 0
        self._forget_at = self._clock() + FORGET_SECONDS
        while True:
            deltas = (await self._store.duties.fold_stats(reign.term, FOLD_BATCH)).deltas
            folded += deltas
            if deltas < FOLD_BATCH:
                return folded


class RetentionDuty(Duty):
    """The duty that removes ended jobs after their time, and old decisions about pools, audit entries, imports and items of feeds."""

    name = "retention"
    period = 60.0

    def __init__(
        self,
        store: Store,
        installation: Mapping[str, Any] | None = None,
        *,
        audit_days: int = 0,
        feed_import_days: int = 0,
        feed_item_days: int = 0,
        imports_at_once: int = IMPORTS_AT_ONCE,
    ) -> None:
        """`installation`: its default options, as JSON by option. The days are the settings'; 0: for ever."""
        self._store = store
        self._audit_days = audit_days
        self._feed_import_days = feed_import_days
        self._feed_item_days = feed_item_days
        self._imports_at_once = imports_at_once
        self._installation = installation or {}

    async def round(self, reign: Reign) -> int:
        """Remove everything whose time is over."""
        store, removed = self._store, 0
        with self.apart.each("decisions"):
            removed += await _all(lambda: store.scaling.forget(reign.term, RETAIN_BATCH))
        with self.apart.each("audit"):
            if self._audit_days:
                removed += await _all(lambda: store.audit.forget(reign.term, self._audit_days, RETAIN_BATCH))
        removed += await self._forget_feeds(reign)
        return removed + await _all(
            lambda: store.duties.retain(reign.term, RETAIN_BATCH, self._installation, self.apart.each)
        )

    async def _forget_feeds(self, reign: Reign) -> int:
        """Remove imports, and items that no feed lists any more, after their days."""
        rows, removed = self._store.feed_retention, 0
        imports, items = self._feed_import_days, self._feed_item_days
        with self.apart.each("imports of feeds"):
            if imports:
                removed += await _all(
                    lambda: rows.forget_imports(reign.term, imports, self._imports_at_once),
                    self._imports_at_once,
                )
        with self.apart.each("items of feeds"):
            if items:
                removed += await _all(lambda: rows.forget_items(reign.term, items, RETAIN_BATCH))
        return removed


class Orphans(Duty):
    """The duty that removes orphans: unpublished artifacts, uploads that nothing uses, expired sessions and idempotency keys, old rows of workers."""

    name = "orphans"
    period = 60.0

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch

    async def round(self, reign: Reign) -> int:
        """Remove the orphans of each kind."""
        swept = 0
        with self.apart.each("sessions"):
            swept += await self._store.duties.sweep_sessions(reign.term)
        with self.apart.each("idempotency keys"):
            swept += await _all(lambda: self._store.idempotency.sweep(reign.term, RETAIN_BATCH))
        with self.apart.each("workers"):
            swept += await self._store.workers.forget(reign.term, KEEP_WORKERS_SECONDS)
        with self.apart.each("workers in Redis"):
            swept += await self._dispatch.repair.forget_dead_workers()
        with self.apart.each("uploads"):
            swept += await _all(
                lambda: self._store.uploads.expire(reign.term, ARTIFACT_BATCH), ARTIFACT_BATCH
            )
        with self.apart.each("artifacts"):
            swept += await _all(
                lambda: self._store.artifacts.sweep(reign.term, ARTIFACT_BATCH), ARTIFACT_BATCH
            )
        return swept


async def _all(batch: Callable[[], Awaitable[int]], full: int = RETAIN_BATCH) -> int:
    """Run batches until one is not full; returns the number of rows in all."""
    removed = 0
    while True:
        gone = await batch()
        removed += gone
        if gone < full:
            return removed
