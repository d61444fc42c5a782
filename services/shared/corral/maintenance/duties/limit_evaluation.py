"""Evaluates what jobs take of limits where no publisher did, or where a limit counts otherwise now (protocol rule 12).

A job may have been inserted before its type had limits, by a publisher of the release before, or by other programs. It is
not claimed before it is known what it takes.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from corral import json_codec, metrics
from corral.actions.submissions.type_cache import TypeCache
from corral.catalog.limits.evaluation import SHARED
from corral.dispatch import Dispatch, Entry
from corral.errors import InvalidInput
from corral.job.limit_use import LimitUse, LimitUses, uses_of
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.store.limits.evaluations import UnevaluatedJob

log = structlog.get_logger(__name__)

PAGE = 500
PAGES = 20
"""Pages of one round."""


class EvaluateLimits(Duty):
    """The duty that evaluates what waiting jobs take of limits."""

    name = "limit-evaluation"
    period = 1.0

    def __init__(
        self, store: Store, dispatch: Dispatch, installation: Mapping[str, Any] | None = None
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._types = TypeCache(store, installation)

    async def round(self, reign: Reign) -> int:
        """Undo what changed limits made wrong, and evaluate what waits for it."""
        stale = await self._store.limit_evaluations.stale()
        if stale:
            undone = await self._store.limit_evaluations.undo(reign.term, list(stale))
            log.info("limits.evaluated_again", limits=sorted(stale), jobs=undone)
            await self._store.limit_evaluations.done(reign.term, stale)
        done = 0
        for _ in range(PAGES):
            found = await self._page(reign)
            done += found
            if found < PAGE:
                break
        return done

    async def _page(self, reign: Reign) -> int:
        known = (await self._types.all()).types
        jobs = await self._store.limit_evaluations.waiting(list(known), PAGE)
        if not jobs:
            return 0
        evaluated = [(job.id, self._uses(job)) for job in jobs]
        groups: dict[tuple[Any, UUID], int] = {}
        entries = []
        for one in await self._store.limit_evaluations.set(reign.term, evaluated):
            if one.group is None:
                entries.append(Entry(one.lane, one.id))
            else:
                groups[one.lane, one.group] = groups.get((one.lane, one.group), 0) + 1
        if entries:
            await self._dispatch.lanes.enqueue(entries)
        if groups:
            await self._dispatch.rings.join(groups)
        return len(jobs)

    def _uses(self, job: UnevaluatedJob) -> LimitUses | None:
        known = self._types.at_hand(job.type)
        if known is None or job.queue not in known.by_queue:
            return None
        batch: str | None = None
        try:
            payload = json_codec.loads(job.payload)
            batch = known.batch_key(job.queue, payload)
            uses = known.uses(job.queue, payload)
        except InvalidInput as error:  # it was accepted: it runs, beside those that share a key
            metrics.SWALLOWED.labels("limit-evaluation").inc()
            log.warning("limits.unevaluable", job=str(job.id), type=job.type, reason=str(error))
            uses = [LimitUse(name, SHARED) for name in known.by_queue[job.queue].limits]
        return uses_of(job.queue, job.priority, uses, batch)
