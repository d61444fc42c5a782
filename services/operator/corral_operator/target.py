"""What a pool scales, as it was read: a Deployment and the pods that it owns. Values; they ask nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from corral_operator.container_exits import ContainerExit

Json = Mapping[str, Any]

FIELD_MANAGER: Final = "corral-operator"
"""The name under which the operator writes, so that nobody mistakes its changes for another's."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that counts: not terminating, not ended."""

    name: str
    ready: bool
    born: bool
    """Whether its container runs, so that it may claim jobs from now on."""
    failing: str | None = None
    """Why it does not run, where starting it again may not help."""
    unschedulable: str | None = None
    """Why no node takes it."""
    waiting: str | None = None
    """What its container waits for before it runs at all."""
    life: str = ""
    """Another one after a container was started again: what a process said before is not true of the next one."""

    @classmethod
    def of(cls, given: Json) -> "Pod":
        """From Kubernetes' own document."""
        status = given.get("status", {})
        conditions = {one["type"]: one for one in status.get("conditions", ())}
        containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
        scheduled = conditions.get("PodScheduled", {})
        waits = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
        return cls(
            name=given["metadata"]["name"],
            ready=conditions.get("Ready", {}).get("status") == "True",
            born=any("running" in one.get("state", {}) for one in status.get("containerStatuses", ())),
            failing=next((why for one in containers if (why := _failure(one))), None),
            unschedulable=str(scheduled.get("message", "no node takes it")) if waits else None,
            waiting=next((why for one in containers if (why := _wait(one))), None),
            life=" ".join(
                f"{one.get('restartCount', 0)}:{one.get('containerID', '')}"
                for one in status.get("containerStatuses", ())
            ),
        )


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment as it was read."""

    name: str
    uid: str
    version: str
    """Changes with every change of the Deployment, also of its status."""
    replicas: int
    ready: int
    observed: bool
    """Whether its controller has seen the newest specification."""
    rolling: bool
    """Whether pods of an older template are being replaced."""
    selector: str
    """Of its pods, as a query writes it."""
    refused: str | None
    """Why its pods can't be made: a quota, or an admission rule."""
    paused: bool = False
    """Whether its rollouts are paused."""
    counted: int = 0
    """Pods that its controller says there are."""
    terminating: int = 0
    """Pods that were deleted and are still there, where Kubernetes tells (from 1.35 on)."""

    @classmethod
    def of(cls, given: Json) -> "Deployment":
        """From Kubernetes' own document."""
        meta, spec, status = given["metadata"], given["spec"], given.get("status", {})
        replicas = int(spec.get("replicas", 1))
        observed = int(status.get("observedGeneration", 0)) >= int(meta.get("generation", 0))
        refused = (
            str(one.get("message", one.get("reason", "")))
            for one in status.get("conditions", ())
            if one["type"] == "ReplicaFailure" and one["status"] == "True"
        )
        return cls(
            name=meta["name"],
            uid=meta["uid"],
            version=meta["resourceVersion"],
            replicas=replicas,
            ready=int(status.get("readyReplicas", 0)),
            observed=observed,
            rolling=int(status.get("updatedReplicas", 0)) < int(status.get("replicas", 0)),
            selector=selector_of(spec["selector"]),
            refused=next(refused, None),
            paused=bool(spec.get("paused", False)),
            counted=int(status.get("replicas", 0)),
            terminating=int(status.get("terminatingReplicas") or 0),
        )


@dataclass(frozen=True, slots=True)
class Owned:
    """The pods and ReplicaSets of a Deployment, read right after it."""

    pods: tuple[Pod, ...]
    sets: int
    """ReplicaSets that have pods, or ask for them."""
    ending: Mapping[str, float] = field(default_factory=dict)
    """Pods that were deleted and are still there, and the seconds that each was given."""
    exits: tuple[ContainerExit, ...] = ()
    """How containers of its pods ended, those of pods that do not count any more included."""

    @classmethod
    def of(cls, deployment: Deployment, replica_sets: Iterable[Json], pods: Iterable[Json]) -> "Owned":
        """Of everything that the selector finds, what the Deployment owns."""
        own = {
            one["metadata"]["uid"]: one for one in replica_sets if _owner(one["metadata"]) == deployment.uid
        }
        everything = list(pods)
        found = [pod for pod in everything if not _ended(pod)]
        counted = [(pod, _owner(pod["metadata"])) for pod in found if not _deleted(pod)]
        ending = {
            str(pod["metadata"]["name"]): float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            for pod in found
            if _deleted(pod) and _owner(pod["metadata"]) in own
        }
        peopled = {owner for _, owner in counted if owner in own}
        asked = {uid for uid, one in own.items() if one.get("spec", {}).get("replicas", 0) or _has_pods(one)}
        exits = ContainerExit.all_of(pod for pod in everything if _owner(pod["metadata"]) in own)
        counting = tuple(Pod.of(pod) for pod, owner in counted if owner in own)
        return cls(counting, len(peopled | asked), ending, exits)


def selector_of(given: Json) -> str:
    """A label selector as a query writes it. Source: Kubernetes, labels and selectors."""
    parts = [f"{key}={value}" for key, value in sorted(given.get("matchLabels", {}).items())]
    for one in given.get("matchExpressions", ()):
        key, values = one["key"], ",".join(one.get("values", ()))
        match one["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def _owner(meta: Json) -> str | None:
    return next((str(one["uid"]) for one in meta.get("ownerReferences", ()) if one.get("controller")), None)


def _has_pods(replica_set: Json) -> bool:
    return int(replica_set.get("status", {}).get("replicas", 0)) > 0


def _ended(pod: Json) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _deleted(pod: Json) -> bool:
    """Whether a ReplicaSet does not count it any more, though it runs."""
    return "deletionTimestamp" in pod["metadata"]


def _wait(container: Json) -> str | None:
    """What a container that never ran waits for."""
    waiting = container.get("state", {}).get("waiting", {})
    return f"{waiting['reason']} {waiting.get('message', '')}".strip() if waiting.get("reason") else None


def _failure(container: Json) -> str | None:
    """Why a container does not run, where it has run before or can't be made."""
    waiting = container.get("state", {}).get("waiting", {})
    reason = str(waiting.get("reason", ""))
    if reason and reason not in {"ContainerCreating", "PodInitializing"}:
        return reason
    if container.get("restartCount", 0) and not container.get("ready"):
        ended = container.get("lastState", {}).get("terminated", {})
        return str(ended.get("reason") or "ended")
    return None
