"""Several operators in one namespace: each minds the pools of its release."""

from typing import Any

from tests.fixtures.waiting import eventually_async
from tests.integration.operator.kubernetes import Kubernetes
from tests.integration.operator.operating import operating
from tests.integration.operator.workers import Workers

from corral.dispatch import Dispatch

OURS = {"app.kubernetes.io/instance": "one", "corral.dev/pool": "io"}
SELECTOR = "app.kubernetes.io/instance=one"


def other(name: str, labels: dict[str, str], **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": spec}


def told(kubernetes: Kubernetes, name: str) -> list[tuple[str, str]]:
    """Reasons and messages of the Events about a pool."""
    return [
        (one["reason"], one["message"]) for one in kubernetes.events if one["involvedObject"]["name"] == name
    ]


async def test_pools_of_another_release_are_left_alone_and_nobodys_are_told_of(
    hurried: None, dispatch: Dispatch
) -> None:
    theirs = other(
        "two-worker-io", {"app.kubernetes.io/instance": "two", "corral.dev/pool": "io"}, minReplicas=9
    )
    nobodys = other("hand-made", {"team": "x"}, minReplicas=9)
    async with (
        Kubernetes(labels=OURS, more_pools=[theirs, nobodys], pool={"minReplicas": 2}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch, SELECTOR),
    ):
        await eventually_async(lambda: kubernetes.status.get("ready") == 2, "it is scaled")
        events = await eventually_async(lambda: told(kubernetes, "hand-made"), "nobody's is told of")
        assert events[0][0] == "NotSelected"
        assert SELECTOR in events[0][1]
        assert kubernetes.statuses.keys() == {"io"}, "of others nothing is written"
        assert told(kubernetes, "two-worker-io") == []
        assert len(kubernetes.pods) == 2
        assert [one.name for one in await dispatch.pools.all()] == ["io"]


async def test_a_pool_under_its_former_name_gives_way_to_that_of_the_release(
    hurried: None, dispatch: Dispatch
) -> None:
    """As where the former manifests were applied, and nobody deletes what is no longer in them."""
    new = other("corral-worker-io", OURS, minReplicas=3)
    async with (
        Kubernetes(labels=OURS, pool={"minReplicas": 1}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch, SELECTOR),
    ):
        await eventually_async(lambda: kubernetes.status.get("desired") == 1, "under its former name")
        kubernetes.more_pools = [new]
        kubernetes.changed()
        await eventually_async(lambda: len(kubernetes.pods) == 3, "the new one is scaled")
        status = await eventually_async(lambda: kubernetes.statuses.get("corral-worker-io"), "and told")
        assert status["desired"] == 3
        events = await eventually_async(
            lambda: [one for one in told(kubernetes, "io") if one[0] == "TargetTaken"], "the former is told"
        )
        assert "corral-worker-io is the pool io too, and is scaled instead" in events[0][1]
        assert [one.name for one in await dispatch.pools.all()] == ["io"], "its name on pages stays"
