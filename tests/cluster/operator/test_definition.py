"""The WorkerPool definition: what it fills in, what it refuses, and how an operator meets an older one."""

import json
from typing import Any

import pytest
import yaml
from tests.cluster.operator.kube import Kube, KubectlError, run

from corral_operator.cluster import schema
from corral_operator.cluster.api import Api
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.worker_pool import WorkerPool


def pool(name: str = "io", **spec: Any) -> str:
    usual = {"scaleTargetRef": {"name": "w"}, "queues": ["email", "feeds"], "maxReplicas": 5, "slots": 4}
    return yaml.safe_dump(
        {
            "apiVersion": "corral.dev/v1alpha1",
            "kind": "WorkerPool",
            "metadata": {"name": name},
            "spec": {key: value for key, value in (usual | spec).items() if value is not None},
        }
    )


def test_what_is_left_out_is_filled_in(kube: Kube) -> None:
    kube("create", "-f", "-", input=pool())
    found = kube.get("workerpool", "io")
    assert found["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"},
        "queues": ["email", "feeds"],
        "minReplicas": 0,
        "maxReplicas": 5,
        "slots": 4,
        "objectives": {"waitSeconds": 10, "drainSeconds": 120},
        "scaleDown": {"stabilizationSeconds": 60, "drainTimeoutSeconds": 600},
        "paused": False,
    }
    read = WorkerPool.of(found)
    assert (read.pool.wait, read.pool.drain, read.pool.window, read.drain_timeout) == (10, 120, 60, 600)
    header = kube("get", "pools").split("\n")[0].split()
    assert header == ["NAME", "QUEUED", "REPLICAS", "DESIRED", "AGE", "REASON"]


REFUSED = [
    ({"minReplicas": 7}, "spec: Invalid value: minReplicas 7 is above maxReplicas 5"),
    ({"minReplicas": -1}, "spec.minReplicas in body should be greater than or equal to 0"),
    ({"maxReplicas": 1001}, "spec.maxReplicas in body should be less than or equal to 1000"),
    ({"maxReplicas": None}, "spec.maxReplicas: Required value"),
    ({"queues": []}, "name the queues that the pool serves, or * for every queue"),
    ({"queues": ["a", "b", "a"]}, "the queue a is named more than once"),
    ({"queues": ["*", "a"]}, "* is every queue: name it alone"),
    ({"queues": ["E.mail"]}, "'E.mail is no queue: a name has a-z, 0-9, - and _, and begins and ends with a letter or digit"),
    ({"queues": [f"q{n}" for n in range(101)]}, "must have at most 100 items"),
    ({"slots": 0}, "spec.slots in body should be greater than or equal to 1"),
    ({"slots": "many"}, 'spec.slots in body must be of type integer: "string"'),
    ({"scaleTargetRef": {"kind": "StatefulSet", "name": "w"}}, 'Unsupported value: "StatefulSet": supported values: "Deployment"'),
    ({"objectives": {"waitSeconds": 0}}, "spec.objectives.waitSeconds in body should be greater than 0"),
    ({"scaleDown": {"drainTimeoutSeconds": 0}}, "drainTimeoutSeconds in body should be greater than or equal to 1"),
    ({"replicas": 3}, 'unknown field "spec.replicas"'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"), REFUSED, ids=[json.dumps(change)[:40] for change, _ in REFUSED]
)
def test_nonsense_is_refused_with_a_reason(kube: Kube, change: dict[str, Any], message: str) -> None:
    with pytest.raises(KubectlError) as refused:
        kube("create", "--dry-run=server", "-f", "-", input=pool(**change))
    assert message.lstrip("'") in str(refused.value)


def test_a_name_too_long_for_a_label_is_refused(kube: Kube) -> None:
    with pytest.raises(KubectlError, match="the name has 64 characters; a pool name has at most 63"):
        kube("create", "--dry-run=server", "-f", "-", input=pool("a" * 64))


async def test_an_older_definition_is_refused_with_the_command_that_helps(
    kube: Kube, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's own rights are enough to see it."""
    monkeypatch.setenv("KUBECONFIG", account)
    api = await Api.open()
    try:
        cluster = Cluster(api, kube.namespace)
        await schema.check(cluster, lambda: None)
        with pytest.raises(schema.OldSchema) as refused:
            await schema.check(cluster, lambda: None, needed=schema.VERSION + 1, wait_seconds=1)
    finally:
        await api.close()
    assert f"has schema version {schema.VERSION}; this operator needs {schema.VERSION + 1}" in str(
        refused.value
    )
    assert schema.COMMAND in str(refused.value)


def test_the_command_that_helps_takes_the_definition_over_from_helm(kube: Kube) -> None:
    words = schema.COMMAND.split()
    assert words[0] == "kubectl"
    assert "serverside-applied" in run(*words[1:], "--dry-run=server")
