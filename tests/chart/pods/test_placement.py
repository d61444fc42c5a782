"""Where pods go, and on what: devices, huge pages, runtimes, schedulers, names; of workers and of Jobs."""

import pytest
from tests.chart.helm import Helm, Manifest, Refused
from tests.chart.objects import of_kind, one, pods


def specs(objects: list[Manifest]) -> dict[str, tuple[Manifest, Manifest]]:
    """Metadata and spec of every pod, by component and pool."""
    return {
        meta["labels"]["app.kubernetes.io/component"] + meta["labels"].get("corral.dev/pool", ""): (
            meta,
            spec,
        )
        for _, meta, spec in pods(objects)
    }


def test_a_pool_may_have_devices_and_huge_pages(each_helm: Helm) -> None:
    _, spec = specs(each_helm.variant("everything"))["workergpu"]
    (container,) = spec["containers"]
    assert container["resources"] == {
        "requests": {"cpu": 4, "memory": "16Gi", "hugepages-2Mi": "512Mi", "example.com/fpga": 1},
        "limits": {
            "cpu": "1",
            "memory": "16Gi",
            "hugepages-2Mi": "512Mi",
            "nvidia.com/gpu": 1,
            "example.com/fpga": 1,
        },
        "claims": [{"name": "card"}],
    }
    assert spec["resourceClaims"] == [{"name": "card", "resourceClaimTemplateName": "one-card"}]
    assert spec["runtimeClassName"] == "nvidia"


def test_a_component_goes_before_what_holds_for_all(helm: Helm) -> None:
    found = specs(helm.variant("everything"))
    assert found["workergpu"][1]["schedulerName"] == "default-scheduler"
    assert found["workergpu"][1]["dnsConfig"] == {"nameservers": ["10.96.0.10"]}
    assert found["workergpu"][1]["dnsPolicy"] == "None"
    assert len(found["workergpu"][1]["hostAliases"]) == 2
    for name, (_, spec) in found.items():
        if name not in {"workergpu", "types"}:
            assert spec["schedulerName"] == "volcano", name
            assert spec["dnsConfig"]["searches"] == ["example.org"], name
            assert spec["hostAliases"] == [{"ip": "10.1.2.3", "hostnames": ["db.example.org"]}], name


def test_jobs_have_a_place_and_metadata_of_their_own(helm: Helm) -> None:
    objects = helm.variant("everything")
    found = specs(objects)
    for name in ("migrate", "admin", "test"):
        meta, spec = found[name]
        assert meta["labels"]["sidecar.istio.io/inject"] == "false", name
        assert meta["annotations"]["linkerd.io/inject"] == "disabled", name
        assert spec["nodeSelector"]["pool"] == "jobs", name
        assert {"key": "jobs", "operator": "Exists"} in spec["tolerations"], name
        assert spec["runtimeClassName"] == "gvisor", name
    for job in of_kind(objects, "Job"):
        assert job["metadata"]["labels"]["kind"] == "job"
        assert job["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == "1"
    assert "linkerd.io/inject" not in found["publisher"][0]["annotations"]


def test_types_are_registered_where_the_pool_runs_without_its_devices(helm: Helm) -> None:
    """What registers imports the pool's modules: it may need its runtime, never its cards."""
    registering = [
        spec
        for _, meta, spec in pods(helm.variant("everything"))
        if meta["labels"]["app.kubernetes.io/component"] == "types"
    ]
    (gpu,) = [spec for spec in registering if spec["runtimeClassName"] == "nvidia"]
    assert "resourceClaims" not in gpu
    assert "claims" not in gpu["containers"][0]["resources"]
    assert gpu["dnsPolicy"] == "None"
    (io,) = [spec for spec in registering if spec["nodeSelector"].get("pool") == "io"]
    assert {"key": "jobs", "operator": "Exists"} in io["tolerations"]


def test_a_resource_that_kubernetes_does_not_know_is_refused(helm: Helm) -> None:
    unknown = ["cpus", "memory ", "gpu", "nvidia.com/", "hugepages-2M"]
    limits = dict.fromkeys(unknown, 1)
    with pytest.raises(Refused, match=r"poolDefaults[/.]resources[/.]limits") as refused:
        helm.render(values={"existingSecret": "x", "poolDefaults": {"resources": {"limits": limits}}})
    for name in unknown:
        assert f"'{name}'" in str(refused.value)


def test_a_claim_that_the_pool_does_not_have_is_refused(helm: Helm) -> None:
    pools = '[{"name":"a","queues":["a"],"resources":{"claims":[{"name":"card"}]}}]'
    with pytest.raises(Refused, match=r'"a" uses the claim "card".*resourceClaims'):
        helm.render("--set", "existingSecret=x", "--set-json", f"pools={pools}")


def test_what_is_not_given_is_not_there(helm: Helm) -> None:
    """The API server's own defaults stay its own."""
    fields = {"runtimeClassName", "schedulerName", "hostAliases", "dnsPolicy", "dnsConfig", "resourceClaims"}
    for owner, _, spec in pods(helm.variant("defaults")):
        assert not fields & spec.keys(), owner
    assert one(helm.variant("defaults"), "Deployment", "corral-worker-io")
