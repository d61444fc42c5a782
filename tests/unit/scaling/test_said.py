"""What other programs wrote of a pool is believed only where every number of it can be shown."""

from typing import Any

import pytest

from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus

STATUS: dict[str, Any] = {
    "name": "io",
    "scaled_by": "operator",
    "minimum": 0,
    "maximum": 9,
    "slots": 50,
    "queues": ["*"],
    "replicas": 1,
    "ready": 1,
    "desired": 1,
    "needed": 1,
    "reason": "as needed",
    "conditions": [],
    "backlog_jobs": 0,
    "backlog_seconds": 0.0,
    "oldest_seconds": 0.0,
    "throughput": 0.0,
    "draining": [],
    "paused": False,
    "wait_objective": 10.0,
    "drain_objective": 120.0,
    "at": 1.7e9,
    "last_scale_at": None,
}
DECISION: dict[str, Any] = {
    **{name: STATUS[name] for name in ("at", "needed", "ready", "reason", "conditions", "backlog_jobs")},
    **{name: STATUS[name] for name in ("backlog_seconds", "oldest_seconds")},
    "id": "01890000-0000-7000-8000-000000000000",
    "pool": "io",
    "before": 1,
    "after": 2,
}
NUMBERS = [1e300, -1e300, float("nan"), float("inf"), "many", None, True, [], 10**400]


def test_what_a_pool_says_is_read_as_it_was_written():
    status = PoolStatus.of(STATUS)
    assert PoolStatus.of(status.json()) == status
    decision = ScalingDecision.of(DECISION)
    assert ScalingDecision.of(decision.json()) == decision


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("name", ["replicas", "throughput", "at", "backlog_jobs"])
def test_a_status_with_a_number_that_cant_be_shown_is_none(name: str, value: Any):
    with pytest.raises((TypeError, ValueError)):
        PoolStatus.of(STATUS | {name: value})


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("name", ["after", "at", "oldest_seconds"])
def test_nor_is_a_decision(name: str, value: Any):
    with pytest.raises((TypeError, ValueError)):
        ScalingDecision.of(DECISION | {name: value})


@pytest.mark.parametrize("at", [-1, 253_402_300_800, 1e14])
def test_a_time_that_no_calendar_has_is_none(at: float):
    with pytest.raises(ValueError, match="no time"):
        PoolStatus.of(STATUS | {"last_scale_at": at})
