"""Values read from Kubernetes: the Deployment that a pool scales, and its pods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from corral_operator.reports.container_exits import ContainerExit

Json = Mapping[str, Any]

FIELD_MANAGER: Final = "corral-operator"
"""The operator's field manager: the name under which Kubernetes records its changes."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that is neither deleted nor ended."""

    name: str
    ready: bool
    born: bool
    """Whether its container runs, so that it may claim jobs."""
    failing: str | None = None
    """Why its container fails; None where it does not."""
    unschedulable: str | None = None
    """Why no node can run it; None where one can."""
    waiting: str | None = None
    """What its container is waiting for before its first start; None where it is not."""
    life: str = ""
    """Identifies the run of its containers: it changes when one is restarted, and earlier answers are then void."""

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
    """The resource version, which changes with every change of the Deployment or its status."""
    replicas: int
    ready: int
    observed: bool
    """Whether its controller has seen the newest specification."""
    rolling: bool
    """Whether pods of an older template are being replaced."""
    selector: str
    """The label selector of its pods, in the form of a query."""
    refused: str | None
    """Why its pods can't be created: a quota, or an admission rule. None where they can."""
    paused: bool = False
    """Whether its rollouts are paused."""
    counted: int = 0
    """Pods that its controller counts."""
    terminating: int = 0
    """Deleted pods that have not ended yet. Kubernetes reports them from 1.35 on."""

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
    """Number of ReplicaSets that have pods or ask for some."""
    ending: Mapping[str, float] = field(default_factory=dict)
    """Deleted pods that have not ended yet, with the grace period of each in seconds."""
    exits: tuple[ContainerExit, ...] = ()
    """How containers of its pods ended, including those of ended and deleted pods."""

    @classmethod
    def of(cls, deployment: Deployment, replica_sets: Iterable[Json], pods: Iterable[Json]) -> "Owned":
        """The pods and ReplicaSets that the Deployment owns, of all that its selector finds."""
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
    """A label selector in the form of a query. Source: Kubernetes, labels and selectors."""
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
    """Whether a pod was deleted, so that the ReplicaSet no longer counts it, although it may still run."""
    return "deletionTimestamp" in pod["metadata"]


def _wait(container: Json) -> str | None:
    """What a container is waiting for before its first start; None where it is not."""
    waiting = container.get("state", {}).get("waiting", {})
    return f"{waiting['reason']} {waiting.get('message', '')}".strip() if waiting.get("reason") else None


def _failure(container: Json) -> str | None:
    """Why a container fails: it can't be created, or it ended and is restarted. None where it does not."""
    waiting = container.get("state", {}).get("waiting", {})
    reason = str(waiting.get("reason", ""))
    if reason and reason not in {"ContainerCreating", "PodInitializing"}:
        return reason
    if container.get("restartCount", 0) and not container.get("ready"):
        ended = container.get("lastState", {}).get("terminated", {})
        return str(ended.get("reason") or "ended")
    return None
