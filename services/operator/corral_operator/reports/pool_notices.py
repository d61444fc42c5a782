"""Tells pools why this operator does not scale them: in their status, and by an Event. Each is told once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from corral_operator.cluster.api import ApiError
from corral_operator.cluster.cluster import Cluster, timestamp
from corral_operator.cluster.worker_pool import WorkerPool
from corral_operator.reports.status import Held, conditions

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 30.0
"""Seconds until the next try after Kubernetes took a notice not."""


@dataclass(frozen=True, slots=True)
class PoolNotice:
    """Why one pool is not scaled."""

    pool: WorkerPool
    why: Held
    own: bool = True
    """Whether the pool is this operator's, so that its status may be written; else there is an Event alone."""


class PoolNotices:
    """Remembers what was told. All times are monotonic seconds."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._told: dict[str, Held] = {}
        """What was told last, by the pool's uid."""
        self._again = float("-inf")

    async def tell(self, notices: Iterable[PoolNotice], now: float) -> None:
        """Tell those that were not told, and forget those that are not in `notices`. Raises nothing."""
        given = {notice.pool.uid: notice for notice in notices}
        self._told = {uid: why for uid, why in self._told.items() if uid in given}
        if now < self._again:
            return
        for uid, notice in given.items():
            if self._told.get(uid) == notice.why:
                continue
            log.warning("pool.not_scaled_here", pool=notice.pool.resource, why=notice.why.message)
            try:
                await self._tell(notice)
            except ApiError as error:
                self._again = now + RETRY_SECONDS
                log.warning("pool.notice_not_told", pool=notice.pool.resource, error=str(error))
                return
            self._told[uid] = notice.why

    async def _tell(self, notice: PoolNotice) -> None:
        pool, why = notice.pool, notice.why
        if notice.own:
            before = pool.status.get("conditions", ())
            still = [
                Held(str(one["type"]), str(one.get("message", "")), str(one.get("reason", "")))
                for one in before
                if one.get("status") == "True" and one["type"] != "Ready"
            ]
            told = conditions(still, why, before, timestamp(datetime.now(UTC)))
            await self._cluster.write_status(pool, {"reason": why.message, "conditions": told})
        await self._cluster.tell(pool, "Warning", why.type, why.message)
