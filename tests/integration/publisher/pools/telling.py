"""Pools as whoever scales them tells of them."""

import time
from typing import Any

from corral.ids import new_id
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus


def status(name: str = "io", **fields: Any) -> PoolStatus:
    told: dict[str, Any] = {
        "name": name,
        "scaled_by": "operator",
        "minimum": 0,
        "maximum": 20,
        "slots": 50,
        "queues": ("post", "express"),
        "replicas": 8,
        "ready": 7,
        "desired": 14,
        "needed": 17,
        "reason": "8 → 14: 1,820 s of work queued, objective 120 s",
        "conditions": (),
        "backlog_jobs": 910,
        "backlog_seconds": 1820.5,
        "oldest_seconds": 3.25,
        "throughput": 12.5,
        "draining": (),
        "paused": False,
        "wait_objective": 10.0,
        "drain_objective": 120.0,
        "at": time.time(),
    }
    return PoolStatus(**(told | fields))


def decision(before: int, after: int, pool: str = "io", **fields: Any) -> ScalingDecision:
    told: dict[str, Any] = {
        "id": new_id(),
        "pool": pool,
        "at": time.time(),
        "before": before,
        "after": after,
        "needed": after,
        "ready": before,
        "reason": f"{before} → {after}: 910 queued for up to 3 s, to start within 10 s",
        "conditions": (),
        "backlog_jobs": 910,
        "backlog_seconds": 1820.5,
        "oldest_seconds": 3.25,
    }
    return ScalingDecision(**(told | fields))
