"""Result 6. Nonsense is refused in words; an uninstall hangs on nothing and keeps what holds data; a reinstall finds it."""

import time
from typing import Any

import pytest
from tests.cluster.cluster import apply, until
from tests.cluster.goals import Goals
from tests.cluster.program import ProgramFailed, run
from tests.cluster.release import Release, pool

LEFT_BY_KUBERNETES = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
SPEC: dict[str, Any] = {
    "scaleTargetRef": {"kind": "Deployment", "name": "corral-worker-io"},
    "queues": ["demo"],
    "minReplicas": 0,
    "maxReplicas": 3,
    "slots": 4,
}


@pytest.fixture(scope="module")
def installed(release: Release) -> Release:
    """With one pool."""
    release.install({"pools": [pool("io", ["demo"], maxReplicas=2, slots=4)]})
    return release


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minReplicas": 5}, "minReplicas"),
        ({"maxReplicas": 0, "minReplicas": 1}, "maxReplicas"),
        ({"queues": []}, "queues"),
        ({"queues": ["demo", "demo"]}, "demo"),
        ({"slots": 0}, "slots"),
        ({"maxReplicas": "many"}, "maxReplicas"),
        ({"template": {"spec": {}}}, "template"),
        ({"scaleTargetRef": {"kind": "StatefulSet", "name": "corral-redis"}}, "scaleTargetRef"),
        ({"objectives": {"waitSeconds": -1}}, "waitSeconds"),
    ],
    ids=["min above max", "max below min", "no queue", "a queue twice", "no slots", "a word for a number",
         "a pod template", "a StatefulSet", "a negative objective"],
)  # fmt: skip
def test_a_pool_that_makes_no_sense_is_refused_with_a_reason(
    installed: Release, change: dict[str, Any], said: str
) -> None:
    nonsense = {
        "apiVersion": "corral.dev/v1alpha1",
        "kind": "WorkerPool",
        "metadata": {"name": "nonsense", "namespace": installed.namespace.name},
        "spec": SPEC | change,
    }
    with pytest.raises(ProgramFailed) as refused:
        apply(nonsense)
    assert said in refused.value.output
    assert "invalid" in refused.value.output.lower() or "unknown field" in refused.value.output, (
        refused.value.output
    )


def test_values_that_do_not_exist_are_refused_before_anything_happens(installed: Release) -> None:
    with pytest.raises(ProgramFailed) as refused:
        installed.upgrade({"publisher": {"replicaCount": 3}})
    assert "replicaCount" in refused.value.output


def test_an_uninstall_without_the_operator_finishes_and_keeps_only_what_holds_data(
    installed: Release, goals: Goals
) -> None:
    namespace = installed.namespace
    job = installed.client.submit("demo.echo", {"kept": True}, wait=60, tags=["kept"])
    assert job["state"] == "completed", job
    key = installed.admin_key()
    namespace.scale("deployment", f"{installed.name}-operator", 0)
    until(lambda: namespace.pods("operator") == [], "the operator has gone", 60)
    began = time.monotonic()
    installed.uninstall()
    kept = expected(installed)
    until(lambda: left(installed) == kept, f"nothing else is left than {kept}", 120)
    goals.at_most("uninstall without an operator: all gone, seconds", time.monotonic() - began, 120)
    assert "workerpools.corral.dev" in run("kubectl", "get", "crd", "-o", "name")
    goals.note(
        f"uninstall: what is kept: {', '.join(sorted(f'{kind}/{name}' for kind, name in left(installed)))}, the CRD"
    )

    seconds = installed.install({"pools": [pool("io", ["demo"], maxReplicas=2, slots=4)]})
    goals.note(f"reinstall: everything ready after {seconds:.0f} s")
    assert installed.admin_key() == key
    found = installed.client.jobs("kept")
    goals.at_least("reinstall: jobs of before that are read", len(found), 1)
    assert found[0]["result"] == {"kept": True}
    again = installed.client.submit("demo.echo", {"again": True}, wait=60)
    assert again["state"] == "completed", again


def expected(release: Release) -> set[tuple[str, str]]:
    """What may be left: the volumes' claims, and the Secret that opens them."""
    return {
        ("persistentvolumeclaims", f"{release.name}-postgres"),
        ("persistentvolumeclaims", f"{release.name}-redis"),
        ("secrets", f"{release.name}-credentials"),
    }


def left(release: Release) -> set[tuple[str, str]]:
    """Every object of every namespaced kind, but for those that Kubernetes itself puts into a namespace, and events."""
    kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    wanted = ",".join(kind for kind in kinds if not kind.startswith("events"))
    lines = run(
        "kubectl", "get", wanted, "--namespace", release.namespace.name, "-o", "name", "--ignore-not-found"
    ).split()
    found: set[tuple[str, str]] = set()
    for line in lines:
        kind, _, name = line.partition("/")
        plural = {"persistentvolumeclaim": "persistentvolumeclaims", "secret": "secrets", "configmap": "configmaps",
                  "serviceaccount": "serviceaccounts"}.get(kind, kind)  # fmt: skip
        if (plural, name) not in LEFT_BY_KUBERNETES:
            found.add((plural, name))
    return found
