"""What holds for every pod: restricted, without tokens, with limits, with settings that the services take."""

import re

import pytest
from tests.chart.helm import Helm
from tests.chart.objects import containers, named, of_kind, one, pods

from corral.settings import Settings
from corral_operator.settings import OperatorSettings

SECRET = "a-value-out-of-a-secret-that-is-long-enough"
OURS = re.compile(r"(corral-(publisher|worker|operator)|acme-worker)[:@]")


def test_every_pod_is_restricted(helm: Helm, variant: str) -> None:
    """The rules of Pod Security's profile, and a read-only root besides."""
    for owner, _, spec in pods(helm.variant(variant)):
        context = spec["securityContext"]
        assert context["runAsNonRoot"], owner
        assert context.get("runAsUser", 1) > 0, owner
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, owner
        assert not any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")), owner
        assert not any("hostPath" in volume for volume in spec.get("volumes", ())), owner
    for where, container in containers(helm.variant(variant)):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, where


def test_only_the_operator_has_a_token(helm: Helm, variant: str) -> None:
    for owner, meta, spec in pods(helm.variant(variant)):
        operator = meta["labels"]["app.kubernetes.io/component"] == "operator"
        assert spec["automountServiceAccountToken"] is operator, owner
        assert (spec.get("serviceAccountName") == "corral-operator") is operator, owner


def test_accounts_and_init_containers_of_the_values_reach_corrals_own_pods(helm: Helm) -> None:
    """A cloud's rights and proxies: for publishers, workers and Jobs, never for the chart's Postgres and Redis."""
    seen = {}
    for _, meta, spec in pods(helm.variant("everything")):
        labels = meta["labels"]
        who = labels["app.kubernetes.io/component"] + labels.get("corral.dev/pool", "")
        seen[who] = (spec.get("serviceAccountName"), [c["name"] for c in spec.get("initContainers", ())])
    assert seen["publisher"] == seen["migrate"] == seen["workercpu"] == ("cloud", ["proxy"])
    assert seen["workerio"] == ("mailer", ["proxy"])
    assert seen["operator"] == ("corral-operator", ["proxy"])
    assert seen["postgres"] == seen["redis"] == (None, [])


def test_no_pod_gets_variables_of_services(helm: Helm, variant: str) -> None:
    """CORRAL_PUBLISHER_PORT and the like would be unknown settings."""
    for owner, _, spec in pods(helm.variant(variant)):
        assert spec["enableServiceLinks"] is False, owner


def test_every_container_says_what_it_needs(helm: Helm, variant: str) -> None:
    for where, container in containers(helm.variant(variant)):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), where
        assert "memory" in container["resources"]["limits"], where


def test_every_lasting_container_is_probed(helm: Helm, variant: str) -> None:
    """Init containers are the values' own."""
    for owner, _, spec in pods(of_kind(helm.variant(variant), "Deployment", "StatefulSet")):
        for container in spec["containers"]:
            assert {"readinessProbe", "livenessProbe"} <= container.keys(), (
                f"{owner}, container {container['name']}"
            )


def test_every_mount_has_its_volume(helm: Helm, variant: str) -> None:
    for owner, _, spec in pods(helm.variant(variant)):
        volumes = [volume["name"] for volume in spec.get("volumes", ())]
        assert len(volumes) == len(set(volumes)), owner
        for container in spec["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= set(volumes), owner


def test_every_service_can_start_with_its_settings(helm: Helm, variant: str) -> None:
    """Read by the settings' own code: an unknown or bad CORRAL_ variable stops a start."""
    read = 0
    for where, container in containers(helm.variant(variant)):
        if not OURS.search(container["image"]) or container["name"] == "test":
            continue
        env = {entry["name"]: entry.get("value", SECRET) for entry in container["env"]}
        assert len(env) == len(container["env"]), f"{where} has a variable twice, which helm 4 refuses"
        for name in ("CORRAL_DATABASE_URL", "CORRAL_DATABASE_DIRECT_URL"):
            if env.get(name) == SECRET:
                env[name] = "postgresql://corral:secret@db/corral"
        if env.get("CORRAL_REDIS_URL") == SECRET:
            env["CORRAL_REDIS_URL"] = "redis://:secret@cache"
        if "CORRAL_ARTIFACT_CA" in env:  # a file of the pod's
            env["CORRAL_ARTIFACT_CA"] = __file__
        model = OperatorSettings if container["name"] == "operator" else Settings
        model.load(env)
        read += 1
    assert read >= 5


def test_a_worker_is_named_like_its_pod(helm: Helm, variant: str) -> None:
    for found in of_kind(helm.variant(variant), "Deployment"):
        if found["metadata"]["labels"]["app.kubernetes.io/component"] == "worker":
            (container,) = found["spec"]["template"]["spec"]["containers"]
            env = {entry["name"]: entry for entry in container["env"]}
            assert env["CORRAL_WORKER_NAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
            assert env["CORRAL_POOL"]["value"] == found["metadata"]["labels"]["corral.dev/pool"]


def test_a_worker_outlives_its_grace(helm: Helm, variant: str) -> None:
    for _, meta, spec in pods(helm.variant(variant)):
        if meta["labels"]["app.kubernetes.io/component"] in {"worker", "publisher"}:
            (container,) = spec["containers"]
            grace = next(float(e["value"]) for e in container["env"] if e["name"] == "CORRAL_GRACE")
            assert spec["terminationGracePeriodSeconds"] >= grace + 15


def test_a_sealed_worker_is_not_ready_within_a_second(helm: Helm) -> None:
    probe = one(helm.variant("defaults"), "Deployment", "corral-worker-io")
    (container,) = probe["spec"]["template"]["spec"]["containers"]
    ready = container["readinessProbe"]
    assert (ready["periodSeconds"], ready["failureThreshold"], ready["successThreshold"]) == (1, 1, 1)


def test_values_reach_every_pod(helm: Helm) -> None:
    for owner, meta, spec in pods(helm.variant("everything")):
        component = meta["labels"]["app.kubernetes.io/component"]
        assert meta["labels"]["team"] == "platform", owner
        assert meta["labels"]["pod"] == "yes", owner
        assert spec["nodeSelector"]["kubernetes.io/arch"] == "amd64", owner
        assert spec["tolerations"], owner
        assert spec["imagePullSecrets"] == [{"name": "registry"}], owner
        if component in {"publisher", "worker", "operator", "migrate", "types", "admin"}:
            (container,) = spec["containers"]
            assert {"name": "TZ", "value": "Europe/Vienna"} in container["env"], owner
            assert {"configMapRef": {"name": "proxy"}} in container["envFrom"], owner
            assert container["image"].startswith("registry.example.org/corral/"), owner


def test_what_is_given_goes_before_what_the_chart_says(helm: Helm) -> None:
    publisher = one(helm.variant("everything"), "Deployment", "corral-publisher")
    (container,) = publisher["spec"]["template"]["spec"]["containers"]
    assert {"name": "CORRAL_LOG_LEVEL", "value": "warning"} in container["env"]
    assert "@sha256:" in container["image"]


@pytest.mark.parametrize("given", ["0", "false"])
def test_a_pool_may_say_no_where_the_defaults_say_yes(helm: Helm, given: str) -> None:
    zero = given == "0"
    objects = helm.render(
        *(
            "--set",
            "existingSecret=x",
            "--set",
            "poolDefaults.minReplicas=3",
            "--set",
            "poolDefaults.paused=true",
        ),
        *("--set", "pools[0].name=a", "--set", "pools[0].queues={q}"),
        *("--set", "pools[0].minReplicas=0" if zero else "pools[0].paused=false"),
    )
    spec = one(objects, "WorkerPool", "corral-worker-a")["spec"]
    assert (spec["minReplicas"], spec["paused"]) == ((0, True) if zero else (3, False))


def test_names_are_found_by_selectors(helm: Helm, variant: str) -> None:
    objects = helm.variant(variant)
    labels = [(meta["labels"], spec) for _, meta, spec in pods(objects)]
    for service in of_kind(objects, "Service"):
        chosen = [spec for found, spec in labels if service["spec"]["selector"].items() <= found.items()]
        assert len(chosen) == 1, named(service)
        ports = {port["name"] for container in chosen[0]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, named(service)
    for budget in of_kind(objects, "PodDisruptionBudget"):
        wanted = budget["spec"]["selector"]["matchLabels"].items()
        assert sum(wanted <= found.items() for found, _ in labels) == 1, named(budget)
        assert budget["spec"]["maxUnavailable"] == 1
