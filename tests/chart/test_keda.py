"""KEDA instead of the operator: it reads what the leader publishes, and nobody else scales."""

from tests.chart.edges import Edges
from tests.chart.helm import Helm
from tests.chart.objects import of_kind, one

from corral.dispatch import keys


def test_a_pools_total_is_the_sum_of_its_queues(helm: Helm) -> None:
    objects = helm.variant("keda")
    spec = one(objects, "ScaledObject", "corral-worker-io")["spec"]
    deployment = one(objects, "Deployment", "corral-worker-io")["spec"]["template"]["spec"]["containers"][0]
    queues = next(e["value"] for e in deployment["env"] if e["name"] == "CORRAL_QUEUES").split(",")
    assert [t["metadata"]["listName"] for t in spec["triggers"]] == [keys.DEMAND + queue for queue in queues]
    modifiers = spec["advanced"]["scalingModifiers"]
    assert modifiers["formula"].split(" + ") == [trigger["name"] for trigger in spec["triggers"]]
    assert modifiers["target"] == "50"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 5)


def test_keda_gets_the_password_from_the_secret_alone(helm: Helm) -> None:
    auth = one(helm.variant("keda"), "TriggerAuthentication", "corral-redis")["spec"]["secretTargetRef"]
    assert {entry["parameter"]: (entry["name"], entry["key"]) for entry in auth} == {
        "password": ("corral-credentials", "redis-password"),
        "ca": ("redis-tls", "ca.crt"),
    }


def test_nobody_else_scales(helm: Helm) -> None:
    objects = helm.variant("keda")
    assert not of_kind(objects, "WorkerPool", "Role", "Lease", "ServiceAccount")
    assert not [o for o in of_kind(objects, "Deployment") if "operator" in o["metadata"]["name"]]
    assert not of_kind(helm.variant("defaults"), "ScaledObject", "TriggerAuthentication")


def test_redis_lets_keda_in(helm: Helm) -> None:
    policy = one(helm.variant("keda"), "NetworkPolicy", "corral-redis")["spec"]["ingress"][0]["from"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}} in policy
    assert not Edges(helm.variant("defaults")).allow("anybody", "redis", 6379)
