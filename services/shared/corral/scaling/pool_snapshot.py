"""A pool at one moment, as whoever scales it sees it. The status and the decisions that people read are made of it."""

from dataclasses import dataclass
from uuid import UUID

from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool import PoolSpec
from corral.scaling.pool_backlog import PoolBacklog
from corral.scaling.pool_status import PoolStatus, Scaler


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    """One pool, the number of workers that was decided, and what that rests on."""

    name: str
    scaled_by: Scaler
    spec: PoolSpec
    queues: tuple[str, ...]
    """Those that it serves; `*` alone is all."""
    replicas: int
    """Workers asked for now."""
    ready: int
    desired: int
    """Workers that the law asks for."""
    needed: int
    """The same before bounds and windows."""
    reason: str
    conditions: tuple[str, ...]
    backlog: PoolBacklog
    throughput: float
    """Jobs that ended per second, lately."""
    draining: tuple[str, ...]
    """Names of the workers that were asked to leave."""

    def status(self, *, at: float, last_scale_at: float | None) -> PoolStatus:
        """What pages and the API show of the pool.

        Args:
            at: unix seconds now.
            last_scale_at: unix seconds of the last change of the number of workers; None where there was none.
        """
        return PoolStatus(
            name=self.name,
            scaled_by=self.scaled_by,
            minimum=self.spec.minimum,
            maximum=self.spec.maximum,
            slots=self.spec.slots,
            queues=self.queues,
            replicas=self.replicas,
            ready=self.ready,
            desired=self.desired,
            needed=self.needed,
            reason=self.reason,
            conditions=self.conditions,
            backlog_jobs=self.backlog.jobs,
            backlog_seconds=self.backlog.seconds,
            oldest_seconds=self.backlog.oldest,
            throughput=self.throughput,
            draining=self.draining,
            paused=self.spec.paused,
            wait_objective=self.spec.wait,
            drain_objective=self.spec.drain,
            at=at,
            last_scale_at=last_scale_at,
        )

    def decision(self, *, identity: UUID, at: float, before: int) -> ScalingDecision:
        """The change from `before` workers to those desired now, as the pool's history keeps it.

        Args:
            identity: the decision's id, a new one, version 7.
            at: unix seconds now.
            before: workers that were desired before.
        """
        return ScalingDecision(
            id=identity,
            pool=self.name,
            at=at,
            before=before,
            after=self.desired,
            needed=self.needed,
            ready=self.ready,
            reason=self.reason,
            conditions=self.conditions,
            backlog_jobs=self.backlog.jobs,
            backlog_seconds=self.backlog.seconds,
            oldest_seconds=self.backlog.oldest,
        )
