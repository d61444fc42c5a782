"""Reports about pools: their status, and the decisions about their size. For people alone: nothing depends on them."""

from collections.abc import Sequence

import orjson
import structlog
from redis.asyncio import Redis

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus

log = structlog.get_logger(__name__)

WRITE_POOL = Script("write_pool", ScriptEffect.FILLS)
READ_POOLS = Script("read_pools", ScriptEffect.FREES)
_DECISIONS = Script("decisions", ScriptEffect.READS)

STATUS_MS = 30_000
"""A status older than this, by Redis' clock, is forgotten: nobody scales the pool any more."""
KEPT_DECISIONS = 1000
"""Decisions that may wait for the leader, about; it copies them to Postgres, which keeps them for good."""
DECISIONS_PER_PAGE = 200
BEGINNING = "0-0"
"""The cursor that stands before the first decision."""


class PoolReports:
    """Writes and reads in Redis what whoever scales a pool says of it and decides."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def report(self, status: PoolStatus) -> None:
        """Replace the status of a pool; to be repeated about every second.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            await WRITE_POOL.run(self._redis, [key_names.POOLS, status.name, orjson.dumps(status.json())])

    async def all(self) -> list[PoolStatus]:
        """The pools that somebody scales now, by name.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            told = await READ_POOLS.run(self._redis, [key_names.POOLS, STATUS_MS])
        statuses = []
        for name, document in zip(told[::3], told[2::3], strict=True):
            try:
                statuses.append(PoolStatus.of(orjson.loads(document)))
            except (ValueError, KeyError, TypeError) as error:
                metrics.SWALLOWED.labels("pools.read").inc()
                log.warning("pools.unreadable", pool=text_of(name), error=repr(error))
        return sorted(statuses, key=lambda status: status.name)

    async def record(self, decision: ScalingDecision) -> None:
        """Keep a decision for the leader; may be repeated.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            await self._redis.xadd(
                key_names.DECISIONS,
                {"decision": orjson.dumps(decision.json())},
                maxlen=KEPT_DECISIONS,
                approximate=True,
            )

    async def decisions_after(self, cursor: str = BEGINNING) -> tuple[str, Sequence[ScalingDecision]]:
        """The next decisions, the oldest first, and the cursor behind them; none says that there are no more.

        A stream that was wiped is read from its beginning, so some may come twice.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            behind, documents = await _DECISIONS.run(self._redis, [cursor, DECISIONS_PER_PAGE])
        decisions = []
        for document in documents:
            try:
                decisions.append(ScalingDecision.of(orjson.loads(document)))
            except (ValueError, KeyError, TypeError) as error:
                metrics.SWALLOWED.labels("decisions.read").inc()
                log.warning("decisions.unreadable", error=repr(error))
        return text_of(behind), decisions
