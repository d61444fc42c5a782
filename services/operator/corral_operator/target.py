"""What a pool scales, as it was read: a Deployment and the pods that it owns. Values; they ask nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

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
        )


@dataclass(frozen=True, slots=True)
class Owned:
    """What a Deployment owns, read right after it."""

    pods: tuple[Pod, ...]
    sets: int
    """ReplicaSets that have pods, or ask for them."""

    @classmethod
    def of(cls, deployment: Deployment, replica_sets: Iterable[Json], pods: Iterable[Json]) -> "Owned":
        """Of everything that the selector finds, what the Deployment owns."""
        own = {
            one["metadata"]["uid"]: one for one in replica_sets if _owner(one["metadata"]) == deployment.uid
        }
        counted = [(pod, _owner(pod["metadata"])) for pod in pods if _counts(pod)]
        peopled = {owner for _, owner in counted if owner in own}
        asked = {uid for uid, one in own.items() if one.get("spec", {}).get("replicas", 0) or _has_pods(one)}
        return cls(tuple(Pod.of(pod) for pod, owner in counted if owner in own), len(peopled | asked))


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


def _counts(pod: Json) -> bool:
    """Whether a ReplicaSet counts it."""
    ended = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return not ended and "deletionTimestamp" not in pod["metadata"]


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
