"""What other charts can be told, too: accounts, rights, budgets, rollouts, addresses, objects of one's own."""

from typing import Any

import pytest
from tests.chart.helm import CHART, Helm, Manifest, Refused, load
from tests.chart.objects import containers, of_kind, one, pods


def rendered(helm: Helm, **values: Any) -> list[Manifest]:
    return helm.render(values={"existingSecret": "x", **values})


def accounts(objects: list[Manifest]) -> dict[str, str | None]:
    return {owner.split("corral-", 1)[1]: spec.get("serviceAccountName") for owner, _, spec in pods(objects)}


def test_every_component_may_have_an_account_of_its_own(helm: Helm) -> None:
    made = {"serviceAccount": {"create": True, "annotations": {"role": "r"}}}
    objects = rendered(
        helm,
        publisher=made, postgres=made, redis=made, jobs=made,
        operator={"serviceAccountName": "scaler", "serviceAccount": {"annotations": {"role": "r"}}},
        pools=[{"name": "io", "queues": ["demo"], **made}, {"name": "cpu", "queues": ["cpu"], "serviceAccountName": "shared", **made}],
    )  # fmt: skip
    there = {found["metadata"]["name"]: found for found in of_kind(objects, "ServiceAccount")}
    names = {"publisher", "worker-io", "postgres", "redis", "jobs"}
    assert there.keys() == {*(f"corral-{name}" for name in names), "shared", "scaler"}
    assert all(found["metadata"]["annotations"]["role"] == "r" for found in there.values())
    used = accounts(objects)
    for name in names - {"jobs"}:
        assert used[name] == f"corral-{name}"
    assert (used["worker-cpu"], used["operator"]) == ("shared", "scaler")
    for name, account in used.items():
        if name.startswith(("migrate", "admin", "test")):
            assert account == "corral-jobs", name
        if name.startswith("types"):
            assert account in {"corral-worker-io", "shared"}, "what a pool imports may need what the pool may"
    (binding,) = of_kind(objects, "RoleBinding")
    assert binding["subjects"][0]["name"] == "scaler"


def test_rights_may_be_somebody_elses(helm: Helm) -> None:
    objects = rendered(
        helm, rbac={"create": False},
        operator={"serviceAccountName": "given", "serviceAccount": {"create": False}},
    )  # fmt: skip
    assert not of_kind(objects, "Role", "RoleBinding", "ClusterRole", "ServiceAccount")
    assert accounts(objects)["operator"] == "given"


def test_view_and_edit_may_hold_for_pools(helm: Helm) -> None:
    assert not of_kind(helm.variant("defaults"), "ClusterRole"), "it needs rights of the cluster"
    roles = {found["metadata"]["name"]: found for found in of_kind(rendered(helm, rbac={"aggregate": True}), "ClusterRole")}  # fmt: skip
    view, edit = (roles[f"jobs.corral-workerpools-{name}"] for name in ("view", "edit"))
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in edit["metadata"]["labels"]
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert "delete" in edit["rules"][0]["verbs"]


def test_budgets_and_rollouts_have_bounds(helm: Helm) -> None:
    full = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    objects = rendered(
        helm,
        publisher={"pdb": {"minAvailable": "50%"}, "strategy": full},
        poolDefaults={"pdb": {"maxUnavailable": "25%", "unhealthyPodEvictionPolicy": "IfHealthyBudget"}, "strategy": full},
        operator={"replicas": 2, "strategy": {"type": "Recreate"}},
    )  # fmt: skip
    budgets = {found["metadata"]["name"]: found["spec"] for found in of_kind(objects, "PodDisruptionBudget")}
    assert budgets["corral-publisher"]["minAvailable"] == "50%"
    assert "maxUnavailable" not in budgets["corral-publisher"]
    assert budgets["corral-worker-io"]["maxUnavailable"] == "25%"
    assert budgets["corral-worker-io"]["unhealthyPodEvictionPolicy"] == "IfHealthyBudget"
    assert budgets["corral-operator"]["maxUnavailable"] == 1
    strategies = {f["metadata"]["name"]: f["spec"]["strategy"] for f in of_kind(objects, "Deployment")}
    assert strategies["corral-publisher"] == strategies["corral-worker-io"] == full
    assert strategies["corral-operator"] == {"type": "Recreate"}


def test_a_publisher_waits_for_its_ingress_as_long_as_that_takes(helm: Helm) -> None:
    hook = {"postStart": {"exec": {"command": ["true"]}}}
    objects = rendered(
        helm, publisher={"preStopSeconds": 20, "lifecycle": hook},
        poolDefaults={"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}},
    )  # fmt: skip
    spec = one(objects, "Deployment", "corral-publisher")["spec"]["template"]["spec"]
    assert spec["containers"][0]["lifecycle"] == {**hook, "preStop": {"sleep": {"seconds": 20}}}
    assert spec["terminationGracePeriodSeconds"] == 30 + 20 + 10
    worker = one(objects, "Deployment", "corral-worker-io")["spec"]["template"]["spec"]["containers"][0]
    assert worker["lifecycle"] == {"preStop": {"sleep": {"seconds": 3}}}
    none = one(rendered(helm, publisher={"preStopSeconds": 0}), "Deployment", "corral-publisher")
    assert "lifecycle" not in none["spec"]["template"]["spec"]["containers"][0]


def test_a_pre_stop_of_ones_own_stands_alone_and_fits_into_the_pods_limit(helm: Helm) -> None:
    """Kubernetes refuses a preStop that does two things; what it sleeps counts towards the time until a pod is killed."""
    own = {"preStop": {"exec": {"command": ["leave"]}}}
    nap = {"preStop": {"sleep": {"seconds": 40}}}
    objects = rendered(
        helm, publisher={"lifecycle": own, "preStopSeconds": 20},
        poolDefaults={"lifecycle": nap}, operator={"lifecycle": nap},
    )  # fmt: skip
    pods = {
        name: one(objects, "Deployment", f"corral-{name}")["spec"]["template"]["spec"]
        for name in ("publisher", "worker-io", "operator")
    }
    assert pods["publisher"]["containers"][0]["lifecycle"] == own
    limits = {name: spec["terminationGracePeriodSeconds"] for name, spec in pods.items()}
    assert limits == {"publisher": 30 + 20 + 10, "worker-io": 30 + 40 + 30, "operator": 15 + 40}
    slept = one(rendered(helm, publisher={"lifecycle": nap}), "Deployment", "corral-publisher")
    assert slept["spec"]["template"]["spec"]["containers"][0]["lifecycle"] == nap
    assert slept["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30 + 40 + 10


def test_what_a_pool_says_replaces_what_excludes_it_in_the_defaults(helm: Helm) -> None:
    """Kubernetes refuses both at once: two things at the stop, bounds of a rollout that has none, both bounds of a budget."""
    nap = {"preStop": {"sleep": {"seconds": 3}}}
    objects = rendered(
        helm,
        poolDefaults={
            "lifecycle": {"preStop": {"exec": {"command": ["leave"]}}, "postStart": {"exec": {"command": ["come"]}}},
            "pdb": {"minAvailable": 1},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
        pools=[{"name": "io", "queues": ["a"], "lifecycle": nap, "pdb": {"maxUnavailable": "50%"}, "strategy": {"type": "Recreate"}}],
    )  # fmt: skip
    spec = one(objects, "Deployment", "corral-worker-io")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    lifecycle = spec["template"]["spec"]["containers"][0]["lifecycle"]
    assert lifecycle == {**nap, "postStart": {"exec": {"command": ["come"]}}}
    budget = one(objects, "PodDisruptionBudget", "corral-worker-io")["spec"]
    assert (budget["maxUnavailable"], "minAvailable" in budget) == ("50%", False)


def test_an_ingress_may_have_several_names(helm: Helm) -> None:
    given = {
        "enabled": True,
        "host": "a.org",
        "hosts": ["b.org"],
        "pathType": "Exact",
        "tls": {"enabled": True},
    }
    (found,) = of_kind(rendered(helm, publisher={"ingress": given}), "Ingress")
    assert [rule["host"] for rule in found["spec"]["rules"]] == ["a.org", "b.org"]
    assert found["spec"]["tls"][0]["hosts"] == ["a.org", "b.org"]
    assert {rule["http"]["paths"][0]["pathType"] for rule in found["spec"]["rules"]} == {"Exact"}


def test_an_ingress_may_have_several_names_and_no_first_one(helm: Helm) -> None:
    """People reach the pages by the first of them."""
    given = {"enabled": True, "hosts": ["b.org", "c.org", "b.org"], "tls": {"enabled": True}}
    objects = rendered(helm, publisher={"ingress": given})
    (found,) = of_kind(objects, "Ingress")
    assert [rule["host"] for rule in found["spec"]["rules"]] == ["b.org", "c.org"]
    assert found["spec"]["tls"][0]["hosts"] == ["b.org", "c.org"]
    (publisher,) = [c for where, c in containers(objects) if where.endswith("container publisher")]
    assert {"name": "CORRAL_PUBLIC_URL", "value": "https://b.org"} in publisher["env"]
    (every,) = of_kind(rendered(helm, publisher={"ingress": {"enabled": True}}), "Ingress")
    assert ["host" in rule for rule in every["spec"]["rules"]] == [False]


def test_services_have_families_and_what_load_balancers_ask_for(helm: Helm) -> None:
    dual = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    fields = {
        "type": "LoadBalancer", "loadBalancerClass": "a/b", "loadBalancerIP": "198.51.100.7",
        "loadBalancerSourceRanges": ["198.51.100.0/24"], "allocateLoadBalancerNodePorts": False,
        "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Cluster",
    }  # fmt: skip
    objects = rendered(
        helm, listenAddress="::", publisher={"service": fields | dual},
        postgres={"service": dual}, redis={"service": dual}, mail={"sink": True, "service": dual},
    )  # fmt: skip
    for name, more in (("publisher", fields), ("postgres", {}), ("redis", {}), ("mail-sink", {})):
        spec = one(objects, "Service", f"corral-{name}")["spec"]
        assert {**dual, **more}.items() <= spec.items(), name
    for where, container in containers(objects):
        listening = {e["value"] for e in container.get("env", ()) if e["name"] in {"CORRAL_HOST", "CORRAL_METRICS_HOST", "CORRAL_WORKER_HOST", "CORRAL_MAIL_SINK_HOST"}}  # fmt: skip
        assert listening <= {"::"}, where


def test_an_autoscaler_looks_at_memory_and_moves_as_it_is_told(helm: Helm) -> None:
    scaling = {"enabled": True, "targetMemoryUtilizationPercentage": 80, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}}  # fmt: skip
    (found,) = of_kind(rendered(helm, publisher={"autoscaling": scaling}), "HorizontalPodAutoscaler")
    assert [metric["resource"]["name"] for metric in found["spec"]["metrics"]] == ["cpu", "memory"]
    assert found["spec"]["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 600}}


def test_an_autoscaler_may_look_at_memory_alone_and_never_at_nothing(helm: Helm) -> None:
    """A blank target is the default, so 0 says that CPU is not looked at."""
    scaling: dict[str, Any] = {"enabled": True, "targetCPUUtilizationPercentage": 0}
    with pytest.raises(Refused, match=r"publisher\.autoscaling: say what it looks at"):
        rendered(helm, publisher={"autoscaling": scaling})
    scaling["targetMemoryUtilizationPercentage"] = 80
    (found,) = of_kind(rendered(helm, publisher={"autoscaling": scaling}), "HorizontalPodAutoscaler")
    assert [metric["resource"]["name"] for metric in found["spec"]["metrics"]] == ["memory"]


@pytest.mark.parametrize("keep", [True, False])
def test_the_definition_may_belong_to_a_release(helm: Helm, keep: bool) -> None:
    assert not of_kind(helm.variant("defaults"), "CustomResourceDefinition")
    objects = rendered(helm, crds={"enabled": True, "keep": keep})
    (found,) = of_kind(objects, "CustomResourceDefinition")
    shipped = load((CHART / "crds/workerpool.yaml").read_text())
    assert found["spec"] == shipped["spec"]
    assert shipped["metadata"]["annotations"].items() <= found["metadata"]["annotations"].items()
    assert ("helm.sh/resource-policy" in found["metadata"]["annotations"]) is keep
    assert "namespace" not in found["metadata"]


def test_objects_of_ones_own_come_with_the_release(each_helm: Helm) -> None:
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "data": {"a": "{{ not a template }}"}}  # fmt: skip
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include "corral.fullname" . }}-more}\n'
    objects = rendered(each_helm, extraObjects=[plain, text])
    assert one(objects, "ConfigMap", "plain")["data"] == plain["data"]
    assert one(objects, "ConfigMap", "corral-more")


def test_alerts_and_scrapes_may_be_changed_one_by_one(helm: Helm) -> None:
    relabel = [{"action": "labeldrop", "regex": "x"}]
    changed = {"CorralJobsFail": {"enabled": False}, "CorralNoLeader": {"for": "9m", "severity": "page", "labels": {"team": "a"}}}  # fmt: skip
    monitor = {"enabled": True, "relabelings": relabel, "metricRelabelings": relabel}
    objects = rendered(
        helm,
        monitoring={"prometheusRule": {"enabled": True, "alerts": changed}, "podMonitor": monitor, "serviceMonitor": monitor},
    )  # fmt: skip
    rules = {
        rule["alert"]: rule for rule in of_kind(objects, "PrometheusRule")[0]["spec"]["groups"][0]["rules"]
    }
    assert "CorralJobsFail" not in rules
    assert rules["CorralNoLeader"]["for"] == "9m"
    assert rules["CorralNoLeader"]["labels"] == {"severity": "page", "team": "a"}
    for kind, endpoints in (("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")):
        (endpoint,) = of_kind(objects, kind)[0]["spec"][endpoints]
        assert endpoint["relabelings"] == endpoint["metricRelabelings"] == relabel
    with pytest.raises(Refused, match="CorralNobody"):
        rendered(helm, monitoring={"prometheusRule": {"alerts": {"CorralNobody": {"enabled": False}}}})


def test_a_variable_finds_those_that_were_given_before_it(helm: Helm) -> None:
    """$(NAME) is replaced only where NAME stands above; one that replaces the chart's own stays where it was given."""
    objects = rendered(
        helm,
        pods={"env": [{"name": "LEVEL", "value": "debug"}]},
        publisher={"env": [{"name": "CORRAL_LOG_LEVEL", "value": "$(LEVEL)"}]},
        settings={"CORRAL_LOG_LEVEL": "info"},
    )  # fmt: skip
    (publisher,) = [c for where, c in containers(objects) if where.endswith("container publisher")]
    names = [entry["name"] for entry in publisher["env"]]
    assert names.count("CORRAL_LOG_LEVEL") == 1
    assert names.index("LEVEL") < names.index("CORRAL_LOG_LEVEL")


def test_a_variable_stands_behind_those_that_it_speaks_of_wherever_they_were_given(helm: Helm) -> None:
    """Settings stand before what pods are given, and what is given anew moves behind what spoke of it."""
    objects = rendered(
        helm,
        settings={"CORRAL_LOG_LEVEL": "$(LEVEL)", "CORRAL_REPORT_EMAIL": "$(USER)@$(DOMAIN)"},
        pods={"env": [
            {"name": "DOMAIN", "value": "$(TOP)"}, {"name": "LEVEL", "value": "debug"}, {"name": "USER", "value": "me"},
            {"name": "ROUND", "value": "$(ABOUT)"}, {"name": "ABOUT", "value": "$(ROUND)"},
            {"name": "PATH", "value": "$(PATH):/own"}, {"name": "SHOWN", "value": "$$(LEVEL) $(NOWHERE)"},
        ]},
        publisher={"env": [{"name": "TOP", "value": "example.org"}, {"name": "LEVEL", "value": "info"}]},
    )  # fmt: skip
    (publisher,) = [c for where, c in containers(objects) if where.endswith("container publisher")]
    at = {entry["name"]: index for index, entry in enumerate(publisher["env"])}
    assert len(at) == len(publisher["env"])
    assert at["TOP"] < at["DOMAIN"] < at["CORRAL_REPORT_EMAIL"]
    assert at["USER"] < at["CORRAL_REPORT_EMAIL"]
    assert at["LEVEL"] < at["CORRAL_LOG_LEVEL"]
    values = {entry["name"]: entry.get("value") for entry in publisher["env"]}
    assert (values["LEVEL"], values["PATH"], values["ROUND"]) == ("info", "$(PATH):/own", "$(ABOUT)")
    (worker,) = [c for where, c in containers(objects) if "worker-io, container worker" in where]
    assert {"name": "LEVEL", "value": "debug"} in worker["env"]


def test_the_chart_says_what_it_is() -> None:
    chart = load((CHART / "Chart.yaml").read_text())
    assert chart["icon"].startswith("data:image/svg+xml")
    assert chart["maintainers"]
    images = load(chart["annotations"]["artifacthub.io/images"].replace("\n\n", "\n"))
    built = {path.suffix[1:] for path in CHART.parents[1].glob("Dockerfile.*")} | {"worker-cpu"}
    assert {f"corral-{name}" for name in built} <= {image["name"] for image in images}
    assert {image["image"].split(":")[1] for image in images if image["name"].startswith("corral")} == {
        chart["appVersion"]
    }
