"""KEDA instead of the operator: it reads what the leader publishes, and nobody else scales."""

import pytest
from tests.chart.helm import Helm, Manifest, Refused
from tests.chart.network.edges import Edges
from tests.chart.objects import of_kind, one

from corral.dispatch import key_names

KEDA = (
    "--set",
    "existingSecret=corral-credentials",
    "--set",
    "operator.enabled=false",
    "--set",
    "keda.enabled=true",
)


def scaled(objects: list[Manifest]) -> Manifest:
    return one(objects, "ScaledObject", "corral-worker-io")


def metadata(objects: list[Manifest]) -> dict[str, str]:
    first: dict[str, str] = scaled(objects)["spec"]["triggers"][0]["metadata"]
    return {key: value for key, value in first.items() if not key.startswith("list")}


def test_a_pools_total_is_the_sum_of_its_queues(helm: Helm) -> None:
    objects = helm.variant("keda")
    spec = one(objects, "ScaledObject", "corral-worker-io")["spec"]
    deployment = one(objects, "Deployment", "corral-worker-io")["spec"]["template"]["spec"]["containers"][0]
    queues = next(e["value"] for e in deployment["env"] if e["name"] == "CORRAL_QUEUES").split(",")
    assert [t["metadata"]["listName"] for t in spec["triggers"]] == [
        key_names.DEMAND + queue for queue in queues
    ]
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


def test_the_charts_redis_is_asked_by_its_full_name(helm: Helm) -> None:
    own = {"address": "corral-redis.jobs.svc:6379", "databaseIndex": "0"}
    assert metadata(helm.render(*KEDA)) == own | {"enableTLS": "false"}
    assert metadata(helm.variant("keda")) == own | {"enableTLS": "true"}


@pytest.mark.parametrize(
    ("external", "expected"),
    {
        "url=redis://cache": ("cache:6379", "0", "false", None),
        "url=rediss://me@cache.example.org:7000/3": ("cache.example.org:7000", "3", "true", "me"),
        "url=redis://[fd00::1]:7000": ("[fd00::1]:7000", "0", "false", None),
        "host=cache,redis.external.database=2": ("cache:6379", "2", "false", None),
        "host=cache,redis.external.user=me,redis.external.tls.enabled=true": (
            "cache:6379",
            "0",
            "true",
            "me",
        ),
    }.items(),
)
def test_anothers_redis_is_asked_as_the_workers_ask_it(
    helm: Helm, external: str, expected: tuple[str, str, str, str | None]
) -> None:
    objects = helm.render(*KEDA, "--set", f"redis.enabled=false,redis.external.{external}")
    address, database, tls, user = expected
    assert metadata(objects) == {"address": address, "databaseIndex": database, "enableTLS": tls} | (
        {"username": user} if user else {}
    )


def test_a_redis_without_a_password_needs_no_authentication(helm: Helm) -> None:
    objects = helm.render(
        *KEDA, "--set", "redis.enabled=false,redis.external.host=cache,redis.auth.passwordKey="
    )
    assert not of_kind(objects, "TriggerAuthentication")
    assert "authenticationRef" not in scaled(objects)["spec"]["triggers"][0]


def test_a_paused_pool_is_left_alone(helm: Helm) -> None:
    pools = '[{"name":"io","queues":["demo"],"paused":true,"annotations":{"a":"b"}},{"name":"cpu","queues":["cpu"]}]'
    objects = helm.render(*KEDA, "--set-json", f"pools={pools}")
    assert scaled(objects)["metadata"]["annotations"] == {"autoscaling.keda.sh/paused": "true", "a": "b"}
    assert "annotations" not in one(objects, "ScaledObject", "corral-worker-cpu")["metadata"]


def test_a_pool_shrinks_in_steps_or_only_to_zero(helm: Helm) -> None:
    def down(*arguments: str) -> Manifest:
        advanced = scaled(helm.render(*KEDA, *arguments))["spec"]["advanced"]
        found: Manifest = advanced["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        return found

    assert down() == {"stabilizationWindowSeconds": 60}
    assert down("--set", "keda.onlyToZero=true") == {"selectPolicy": "Disabled"}
    with pytest.raises(Refused, match=r"io.* has minReplicas 1, so it would never shrink"):
        down("--set", "keda.onlyToZero=true,poolDefaults.minReplicas=1")


def test_a_pool_of_none_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused, match="has maxReplicas 0, which KEDA doesn't take"):
        helm.render(*KEDA, "--set", "poolDefaults.maxReplicas=0")


def test_the_name_that_kedas_certificate_check_needs_is_told(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"for KEDA, to corral-redis\.jobs\.svc"):
        helm.render(*KEDA, "--set", "redis.tls.enabled=true")
