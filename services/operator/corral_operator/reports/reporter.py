"""Reports about a pool: its status and decisions in Redis, its status and Events in Kubernetes, and metrics."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.ids import new_id
from corral.scaling.pool_backlog import PoolBacklog
from corral.scaling.pool_snapshot import PoolSnapshot
from corral_operator.cluster.api import ApiError
from corral_operator.cluster.cluster import Cluster, timestamp
from corral_operator.cluster.worker_pool import WorkerPool
from corral_operator.reports import metrics
from corral_operator.reports.event_rate_limit import EventRateLimit
from corral_operator.reports.log_repeats import LogRepeats
from corral_operator.reports.status import Held, Written, conditions
from corral_operator.scale_down.standstill import Stand

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """The result of one turn of a pool."""

    pool: WorkerPool
    wanted: int
    """Workers before the decision, without those that leave."""
    replicas: int
    ready: int
    desired: int
    needed: int
    reason: str
    backlog: PoolBacklog
    throughput: float
    draining: tuple[str, ...]
    held: tuple[Held, ...] = ()
    not_ready: Held | None = None
    stand: Stand | None = None
    """What it is waiting for, where it does not have the workers that it should have."""

    def snapshot(self) -> PoolSnapshot:
        """The report without what only Kubernetes is told."""
        return PoolSnapshot(
            name=self.pool.name,
            scaled_by="operator",
            spec=self.pool.pool,
            queues=self.pool.queues,
            replicas=self.replicas,
            ready=self.ready,
            desired=self.desired,
            needed=self.needed,
            reason=self.reason,
            conditions=tuple(one.type for one in self.held),
            backlog=self.backlog,
            throughput=self.throughput,
            draining=self.draining,
        )

    @property
    def words(self) -> str:
        """The reason, and what the pool is waiting for."""
        stand = self.stand
        return f"{self.reason}; {stand.words}" if stand and stand.worth_telling else self.reason

    @property
    def waits(self) -> tuple[str, ...]:
        """The causes of what the pool is waiting for."""
        stand = self.stand
        return tuple(sorted({one.cause for one in stand.holds})) if stand and stand.worth_telling else ()


class Reporter:
    """Writes the reports about one pool. A report that fails is logged and does not stop the scaling."""

    def __init__(self, cluster: Cluster, dispatch: Dispatch, pool: WorkerPool) -> None:
        self._cluster, self._dispatch = cluster, dispatch
        self._written = Written(pool.status)
        self._desired: int | None = None
        self._reasons: Mapping[str, str] = {
            str(one["type"]): str(one.get("reason", ""))
            for one in pool.status.get("conditions", ())
            if one.get("status") == "True"
        }
        """The reason of each condition that was reported and holds."""
        self._budgets: defaultdict[str, EventRateLimit] = defaultdict(EventRateLimit)
        """One limit per reason, so that many Events about scaling don't suppress one about a condition."""
        self._unwritten, self._untold = LogRepeats(), LogRepeats()
        self._scaled_at = _seconds(pool.status.get("lastScaleTime"))

    def holds(self, condition: str) -> bool:
        """Whether a condition was reported and still holds."""
        return condition in self._reasons

    def scaled(self) -> None:
        """Note that the number of replicas was changed now."""
        self._scaled_at = time.time()

    async def tell(self, report: PoolReport, now: float) -> None:
        """Write the reports of one turn. Raises nothing."""
        self._measure(report)
        reasons = {one.type: one.why for one in report.held}
        before = report.wanted if self._desired is None else self._desired
        if report.desired != before or reasons.keys() != self._reasons.keys() - {"Ready"}:
            await self._decision(report, before if report.desired != before else report.wanted)
        if report.desired != before:
            await self._event(report, "Scaled", report.reason, now, warning=False)
        for one in report.held:
            if self._reasons.get(one.type) != one.why:
                await self._event(report, one.type, one.message, now, warning=one.warning)
        self._desired, self._reasons = report.desired, reasons
        await self._board(report)
        await self._status(report, now)

    def _measure(self, report: PoolReport) -> None:
        name = report.pool.name
        metrics.DESIRED.labels(name).set(report.desired)
        metrics.REPLICAS.labels(name).set(report.replicas)
        metrics.READY.labels(name).set(report.ready)
        metrics.DRAINING.labels(name).set(len(report.draining))
        metrics.held(name, report.stand)
        for condition in self._reasons.keys() - {one.type for one in report.held}:
            metrics.CONDITION.labels(name, condition).set(0)
        for one in report.held:
            metrics.CONDITION.labels(name, one.type).set(1)

    async def _decision(self, report: PoolReport, before: int) -> None:
        log.info(
            "pool.decided",
            pool=report.pool.name,
            before=before,
            after=report.desired,
            reason=report.reason,
            conditions=[one.type for one in report.held],
        )
        decision = report.snapshot().decision(identity=new_id(), at=time.time(), before=before)
        try:
            await self._dispatch.pools.record(decision)
        except Unavailable as error:
            log.warning("pool.decision_not_told", pool=report.pool.name, error=str(error))

    async def _event(
        self, report: PoolReport, reason: str, message: str, now: float, *, warning: bool
    ) -> None:
        missed = self._budgets[reason].spend(now)
        if missed is None:
            return
        if missed:
            message = f"{message} ({missed} more {reason} since the last Event)"
        try:
            await self._cluster.tell(report.pool, "Warning" if warning else "Normal", reason, message)
        except ApiError as error:
            if self._untold.due(str(error), now):
                log.warning("pool.event_not_told", pool=report.pool.name, error=str(error))
        else:
            self._untold.over()

    async def _board(self, report: PoolReport) -> None:
        snapshot = replace(report.snapshot(), reason=report.words)
        status = snapshot.status(at=time.time(), last_scale_at=self._scaled_at)
        try:
            await self._dispatch.pools.report(status)
        except Unavailable as error:
            log.debug("pool.not_told", pool=report.pool.name, error=str(error))

    async def _status(self, report: PoolReport, now: float) -> None:
        status = self._document(report)
        if not self._written.outdated_by(status, now, report.waits):
            return
        try:
            await self._cluster.write_status(report.pool, status)
        except ApiError as error:
            if self._unwritten.due(str(error), now):
                log.warning("pool.status_not_written", pool=report.pool.name, error=str(error))
        else:
            self._unwritten.over()
            self._written = Written(status, now, report.waits)

    def _document(self, report: PoolReport) -> dict[str, Any]:
        document: dict[str, Any] = {
            "replicas": report.replicas,
            "ready": report.ready,
            "desired": report.desired,
            "backlogJobs": report.backlog.jobs,
            "backlogSeconds": round(report.backlog.seconds, 1),
            "oldestJobSeconds": round(report.backlog.oldest, 1),
            "throughput": round(report.throughput, 2),
            "reason": report.words,
            "draining": sorted(report.draining),
            "conditions": conditions(
                report.held,
                report.not_ready,
                self._written.status.get("conditions", ()),
                timestamp(datetime.now(UTC)),
            ),
        }
        if self._scaled_at is not None:
            document["lastScaleTime"] = timestamp(datetime.fromtimestamp(self._scaled_at, UTC))
        return document


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
