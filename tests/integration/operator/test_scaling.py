"""The operator's loop beside an API server and workers that take their time, or do not answer at all."""

import contextlib
import random
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from prometheus_client import REGISTRY
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.operator.kubernetes import Kubernetes
from tests.integration.operator.operating import PACE, operating
from tests.integration.operator.workers import Workers

from corral.dispatch import Dispatch

HELD = "ScaleDownHeld"


async def test_eight_idle_workers_leave_though_all_answer_slowly(hurried: None, dispatch: Dispatch) -> None:
    dice = random.Random(3)
    async with (
        Kubernetes(replicas=8, pool={"minReplicas": 8}, conflicts=12) as kubernetes,
        Workers(
            kubernetes,
            dispatch,
            hears=lambda: dice.uniform(0.05, 0.25),
            tells=lambda: dice.uniform(0.05, 0.25),
        ),
        operating(kubernetes, dispatch),
    ):
        await eventually_async(lambda: kubernetes.status.get("desired") == 8, "it is seen")
        for minimum in range(7, -1, -1):
            kubernetes.bounds(minimum)
            await eventually_async(
                lambda minimum=minimum: kubernetes.status["desired"] == minimum, "a round has seen it"
            )
        await eventually_async(lambda: not kubernetes.pods, "to zero")
        assert kubernetes.unsealed == []


async def test_what_holds_a_scale_down_is_said_at_once_and_as_a_condition_when_it_lasts(
    hurried: None, dispatch: Dispatch
) -> None:
    async with (
        Kubernetes(replicas=3) as kubernetes,
        Workers(kubernetes, dispatch) as workers,
        contextlib.AsyncExitStack() as stack,
    ):
        first, second, third = kubernetes.pods
        workers.deaf = {first}
        kubernetes.pods[second].jobs = 2
        kubernetes.pods[third].ready = False  # as if its probe failed
        await stack.enter_async_context(operating(kubernetes, dispatch))
        told = await eventually_async(
            lambda: _reason(kubernetes, first, "has not answered"), "at once, in the status"
        )
        assert f"{second}: is finishing 2 jobs" in told
        condition = await eventually_async(lambda: kubernetes.condition("ScaleDownHeld"), "as a condition")
        assert condition["reason"] == "NotAnswered"
        assert condition["message"] in told or "workers are to leave" in condition["message"]
        event = await eventually_async(lambda: _held(kubernetes), "as an Event")
        assert (event[0]["type"], event[0]["reason"]) == ("Warning", "ScaleDownHeld")
        labels = {"pool": "io", "direction": "down", "cause": "NotAnswered"}
        assert REGISTRY.get_sample_value("corral_operator_pool_held_seconds", labels) >= 0.5
        workers.deaf = set()
        kubernetes.pods[second].jobs = 0
        await eventually_async(lambda: not kubernetes.pods, "they leave")
        await eventually_async(lambda: kubernetes.condition("ScaleDownHeld") is None, "the condition ends")
        await eventually_async(lambda: "leave" not in kubernetes.status["reason"], "the reason, too")
        assert kubernetes.interrupted == []


def _reason(kubernetes: Kubernetes, *words: str) -> str | None:
    told = str(kubernetes.status.get("reason", ""))
    return told if all(word in told for word in words) else None


def _held(kubernetes: Kubernetes, kind: str = "ScaleDownHeld") -> list[dict[str, Any]]:
    return [one for one in kubernetes.events if one["reason"] == kind]


@contextlib.asynccontextmanager
async def one_busy_worker(dispatch: Dispatch) -> AsyncIterator[Kubernetes]:
    """A pool of one worker, which runs a job and is to leave."""
    async with Kubernetes(replicas=1) as kubernetes, Workers(kubernetes, dispatch):
        kubernetes.pods["w-0"].jobs = 1
        async with operating(kubernetes, dispatch):
            yield kubernetes


async def test_workers_that_finish_long_jobs_are_told_of_without_a_warning(
    hurried: None, dispatch: Dispatch
) -> None:
    async with one_busy_worker(dispatch) as kubernetes:
        condition = await eventually_async(lambda: kubernetes.condition("ScaleDownHeld"), "as a condition")
        assert (condition["reason"], condition["message"]) == (
            "JobsRunning", "1 of 1 workers are to leave; w-0: is finishing 1 job",
        )  # fmt: skip
        event = await eventually_async(lambda: _held(kubernetes), "as an Event")
        assert event[0]["type"] == "Normal"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"conflicts": 10**6}, (HELD, "Conflicts", "its Deployment changed before it could be scaled")),
        ({"denied": (403, 'admission webhook "keep.example" denied the request: not on Fridays')},
         (HELD, "Refused", "not on Fridays")),
        ({"denied": (422, "spec.replicas: too few")}, (HELD, "Refused", "too few")),
        ({"denied": (500, "failed calling webhook")}, (HELD, "KubernetesAway", "failed calling")),
        ({"deployment": {"spec": {"paused": True}, "status": {"updatedReplicas": 0}}},
         (HELD, "RolloutPaused", "kubectl rollout resume")),
        ({"deployment": {"status": {"updatedReplicas": 0}}}, (HELD, "RolloutInProgress", "rollout")),
        ({"deployment": {"status": {"observedGeneration": 0}}}, (HELD, "ControllerBehind", "has not processed the last change")),
        ({"denied": (403, 'deployments.apps "w" is forbidden: User "x" cannot patch resource')},
         ("Forbidden", "Forbidden", "add w to the operator's Role")),
    ],
)  # fmt: skip
async def test_each_obstacle_of_a_scale_down_has_its_name(
    hurried: None, dispatch: Dispatch, fault: dict[str, Any], told: tuple[str, str, str]
) -> None:
    kind, cause, words = told
    async with (
        Kubernetes(replicas=2, **fault) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        condition = await eventually_async(lambda: kubernetes.condition(kind), kind)
        assert (condition["reason"], words in condition["message"]) == (cause, True), condition
        assert (await eventually_async(lambda: _held(kubernetes, kind), "an Event"))[0]["type"] == "Warning"
        kubernetes.conflicts, kubernetes.denied, kubernetes.deployment = 0, None, {}
        await eventually_async(lambda: not kubernetes.pods, "it goes on when that is over")


async def test_a_leader_that_writes_no_drains_is_named(hurried: None, dispatch: Dispatch) -> None:
    async with (
        Kubernetes(replicas=1) as kubernetes,
        Workers(kubernetes, dispatch, drained=False),
        operating(kubernetes, dispatch),
    ):
        condition = await eventually_async(lambda: kubernetes.condition("ScaleDownHeld"), "as a condition")
        assert condition["reason"] == "DrainNotWritten"


async def test_a_redis_that_takes_no_writes_is_named(hurried: None, own_valkey: Any) -> None:
    dispatch = Dispatch.open(own_valkey.url)
    async with one_busy_worker(dispatch) as kubernetes:
        await eventually_async(lambda: kubernetes.status.get("draining"), "it drains")
        with redis.Redis.from_url(own_valkey.url) as client:
            client.config_set("maxmemory", 1)
        condition = await eventually_async(lambda: kubernetes.condition("ScaleDownHeld"), "as a condition")
        assert condition["reason"] == "RedisAway"
    await dispatch.close()


async def test_pods_that_a_quota_refuses_keep_nobody_from_leaving(hurried: None, dispatch: Dispatch) -> None:
    async with (
        Kubernetes(replicas=5, quota=3, pool={"minReplicas": 5}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        condition = await eventually_async(
            lambda: kubernetes.condition("ScaleUpHeld"), "what is missing is told"
        )
        assert (condition["reason"], "2 pods are missing" in condition["message"]) == ("PodsMissing", True)
        kubernetes.bounds(0)
        await eventually_async(lambda: not kubernetes.pods and kubernetes.replicas == 0, "to zero")
        assert kubernetes.unsealed == []


async def test_a_pod_that_never_becomes_ready_is_told_of(hurried: None, dispatch: Dispatch) -> None:
    async with (
        Kubernetes(replicas=2, pool={"minReplicas": 2}) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch),
    ):
        kubernetes.pods["w-1"].ready = False
        kubernetes.changed()
        condition = await eventually_async(lambda: kubernetes.condition("ScaleUpHeld"), "as a condition")
        assert (condition["reason"], condition["message"]) == (
            "PodsNotReady", "1 of 2 workers are ready; w-1: not ready",
        )  # fmt: skip
        kubernetes.pods["w-1"].ready = True
        kubernetes.changed()
        await eventually_async(lambda: kubernetes.condition("ScaleUpHeld") is None, "it ends")


def _counted(name: str) -> float:
    return REGISTRY.get_sample_value(name, {"pool": "io"} if "turns" in name else {}) or 0.0


@pytest.mark.parametrize("hung", ["deployments/w", "pods", "replicasets", "scale", "status", "events"])
async def test_a_turn_that_hangs_on_kubernetes_is_ended_and_the_next_goes_on(
    hurried: None, dispatch: Dispatch, hung: str
) -> None:
    before = _counted("corral_operator_turns_ended_total")
    async with (
        Kubernetes(replicas=2, hung=(hung,)) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch, turn_seconds=0.4) as running,
    ):
        await eventually_async(
            lambda: _counted("corral_operator_turns_ended_total") > before, "it is ended, and counted"
        )
        await eventually_async(lambda: running.age() < 5 * PACE, "rounds go on meanwhile")
        kubernetes.hung = ()
        await eventually_async(lambda: not kubernetes.pods, "the next one goes on")
        assert kubernetes.unsealed == []


async def test_a_turn_that_hangs_on_redis_is_ended_and_the_next_goes_on(
    hurried: None, redis_url: str, dispatch: Dispatch
) -> None:
    before = _counted("corral_operator_rounds_ended_total")
    with Proxy(redis_url) as proxy:
        behind = Dispatch.open(proxy.url)
        async with (
            Kubernetes(replicas=2, pool={"minReplicas": 2}) as kubernetes,
            Workers(kubernetes, dispatch),
            operating(kubernetes, behind, turn_seconds=0.4),
        ):
            await eventually_async(lambda: kubernetes.status.get("desired") == 2, "it is seen")
            proxy.freeze()
            kubernetes.bounds(0)
            await eventually_async(
                lambda: _counted("corral_operator_rounds_ended_total") > before, "it is ended"
            )
            proxy.heal()
            await eventually_async(lambda: not kubernetes.pods, "the next one goes on")
        await behind.close()


async def test_a_turn_that_hangs_on_a_name_is_ended_and_the_next_goes_on(
    hurried: None, redis_url: str, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver of the machine does not come back, in a thread of its own."""
    before, answers, resolve = (
        _counted("corral_operator_rounds_ended_total"),
        threading.Event(),
        socket.getaddrinfo,
    )

    def slow(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "redis.example":
            answers.wait(20)
            host = urlsplit(redis_url).hostname
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    named = Dispatch.open(redis_url.replace(str(urlsplit(redis_url).hostname), "redis.example", 1))
    async with (
        Kubernetes(replicas=2) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, named, turn_seconds=0.4),
    ):
        await eventually_async(lambda: _counted("corral_operator_rounds_ended_total") > before, "it is ended")
        answers.set()
        await eventually_async(lambda: not kubernetes.pods, "the next one goes on")
    await named.close()


async def test_a_pool_that_hangs_is_told_so_and_the_next_one_is_served(
    hurried: None, dispatch: Dispatch
) -> None:
    hangs = {"metadata": {"name": "hangs", "uid": "h"}, "spec": {"scaleTargetRef": {"name": "h"}}}
    async with (
        Kubernetes(pool={"minReplicas": 2}, more_pools=[hangs], hung=("deployments/h",)) as kubernetes,
        Workers(kubernetes, dispatch),
        operating(kubernetes, dispatch, turn_seconds=0.4),
    ):
        events = await eventually_async(lambda: _held(kubernetes, "TurnEnded"), "it is told")
        assert events[0]["involvedObject"]["name"] == "hangs"
        assert "hung in Api._call and was ended after 0 s" in events[0]["message"]
        await eventually_async(lambda: len(kubernetes.pods) == 2, "the other is served")
        for minimum in (1, 3):
            kubernetes.bounds(minimum)
            await eventually_async(lambda minimum=minimum: len(kubernetes.pods) >= minimum, "again and again")
