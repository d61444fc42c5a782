"""What Kubernetes never lets change, and what would lose data if its name changed.

`python -m tests.chart.releases.immutable` writes immutable.json at a release; the test compares every rendering with it.
"""

import json
from pathlib import Path
from typing import Any

from tests.chart.helm import Manifest, found
from tests.chart.objects import named

SNAPSHOT = Path(__file__).parent / "immutable.json"
VARIANTS = ("defaults", "everything")
FIELDS = {
    "Deployment": ["spec.selector"],
    "StatefulSet": [
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
        "spec.podManagementPolicy",
    ],
    "Service": ["spec.clusterIP"],
    "PersistentVolumeClaim": ["spec.accessModes", "spec.storageClassName", "spec.volumeName"],
    "RoleBinding": ["roleRef"],
    "ConfigMap": ["immutable"],
    "WorkerPool": ["spec.scaleTargetRef"],
    "Lease": [],
}
"""Kinds whose objects must go on under their names, and their fields that must not change."""


def immutable(objects: list[Manifest]) -> dict[str, dict[str, Any]]:
    """By kind and name, the fields that can't change."""
    return {
        named(found): {path: _at(found, path) for path in FIELDS[found["kind"]]}
        for found in objects
        if found["kind"] in FIELDS
    }


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


if __name__ == "__main__":
    helm = found()[0]
    kept = {variant: immutable(helm.variant(variant)) for variant in VARIANTS}
    SNAPSHOT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
