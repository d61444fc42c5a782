"""A WorkerPool: Kubernetes' document as a value, with the part that the law reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from corral.scaling.pool import PoolSpec

GROUP: Final = "corral.dev"
VERSION: Final = "v1alpha1"
PLURAL: Final = "workerpools"
KIND: Final = "WorkerPool"
NAME_LABEL: Final = "corral.dev/pool"
"""The label with the pool's name, on a WorkerPool that is named otherwise, and on the pods of its workers."""


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """One pool. The API server has checked it against the schema of WorkerPool and filled in the defaults."""

    name: str
    """The pool's name, by which workers, pages and metrics know it: of the label, else of the resource."""
    resource: str
    """The name of the WorkerPool in Kubernetes. In the chart it carries the release, so that two have room."""
    uid: str
    created: str
    """When it was created, in Kubernetes' form, which sorts by time."""
    generation: int
    target: str
    """The name of its Deployment."""
    queues: tuple[str, ...]
    pool: PoolSpec
    drain_timeout: float
    """Seconds that a worker may take to finish its jobs before another is chosen to leave."""
    status: Mapping[str, Any]
    """The status that the operator wrote last."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "WorkerPool":
        """From Kubernetes' own document."""
        meta, spec = given["metadata"], given["spec"]
        queues = tuple(str(queue) for queue in spec["queues"])
        objectives, down = spec.get("objectives", {}), spec.get("scaleDown", {})
        return cls(
            name=(meta.get("labels") or {}).get(NAME_LABEL) or meta["name"],
            resource=meta["name"],
            uid=meta["uid"],
            created=meta.get("creationTimestamp", ""),
            generation=int(meta.get("generation", 0)),
            target=spec["scaleTargetRef"]["name"],
            queues=queues,
            pool=PoolSpec(
                minimum=int(spec.get("minReplicas", 0)),
                maximum=int(spec["maxReplicas"]),
                slots=int(spec["slots"]),
                queues=None if queues == ("*",) else frozenset(queues),
                wait=float(objectives.get("waitSeconds", 10)),
                drain=float(objectives.get("drainSeconds", 120)),
                window=float(down.get("stabilizationSeconds", 60)),
                paused=bool(spec.get("paused", False)),
            ),
            drain_timeout=float(down.get("drainTimeoutSeconds", 600)),
            status=given.get("status") or {},
        )
