"""What is read out of Kubernetes' documents."""

import pytest

from corral.errors import Unavailable
from corral_operator.cluster.target import Deployment, Owned, selector_of
from corral_operator.fleet import fleet_of, trouble_of
from corral_operator.reports.container_exits import ContainerExit, ContainerExits
from corral_operator.scale_down.scale_down import ScaleDown, Victim


def deployment(replicas: int = 2, **status) -> dict:
    return {
        "metadata": {"name": "w", "uid": "d", "resourceVersion": "7", "generation": 3},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "w"}}},
        "status": {"observedGeneration": 3, "replicas": replicas, "updatedReplicas": replicas} | status,
    }


def replica_set(uid: str, owner: str = "d", replicas: int = 2) -> dict:
    return {
        "metadata": {"name": uid, "uid": uid, "ownerReferences": [{"uid": owner, "controller": True}]},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas},
    }


def pod(name: str, owner: str = "rs", *, ready: bool = True, state: dict | None = None, **meta) -> dict:
    return {
        "metadata": {"name": name, "ownerReferences": [{"uid": owner, "controller": True}]} | meta,
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"ready": ready, "restartCount": 0, "state": state or {"running": {}}}],
        },
    }


def seen(pods: list[dict], sets: list[dict] | None = None, **status) -> tuple[Deployment, Owned]:
    read = Deployment.of(deployment(len(pods), **status))
    return read, Owned.of(read, [replica_set("rs")] if sets is None else sets, pods)


def test_only_pods_count_that_the_deployment_owns_and_that_stay():
    ended = pod("ended")
    ended["status"]["phase"] = "Failed"
    _, owned = seen(
        [pod("a"), pod("other", "rs2"), pod("bare", "x"), pod("going", deletionTimestamp="now"), ended],
        [replica_set("rs"), replica_set("rs2", owner="another")],
    )
    assert [one.name for one in owned.pods] == ["a"]
    assert owned.sets == 1


def test_deleted_pods_are_told_of_with_their_time():
    late = pod("late", deletionTimestamp="now", deletionGracePeriodSeconds=45)
    _, owned = seen([pod("a"), late, pod("other", "x", deletionTimestamp="now")])
    assert owned.ending == {"late": 45.0}
    assert Deployment.of(deployment(1, terminatingReplicas=2)).terminating == 2
    assert Deployment.of(deployment(1)).terminating == 0


def test_a_restarted_container_has_another_life():
    before, after = pod("a"), pod("a")
    after["status"]["containerStatuses"][0] |= {"restartCount": 1, "containerID": "b"}
    _, owned = seen([before])
    _, later = seen([after])
    assert owned.pods[0].life != later.pods[0].life
    assert seen([pod("a", ready=False)])[1].pods[0].life == owned.pods[0].life, "whatever its readiness"


def test_what_a_container_waits_for_is_told():
    state = {"waiting": {"reason": "ContainerCreating"}}
    _, owned = seen([pod("a", ready=False, state=state)])
    assert (owned.pods[0].waiting, owned.pods[0].failing, owned.pods[0].born) == (
        "ContainerCreating",
        None,
        False,
    )


def test_a_rollout_shows_in_two_sets_or_in_old_replicas():
    _, owned = seen(
        [pod("a"), pod("b", "new")], [replica_set("rs"), replica_set("new"), replica_set("past", replicas=0)]
    )
    assert owned.sets == 2
    assert Deployment.of(deployment(2, updatedReplicas=1)).rolling
    assert not Deployment.of(deployment(2)).rolling


def test_an_unseen_specification_shows():
    assert not Deployment.of(deployment(2, observedGeneration=2)).observed


@pytest.mark.parametrize(
    ("state", "more", "born", "failing"),
    [
        ({"running": {}}, {}, True, None),
        ({"waiting": {"reason": "ContainerCreating"}}, {}, False, None),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, {"restartCount": 3}, False, "CrashLoopBackOff"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, {}, False, "ImagePullBackOff"),
        ({"running": {}}, {"restartCount": 1, "lastState": {"terminated": {"reason": "OOMKilled"}}}, True, "OOMKilled"),
    ],
)  # fmt: skip
def test_why_a_container_does_not_run(state, more, born, failing):
    given = pod("a", ready=False, state=state)
    given["status"]["containerStatuses"][0] |= more
    read, owned = seen([given])
    assert (owned.pods[0].born, owned.pods[0].failing) == (born, failing)
    fleet = fleet_of(read, owned, ScaleDown())
    assert (fleet.wanted, fleet.ready, fleet.failing) == (1, 0, int(failing is not None))
    assert trouble_of(read, owned) == failing


def test_a_pod_without_a_node_is_unschedulable():
    given = pod("a", ready=False)
    given["status"] = {
        "phase": "Pending",
        "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}
        ],
    }
    read, owned = seen([given])
    assert fleet_of(read, owned, ScaleDown()).unschedulable == 1
    assert trouble_of(read, owned) == "no room"


def test_pods_that_may_not_be_made_are_failing():
    refused = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]
    read = Deployment.of(deployment(3, conditions=refused))
    owned = Owned.of(read, [replica_set("rs")], [pod("a")])
    assert fleet_of(read, owned, ScaleDown()).failing == 2
    assert trouble_of(read, owned) == "exceeded quota"


def test_those_who_leave_are_not_wanted():
    read, owned = seen([pod("a"), pod("b"), pod("c", ready=False)])
    leaving = ScaleDown({"b": Victim(0, "n", 0)})
    fleet = fleet_of(read, owned, leaving)
    assert (fleet.wanted, fleet.ready, fleet.leaving) == (2, 1, 1)


def test_a_selector_is_written_as_a_query():
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"},
        {"key": "zone", "operator": "NotIn", "values": ["x"]},
    ]
    written = selector_of({"matchLabels": {"app": "w"}, "matchExpressions": expressions})
    assert written == "app=w,tier in (a,b),!old,new,zone notin (x)"


def ended(code: int, reason: str = "Error", container: str = "one") -> dict:
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": container}}


def test_how_containers_ended_is_read_of_pods_that_do_not_count_any_more_too():
    again = pod("again")
    again["status"]["containerStatuses"][0]["lastState"] = ended(137, "OOMKilled")
    gone = pod("gone", state=ended(3))
    gone["status"]["phase"] = "Failed"
    polite = [pod(f"polite-{code}", state=ended(code)) for code in (0, 2, 75)]
    other = pod("other", "x", state=ended(1))
    _, owned = seen([pod("well"), again, gone, other, *polite])
    assert {(one.pod, one.how) for one in owned.exits} == {
        ("again", "its container ended with exit code 137 (OOMKilled)"),
        ("gone", "its container ended with exit code 3"),
    }


class Heard:
    """Exits that note what they are told; away where `away` is set."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.away = False

    async def tell(self, worker: str, how: str) -> None:
        if self.away:
            raise Unavailable("redis", "gone")
        self.told.append((worker, how))


async def test_each_end_is_told_once_and_those_before_the_first_look_are_not():
    heard = Heard()
    exits = ContainerExits(heard)  # type: ignore[arg-type]  # all that it needs of one
    old, new, newer = (ContainerExit("w-1", container, f"its {container} ended") for container in "abc")
    await exits.tell([old])
    await exits.tell([old])
    heard.away = True
    await exits.tell([new])
    heard.away = False
    await exits.tell([old, new])
    await exits.tell([new, newer])
    assert heard.told == [("w-1", "its b ended"), ("w-1", "its c ended")]
