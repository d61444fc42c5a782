"""Two releases in one namespace: no object of one is the other's, and nobody minds what is not its own."""

import re
from typing import Any

import pytest
from tests.chart.helm import Helm, Manifest
from tests.chart.objects import containers, named, of_kind, one, pods

from corral_operator.cluster.pool_selector import PoolSelector

EVERYTHING = (
    *("--set", "existingSecret=x,monitoring.prometheusRule.enabled=true,monitoring.dashboard.enabled=true"),
    *("--set", "monitoring.podMonitor.enabled=true,monitoring.serviceMonitor.enabled=true"),
)


def release(helm: Helm, name: str, *more: str) -> list[Manifest]:
    return helm.render(*EVERYTHING, *more, release=name)


@pytest.fixture(scope="module")
def both(helm: Helm) -> tuple[list[Manifest], list[Manifest]]:
    return release(helm, "corral"), release(helm, "mail")


def test_no_object_has_the_name_of_one_of_the_other(both: Any) -> None:
    ours, theirs = ({named(found) for found in objects} for objects in both)
    assert ours.isdisjoint(theirs)


def test_pools_of_the_same_name_are_told_apart(both: Any) -> None:
    for objects, release in zip(both, ("corral", "mail-corral"), strict=True):
        for pool in ("io", "cpu"):
            found = one(objects, "WorkerPool", f"{release}-worker-{pool}")
            assert found["metadata"]["labels"]["corral.dev/pool"] == pool, "its name on pages"
            assert found["spec"]["scaleTargetRef"]["name"] == f"{release}-worker-{pool}"


def test_an_operator_minds_the_pools_of_its_release_alone(both: Any) -> None:
    for mine, others in (both, reversed(both)):
        (operator,) = [c for where, c in containers(mine) if where.endswith("container operator")]
        env = {entry["name"]: entry.get("value") for entry in operator["env"]}
        selector = PoolSelector.of(env["CORRAL_POOL_SELECTOR"])
        assert all(selector.matches(pool["metadata"]["labels"]) for pool in of_kind(mine, "WorkerPool"))
        assert not any(selector.matches(pool["metadata"]["labels"]) for pool in of_kind(others, "WorkerPool"))
        (role,) = of_kind(mine, "Role")
        names = {name for rule in role["rules"] for name in rule.get("resourceNames", ())}
        assert names.isdisjoint({found["metadata"]["name"] for found in others})


def test_selectors_find_no_pod_of_the_other(both: Any) -> None:
    for mine, others in (both, reversed(both)):
        labels = [meta["labels"] for _, meta, _ in pods(others)]
        for found in of_kind(
            mine, "Service", "Deployment", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"
        ):
            spec = found["spec"]
            selector = spec.get("podSelector") or spec["selector"]
            wanted = (selector.get("matchLabels") or selector).items()
            assert wanted
            assert not any(wanted <= other.items() for other in labels), named(found)


def test_alerts_look_at_the_pods_of_the_release(both: Any) -> None:
    """Else the leader of one release would hide that the other has none."""
    for mine, others in (both, reversed(both)):
        (rule,) = of_kind(mine, "PrometheusRule")
        for found in rule["spec"]["groups"][0]["rules"]:
            (pattern,) = set(re.findall(r'pod=~"([^"]+)"', found["expr"]))
            assert found["expr"].count("pod=~") == found["expr"].count("corral_"), found["alert"]
            assert {bool(re.fullmatch(pattern, f"{name}-x")) for name in lasting(mine)} == {True}
            assert not any(re.fullmatch(pattern, f"{name}-x") for name in lasting(others))


def lasting(objects: list[Manifest]) -> list[str]:
    return [found["metadata"]["name"] for found in of_kind(objects, "Deployment")]


def test_an_operator_may_mind_other_pools(helm: Helm) -> None:
    objects = release(helm, "corral", "--set", r"operator.poolSelector=team in (a\,b)")
    (operator,) = [c for where, c in containers(objects) if where.endswith("container operator")]
    assert {"name": "CORRAL_POOL_SELECTOR", "value": "team in (a,b)"} in operator["env"]


def test_the_lease_may_be_left_to_the_operator(helm: Helm) -> None:
    """Argo CD makes no Leases; the least right that lets the operator create its own has no names."""
    objects = release(helm, "corral", "--set", "operator.lease.create=false")
    assert not of_kind(objects, "Lease")
    for rendered in (objects, release(helm, "corral")):
        (role,) = of_kind(rendered, "Role")
        leases = [rule for rule in role["rules"] if rule["resources"] == ["leases"]]
        assert [(rule.get("resourceNames"), rule["verbs"]) for rule in leases] == [
            (["corral-operator"], ["get", "patch"]),
            (None, ["create"]),
        ]
