"""What keeps a pool from the size that it needs, and how that is said."""

import dataclasses

import pytest
from tests.unit.scaling.conftest import queue

from corral.scaling.decision import Condition, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import Signal


def test_a_paused_pool_is_left_alone():
    pool = dataclasses.replace(PoolSpec(2, 5, 4), paused=True)
    decision = decide(Signal(1, {"a": queue(1000)}), pool, History(), Fleet(9, ready=1), 0.0)
    assert (decision.desired, decision.reason) == (
        9,
        "Keeping 9: The pool is paused, so that only a person changes its size",
    )


def test_more_than_the_maximum_is_said():
    decision = decide(Signal(1, {"a": queue(9000)}), PoolSpec(0, 3, 4), History(), Fleet(1, 1), 0.0)
    assert (decision.desired, decision.conditions) == (3, {Condition.LIMITED})
    assert decision.reason.startswith("1 → 3: ")
    assert decision.reason.endswith(f". {decision.needed} workers are needed for that, but the maximum is 3")


def test_workers_that_never_come_up_stop_the_growth():
    pool, history, wanted = PoolSpec(0, 20, 1), History(), 4
    for second in range(120):
        told = Signal(second, {"a": queue(4 + second // 10, mean=30.0)}, float(second))
        fleet = Fleet(wanted, ready=0, failing=wanted)
        decision = decide(told, pool, history, fleet, float(second))
        history, wanted = decision.history, decision.desired
        if second == 5:
            early = wanted
    assert Condition.WORKERS_FAILING in decision.conditions
    assert "those that were started end before they claim a job" in decision.reason
    assert wanted < decision.needed
    assert wanted <= early + 3


def test_workers_that_never_come_up_are_told_of_also_where_all_are_there():
    pool, history = PoolSpec(0, 3, 1), History()
    for second in range(60):
        told = Signal(second, {"a": queue(40, mean=30.0)}, float(second))
        decision = decide(told, pool, history, Fleet(3, ready=0, unschedulable=3), float(second))
        history = decision.history
    assert decision.conditions == {Condition.LIMITED, Condition.UNSCHEDULABLE}
    assert (
        decision.reason
        == f"Keeping 3: {decision.needed} workers are needed, but those that were started find no place to run"
    )


def test_a_lost_signal_holds_what_there_is():
    decision = decide(None, PoolSpec(1, 4, slots=1), History(), Fleet(3, ready=3), 0.0)
    assert (decision.desired, decision.reason) == (
        3,
        "Keeping 3: The backlog is not known at the moment, so the number of workers stays",
    )


@pytest.mark.parametrize(
    ("wanted", "held", "reason"),
    [
        (
            5,
            5,
            "Keeping 5: The backlog is not known at the moment, so no worker is taken away, although the maximum is 3",
        ),
        (1, 2, "1 → 2: The backlog is not known at the moment, and the minimum is 2"),
        (0, 2, "0 → 2: The backlog is not known at the moment, and the minimum is 2"),
        (3, 3, "Keeping 3: The backlog is not known at the moment, so the number of workers stays"),
    ],
)
def test_without_a_signal_a_raised_minimum_counts_and_a_lowered_maximum_waits(wanted, held, reason):
    """Whoever scales lets nobody leave unseen, so the law does not say so, and orders nothing of the kind."""
    pool, fleet = PoolSpec(2, 3, slots=1), Fleet(wanted, ready=wanted)
    lost = decide(None, pool, History(), fleet, 0.0)
    assert (lost.desired, lost.reason) == (held, reason)
    seen = decide(Signal(1, {"a": queue()}), pool, lost.history, Fleet(held, ready=held), 1.0)
    assert seen.desired <= 3
