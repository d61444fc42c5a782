"""What `corral up` tells of its pool, through a real Valkey."""

import pytest

from corral.dispatch import Dispatch
from corral.dispatch.pools import BEGINNING
from corral.errors import Unavailable
from corral.scaling.decision import Condition, Decision
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.history import History
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal
from corral.scaling.worker_signal import WorkerSignal
from corral_local.pool.reporter import NAME, PoolReporter
from corral_local.pool.scaler import Scaled

POOL = PoolSpec(1, 4, slots=50)
SIGNAL = Signal(
    7,
    {
        "demo": QueueSignal(queued=900, running=50, oldest=3.5, work=1800.0, arrived=1000),
        "cpu": QueueSignal(queued=2, work=4.0, arrived=2),
    },
    workers={"up-1": WorkerSignal("a"), "up-2": WorkerSignal("b", state="draining")},
)


def scaled(
    before: int, after: int, *conditions: Condition, signal: Signal | None = SIGNAL, reason: str = ""
) -> Scaled:
    decision = Decision(
        after, reason or f"{before} → {after}: because", History(), frozenset(conditions), needed=after
    )
    return Scaled(before, decision, signal)


async def test_the_pool_is_told_as_it_is_after_the_decision(dispatch: Dispatch):
    pool_reporter = PoolReporter(dispatch, POOL, ["*"])
    await pool_reporter.tell(scaled(1, 3), ["up-1", "up-3", "up-4"], ["up-2"])
    (told,) = await dispatch.pools.all()
    assert (told.name, told.scaled_by, told.queues, told.serves("cpu")) == (NAME, "corral up", ("*",), True)
    assert (told.minimum, told.maximum, told.slots) == (1, 4, 50)
    assert (told.replicas, told.ready, told.desired) == (3, 1, 3)
    assert (told.backlog_jobs, told.backlog_seconds, told.oldest_seconds) == (902, 1804.0, 3.5)
    assert (told.draining, told.reason) == (("up-2",), "1 → 3: because")
    assert told.last_scale_at is not None


async def test_decisions_are_told_when_the_size_or_a_condition_changes(dispatch: Dispatch):
    pool_reporter = PoolReporter(dispatch, POOL, ["*"])
    seconds = [
        scaled(1, 1),
        scaled(1, 3),
        scaled(3, 3, reason="3 kept"),
        scaled(3, 4, Condition.LIMITED),
        scaled(4, 4, Condition.LIMITED, reason="Keeping 4: the maximum"),
        scaled(4, 4, Condition.SIGNAL_LOST, signal=None, reason="4 held: the signal is lost"),
        scaled(4, 4, reason="Keeping 4: the signal is back"),
    ]
    for one in seconds:
        await pool_reporter.tell(one, [], [])
    told = await decisions(dispatch)
    assert [(one.before, one.after, one.conditions) for one in told] == [
        (1, 3, ()),
        (3, 4, ("Limited",)),
        (4, 4, ("SignalLost",)),
        (4, 4, ()),
    ]
    assert [one.backlog_jobs for one in told] == [902, 902, 0, 902]


async def test_what_redis_did_not_hear_is_told_when_it_is_back(
    dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
):
    pool_reporter = PoolReporter(dispatch, POOL, ["*"])

    async def away(_: object) -> None:
        raise Unavailable("redis", "unplugged")

    with monkeypatch.context() as unplugged:
        unplugged.setattr(dispatch.pools, "record", away)
        unplugged.setattr(dispatch.pools, "report", away)
        await pool_reporter.tell(scaled(1, 2), [], [])
        await pool_reporter.tell(scaled(2, 3), [], [])
    assert await decisions(dispatch) == []
    await pool_reporter.tell(scaled(3, 3), [], [])
    assert [(one.before, one.after) for one in await decisions(dispatch)] == [(1, 2), (2, 3)]


async def decisions(dispatch: Dispatch) -> list[ScalingDecision]:
    _, told = await dispatch.pools.decisions_after(BEGINNING)
    return list(told)


async def test_how_a_worker_ended_is_told_unless_it_said_goodbye(dispatch: Dispatch):
    pool_reporter = PoolReporter(dispatch, POOL, ["*"])
    for code in (0, 2, 75, 137, 3):
        await pool_reporter.tell_exit("up-1", code)
    assert await dispatch.exits.of("up-1") == "its process was ended by SIGKILL"
    await dispatch.exits.forget("up-1")
    assert await dispatch.exits.of("up-1") == "its process ended with exit code 3"
    await dispatch.exits.forget("up-1")
    assert await dispatch.exits.of("up-1") is None
