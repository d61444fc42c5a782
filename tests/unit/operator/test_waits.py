"""What is said of workers that are to leave and do not, and of workers that do not come."""

import json
from dataclasses import replace

import pytest

from corral_operator.cluster.api import ApiForbidden, Denied, _error
from corral_operator.cluster.target import Deployment, Owned, Pod
from corral_operator.fleet import missing_of
from corral_operator.scale_down.candidates import Candidate
from corral_operator.scale_down.holds import Hold, HoldCause, gathered, said
from corral_operator.scale_down.scale_down import Observation, ScaleDown, step
from corral_operator.scale_down.standstill import STUCK_SECONDS, Direction, Standstill, StuckPods
from corral_operator.scale_down.victim import Victim
from corral_operator.scale_down.waits import waits_of
from corral_operator.timing import CONDITION_SECONDS

NOW = 1000.0


def waits(
    pod: Pod, worker: Candidate | None, victim: Victim | None, *, spared: bool = False, **changes
) -> list[tuple[HoldCause, str]]:
    """Of one worker that is to leave, beside a step that was just made."""
    usual = {"steady": True, "rolling": False, "drain_timeout": 600.0, "now": NOW}
    scene = Observation(0, 1, (pod,), {worker.name: worker} if worker else {}, {}, **(usual | changes))
    leaving = ScaleDown({"a": victim} if victim else {}, spared={"a": NOW + 5} if spared else {})
    return [(one.cause, one.said()) for one in waits_of(step(leaving, scene, lambda: "m"), scene)]


READY, UNREADY = Pod("a", ready=True, born=True), Pod("a", ready=False, born=True)
ASKED, SEALED = Victim(NOW - 12, "n", NOW - 1), Victim(NOW - 12, "n", NOW - 1, sealed_at=NOW - 2)
IDLE, BUSY = Candidate("a", 0, 50, draining=True), Candidate("a", 2, 50, draining=True)


@pytest.mark.parametrize(
    ("found", "cause", "words"),
    [
        (waits(READY, IDLE, ASKED), HoldCause.NOT_ANSWERED, "a: is drained, but has not answered for 10 s"),
        (waits(READY, IDLE, replace(SEALED, sealed_at=NOW - 25)), HoldCause.NOT_ANSWERED,
         "a: is sealed, but has not answered for 25 s"),
        (waits(READY, BUSY, ASKED), HoldCause.JOBS_RUNNING, "a: is finishing 2 jobs"),
        (waits(READY, replace(IDLE, draining=False), ASKED), HoldCause.NOT_DRAINED,
         "a: the leader of maintenance has not written its drain yet"),
        (waits(READY, IDLE, SEALED), HoldCause.STILL_READY, "a: is sealed, but Kubernetes still reports it as ready"),
        (waits(READY, None, ASKED), HoldCause.UNKNOWN_WORKER, "a: the leader of maintenance does not know this worker"),
        (waits(READY, None, None), HoldCause.UNKNOWN_WORKER,
         "a: is ready, but the leader of maintenance does not know it as a worker"),
        (waits(UNREADY, None, None), HoldCause.UNKNOWN_WORKER, "a: is not ready (starts)"),
        (waits(READY, BUSY, None, spared=True), HoldCause.JOBS_RUNNING,
         "a: did not finish within 600 s and still runs 2 jobs"),
        (waits(READY, IDLE, ASKED, rolling=True), HoldCause.ROLLOUT, "no worker is removed before the rollout is over"),
        (waits(READY, IDLE, ASKED, rolling=True, rollout_paused=True), HoldCause.ROLLOUT_PAUSED,
         "its Deployment is paused in the middle of a rollout; continue it with kubectl rollout resume"),
        (waits(UNREADY, IDLE, SEALED, steady=False), HoldCause.CONTROLLER_BEHIND,
         "the Deployment's controller has not processed the last change"),
    ],
)  # fmt: skip
def test_each_is_named_with_what_it_is_waited_for(found, cause, words):
    assert found == [(cause, words)]


def test_nothing_is_waited_for_where_nobody_is_to_leave_or_all_have():
    assert waits(UNREADY, IDLE, SEALED) == []
    scene = Observation(1, 1, (READY,), {"a": IDLE}, {}, True, False, 600, NOW)
    assert waits_of(step(ScaleDown(), scene, lambda: "m"), scene) == ()


def test_many_pods_are_counted_and_the_gravest_comes_first():
    holds = gathered(
        [*(Hold(HoldCause.JOBS_RUNNING, "is finishing 1 job", (f"w-{n}",)) for n in range(7)),
         Hold(HoldCause.NOT_ANSWERED, "is drained, but has not answered", ("x",))]
    )  # fmt: skip
    assert said(holds) == (
        "x: is drained, but has not answered; w-0, w-1, w-2, w-3, w-4 and 2 more: is finishing 1 job"
    )


def test_of_very_many_holds_the_first_are_told():
    told = said([Hold(HoldCause.PODS_NOT_READY, f"words {n}", (f"w-{n}",)) for n in range(1000)])
    assert told.startswith("w-0: words 0; w-1: words 1; ")
    assert told.endswith("w-7: words 7; and 992 more")


def look(standstill: Standstill, now: float, cause: HoldCause | None, *, replicas: int = 3, desired: int = 0):
    holds = [Hold(cause, "x", ("w",))] if cause else []
    return standstill.look(
        replicas=replicas, ready=3, wanted=desired, desired=desired, holds=holds, ending=False, now=now
    )


def test_a_condition_begins_a_minute_after_the_last_step_forward():
    standstill = Standstill()
    assert look(standstill, 0, HoldCause.NOT_ANSWERED).told is None
    assert look(standstill, CONDITION_SECONDS - 1, HoldCause.NOT_ANSWERED).told is None
    assert look(standstill, CONDITION_SECONDS, HoldCause.NOT_ANSWERED).told.type == "ScaleDownHeld"
    assert look(standstill, CONDITION_SECONDS + 1, HoldCause.NOT_ANSWERED, replicas=2).told is None, (
        "one left"
    )
    told = look(standstill, 2 * CONDITION_SECONDS + 1, HoldCause.NOT_ANSWERED, replicas=2).told
    assert (told.reason, told.warning, told.message) == (
        "NotAnswered", True, "2 of 2 workers are to leave; w: x",
    )  # fmt: skip
    assert look(standstill, 2 * CONDITION_SECONDS + 2, None, replicas=2, desired=2) is None, "as it is to be"


def test_jobs_that_run_are_no_warning():
    standstill = Standstill()
    look(standstill, 0, HoldCause.JOBS_RUNNING)
    assert not look(standstill, CONDITION_SECONDS, HoldCause.JOBS_RUNNING).told.warning


def test_growth_is_told_of_when_it_takes_longer_than_a_start():
    standstill = Standstill()

    def found(now: float, ready: int):
        holds = [Hold(HoldCause.PODS_NOT_READY, "ContainerCreating", ("w",))]
        return standstill.look(
            replicas=5, ready=ready, wanted=5, desired=5, holds=holds, ending=False, now=now
        )

    assert not found(0, 1).worth_telling
    assert found(10, 1).worth_telling
    assert found(60, 2).told is None, "one came"
    assert found(120, 2).told.type == "ScaleUpHeld"
    assert found(121, 2).direction is Direction.UP


def test_pods_that_do_not_end_are_told_of_by_the_own_clock():
    ending = StuckPods()
    assert ending.overdue({"a": 30.0}, 0) == []
    assert ending.overdue({"a": 30.0}, 30 + STUCK_SECONDS) == []
    late = ending.overdue({"a": 30.0, "b": 30.0}, 31 + STUCK_SECONDS)
    assert [(one.cause, one.pods) for one in late] == [(HoldCause.STUCK_TERMINATING, ("a",))]
    assert ending.overdue({}, 200) == []


def test_what_is_missing_is_named_in_kubernetes_words():
    deployment = Deployment("w", "d", "1", 4, 1, True, False, "", refused="exceeded quota")
    pods = (
        Pod("a", ready=True, born=True),
        Pod("b", ready=False, born=False, waiting="ContainerCreating"),
        Pod("c", ready=False, born=False, unschedulable="no room"),
    )
    assert said(gathered(missing_of(deployment, Owned(pods, 1), ScaleDown()))) == (
        "1 pods are missing: exceeded quota; b: ContainerCreating; c: no room"
    )


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('admission webhook "a.example" denied the request: no', Denied),
        ("deployments \"w\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: no", Denied),
        (
            'deployments.apps "w" is forbidden: User "x" cannot patch resource "deployments/scale"',
            ApiForbidden,
        ),
    ],
)
def test_a_webhook_that_denies_is_no_missing_right(message, kind):
    assert type(_error(403, json.dumps({"message": message}).encode(), "x")) is kind
