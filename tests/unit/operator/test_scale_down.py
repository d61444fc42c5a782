"""How workers leave, step by step."""

from dataclasses import replace

import pytest
from tests.unit.operator.conftest import Hand, World

from corral_operator.cluster.target import Pod
from corral_operator.scale_down.candidates import NEVER_READY_SECONDS, Candidate
from corral_operator.scale_down.holds import said
from corral_operator.scale_down.scale_down import UNASKED_WITHIN, Observation, ScaleDown, step
from corral_operator.scale_down.victim import ANSWER_VALID_SECONDS, Victim
from corral_operator.timing import ABSENT_SECONDS


def idle(*names: str) -> list[Hand]:
    return [Hand(name) for name in names]


def test_the_idle_leave_and_the_busy_stay():
    world = World([*idle("a", "b"), Hand("busy", [1e9]), Hand("busier", [1e9, 1e9])])
    for _ in range(6):
        world.second(2)
    assert set(world.hands) == {"busy", "busier"}
    assert world.interrupted == []


def test_nobody_leaves_before_the_seal_is_answered_and_seen():
    world = World(idle("a"))
    assert world.second(0).replicas == 1, "chosen"
    assert set(world.leaving.victims) == {"a"}
    assert world.second(0).replicas == 0, "sealed, and not ready"


def test_a_worker_that_answers_nothing_does_not_leave():
    world = World([Hand("deaf", deaf=True)])
    for _ in range(50):
        world.second(0)
    assert world.replicas == 1


def test_an_old_answer_is_not_believed():
    pods = (Pod("a", ready=False, born=True),)
    leaving = ScaleDown({"a": Victim(since=0, nonce="n", asked=90)})

    def replicas_at(now: float) -> int:
        scene = Observation(0, 1, pods, {"a": Candidate("a", 0, 50)}, {"a": "n"}, True, False, 600, now)
        return step(leaving, scene, lambda: "m").replicas

    assert replicas_at(90 + ANSWER_VALID_SECONDS - 0.1) == 0
    assert replicas_at(90 + ANSWER_VALID_SECONDS + 0.1) == 1


def test_another_nonce_than_the_asked_one_is_not_believed():
    pods = (Pod("a", ready=False, born=True),)
    leaving = ScaleDown({"a": Victim(since=0, nonce="n", asked=90)})
    scene = Observation(0, 1, pods, {"a": Candidate("a", 0, 50)}, {"a": "other"}, True, False, 600, 91)
    assert step(leaving, scene, lambda: "m").replicas == 1


def sealed(*names: str, dismissed: tuple[str, ...] = ()) -> ScaleDown:
    """Everybody named was asked a second ago; the answers are in `answers`."""
    return ScaleDown(
        {name: Victim(90, "n", 99) for name in names}, {name: Victim(90, "n", 99) for name in dismissed}
    )


def scene(ready: dict[str, bool], replicas: int, **changes) -> Observation:
    pods = tuple(Pod(name, ready=is_ready, born=True) for name, is_ready in ready.items())
    usual = {"desired": 0, "steady": True, "rolling": False, "drain_timeout": 600.0, "now": 100.0}
    usual |= {"workers": {name: Candidate(name, 0, 50) for name in ready}, "seals": dict.fromkeys(ready, "n")}
    return Observation(replicas=replicas, pods=pods, **(usual | changes))


@pytest.mark.parametrize(
    ("leaving", "looks", "why"),
    [
        (sealed("a"), scene({"a": True}, 1), ""),
        (sealed("a"), scene({"a": False}, 1, steady=False), "the Deployment's controller has not processed the last change"),
        (sealed("a"), scene({"a": False}, 2), "1 of 2 pods exist"),
        (sealed("a"), scene({"a": False, "b": True}, 1), "2 of 1 pods exist"),
        (sealed("a", dismissed=("b",)), scene({"a": False, "b": False}, 1), "b: the ReplicaSet's controller has not removed them yet"),
        (sealed("a"), scene({"a": False, "b": False}, 2, desired=1),
         "b: is not ready, so the ReplicaSet could remove it in place of one that leaves"),
    ],
)  # fmt: skip
def test_sealed_workers_do_not_go_while_another_could_be_taken(leaving, looks, why):
    done = step(leaving, looks, lambda: "m")
    assert done.replicas == looks.replicas
    assert said(done.holds) == why
    sure = scene({"a": False}, 1)
    assert step(sealed("a"), sure, lambda: "m").replicas == 0, "it goes when nothing is in the way"


def test_sealed_workers_wait_while_another_pod_is_not_ready():
    world = World(idle("a", "b", "c"))
    world.second(2)
    unready = next(name for name in world.hands if name not in world.leaving.victims)
    world.hands[unready].sealed_until = world.now + 5  # as if its probe failed
    done = world.second(2)
    assert done.replicas == 3
    assert [one.pods for one in done.holds] == [(unready,)]


def test_two_victims_leave_one_by_one():
    world = World([Hand("long", [130.0]), Hand("short", [103.0])])
    for _ in range(15):
        world.second(0)
    assert set(world.hands) == {"long"}
    for _ in range(30):
        world.second(0)
    assert not world.hands
    assert world.interrupted == []


def test_new_load_cancels_drains_before_it_starts_pods():
    world = World([Hand("a", [1e9]), Hand("b", [1e9]), Hand("c", [1e9])])
    world.second(1)
    assert len(world.leaving.victims) == 2
    done = world.second(2)
    assert (len(done.leaving.victims), len(done.released), done.replicas) == (1, 1, 3)
    done = world.second(5)
    assert (dict(done.leaving.victims), len(done.released), done.replicas) == ({}, 1, 5)


def test_cancelled_first_are_those_that_would_leave_last():
    world = World([Hand("a"), Hand("b", [1e9, 1e9]), Hand("c", [1e9])])
    world.second(0)
    world.hands["extra"] = Hand("extra")
    world.replicas = 4
    assert world.second(2).released == ("b",)


@pytest.mark.parametrize("how", [{"lost": True}, {"rolling": True}])
def test_a_lost_signal_or_a_rollout_cancels_drains(how):
    world = World(idle("a", "b"))
    world.second(1)
    done = world.second(1, **how)
    assert (dict(done.leaving.victims), done.replicas, len(done.released)) == ({}, 2, 1)


def test_a_rollout_may_grow():
    world = World(idle("a"))
    assert world.second(3, rolling=True).replicas == 3


def test_a_victim_that_does_not_finish_stays_and_another_is_chosen():
    world = World([Hand("a", [1e9]), Hand("b", [1e9, 1e9])])
    world.second(1, timeout=10)
    assert set(world.leaving.victims) == {"a"}
    for _ in range(11):
        world.second(1, timeout=10)
    assert set(world.leaving.victims) == {"b"}
    assert "a" in world.leaving.spared


def test_a_pod_that_never_started_leaves_first_and_unasked():
    world = World([*idle("a"), Hand("pending", begins=1e9)])
    assert world.second(1).replicas == 1
    assert set(world.hands) == {"a"}


def test_a_pod_that_runs_but_is_nobody_leaves_after_a_minute():
    pods = (Pod("a", ready=True, born=True), Pod("stuck", ready=False, born=True))
    workers = {"a": Candidate("a", 3, 500)}
    leaving = ScaleDown(unready={"stuck": 0.0})

    def chosen_at(now: float) -> set[str]:
        scene = Observation(1, 2, pods, workers, {}, True, False, 600, now)
        return set(step(leaving, scene, lambda: "n").leaving.requests)

    assert chosen_at(NEVER_READY_SECONDS - 1) == {"a"}
    assert chosen_at(NEVER_READY_SECONDS) == {"stuck"}


def test_the_dismissed_are_kept_sealed_until_they_are_gone():
    world = World(idle("a"))
    world.second(0)
    world.replica_set = lambda: None
    for _ in range(40):
        done = world.second(0)
        assert set(done.leaving.requests) == {"a"}
    assert world.replicas == 0
    assert world.hands["a"].sealed(world.now)


def test_a_dismissed_worker_comes_back_when_it_is_wanted_again():
    world = World(idle("a"))
    world.second(0)
    world.replica_set = lambda: None
    world.second(0)
    assert world.second(1).replicas == 1
    done = world.second(1)
    assert done.released == ("a",)
    assert not done.leaving.anyone


def test_a_victim_whose_pod_is_gone_is_forgotten():
    world = World([Hand("a", [1e9]), Hand("b", [1e9])])
    world.second(1)
    gone = next(iter(world.leaving.victims))
    del world.hands[gone]
    world.hands["new"] = Hand("new", begins=1e9)
    assert gone not in world.second(1).leaving.requests


def test_an_operator_that_starts_again_goes_on_with_what_was_wished():
    world = World([Hand("a", [103.0]), Hand("b")])
    world.second(0)
    adopted = {name: Victim(world.now, "new", world.now) for name in world.leaving.requests}
    world.leaving = ScaleDown(adopted)
    for _ in range(12):
        world.second(0)
    assert not world.hands
    assert world.interrupted == []


def test_a_container_that_was_restarted_answers_for_itself():
    """Its predecessor's answer is in Redis still, and its pod is not ready, because it starts."""
    asked = ScaleDown({"a": Victim(90, "n", 99, life="1")})
    again = (Pod("a", ready=False, born=True, life="2"),)
    looks = scene({"a": False}, 1)
    assert step(asked, replace(looks, pods=(replace(again[0], life="1"),)), lambda: "m").replicas == 0
    done = step(asked, replace(looks, pods=again), lambda: "m")
    assert (done.replicas, done.leaving.victims["a"].sealed_at) == (1, None)
    later = step(done.leaving, replace(looks, pods=again, seals={"a": "n"}, now=101.0), lambda: "o")
    assert later.replicas == 1, "the old answer says nothing"
    assert (
        step(later.leaving, replace(looks, pods=again, seals={"a": "m"}, now=102.0), lambda: "p").replicas
        == 0
    )


def test_a_change_is_to_be_sent_while_seals_last():
    done = step(sealed("a"), scene({"a": False}, 1), lambda: "m")
    assert (done.replicas, done.until) == (0, 99 + ANSWER_VALID_SECONDS)
    pending = Observation(0, 1, (Pod("a", ready=False, born=False),), {}, {}, True, False, 600, 100.0)
    done = step(ScaleDown(), pending, lambda: "m")
    assert (done.replicas, done.until) == (0, 100.0 + UNASKED_WITHIN)


def test_pods_that_are_not_made_are_asked_for_no_more():
    looks = scene({"a": True, "b": True}, 5, desired=2, counted=2)
    first = step(ScaleDown(), looks, lambda: "m")
    assert (first.replicas, dict(first.leaving.victims)) == (5, {}), "they may be on their way"
    later = replace(looks, now=looks.now + ABSENT_SECONDS)
    assert step(first.leaving, later, lambda: "m").replicas == 2
    assert step(first.leaving, replace(later, desired=4), lambda: "m").replicas == 4, "no fewer than wanted"
    assert step(first.leaving, replace(later, counted=3), lambda: "m").replicas == 5, "one was just deleted"
    assert step(first.leaving, replace(later, steady=False), lambda: "m").replicas == 5


def test_one_that_does_not_answer_keeps_no_other_from_being_chosen():
    world = World([Hand("deaf", begins=90.0, deaf=True), Hand("hears")])
    world.second(1, timeout=10)
    assert set(world.leaving.victims) == {"deaf"}, "the youngest of the idle"
    for _ in range(15):
        world.second(1, timeout=10)
    assert set(world.hands) == {"deaf"}
