"""An upgrade from the previous chart changes nothing that can't be changed, and restarts nothing without need."""

import json

import pytest
from tests.chart.helm import Helm
from tests.chart.objects import named, of_kind, one, pods
from tests.chart.releases.immutable import SNAPSHOT, VARIANTS, immutable


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_immutable_changes_from_the_previous_chart(helm: Helm, variant: str) -> None:
    before = json.loads(SNAPSHOT.read_text())[variant]
    now = immutable(helm.variant(variant))
    gone = before.keys() - now.keys()
    assert not gone, "an upgrade would remove these"
    assert {name: now[name] for name in before} == before


def test_no_worker_deployment_says_how_many(helm: Helm, variant: str) -> None:
    """Else an upgrade resets what the operator set (helm 3) or fails (helm 4)."""
    pools = [
        d
        for d in of_kind(helm.variant(variant), "Deployment")
        if "corral.dev/pool" in d["metadata"]["labels"]
    ]
    assert pools
    for found in pools:
        assert "replicas" not in found["spec"], named(found)


def test_a_publisher_that_is_scaled_says_not_how_many(helm: Helm) -> None:
    assert "replicas" not in one(helm.variant("available"), "Deployment", "corral-publisher")["spec"]


def jobs(objects):
    return {found["metadata"]["name"]: found["spec"] for found in of_kind(objects, "Job")}


def test_a_job_that_changes_gets_another_name(helm: Helm) -> None:
    secret = ("--set", "existingSecret=corral-credentials")
    before = jobs(helm.render(*secret))
    after = jobs(helm.render(*secret, "--set", "image.tag=2"))
    assert len(before) == len(after) == 4
    assert before.keys().isdisjoint(after.keys())
    for prefix in ("corral-migrate-", "corral-types-io-", "corral-types-cpu-", "corral-admin-"):
        assert sum(name.startswith(prefix) for name in after) == 1


def test_a_job_that_does_not_change_keeps_its_name(helm: Helm) -> None:
    secret = ("--set", "existingSecret=corral-credentials")
    assert jobs(helm.render(*secret)) == jobs(helm.render(*secret, "--set", "publisher.replicas=5"))


def test_migrations_are_no_hooks(helm: Helm, variant: str) -> None:
    """Before the install a hook waits for a database that comes with it; after it, `--wait` waits for the schema."""
    for found in of_kind(helm.variant(variant), "Job"):
        assert not any(key.startswith("helm.sh/hook") for key in found["metadata"].get("annotations", {})), (
            named(found)
        )


def test_pools_with_one_image_and_the_same_modules_register_once(helm: Helm) -> None:
    def registering(*given: str) -> list[str]:
        objects = helm.render("--set", "existingSecret=x", *given)
        return [name.rsplit("-", 1)[0] for name in jobs(objects) if "-types-" in name]

    two = '[{"name":"a","queues":["a"]},{"name":"b","queues":["b"]%s}]'
    assert registering("--set-json", "pools=" + two % "") == ["corral-types-a"]
    other = ',"image":{"repository":"acme-worker"}'
    assert registering("--set-json", "pools=" + two % other) == ["corral-types-a", "corral-types-b"]
    assert registering("--set-json", "pools=" + two % ',"registerTypes":false,"jobs":["x"]') == [
        "corral-types-a"
    ]


def test_pods_start_anew_when_their_configuration_changes_and_only_then(helm: Helm) -> None:
    def checksum(*given: str) -> str:
        objects = helm.render("--set", "existingSecret=x", *given)
        (found,) = [m for o, m, _ in pods(objects) if o == "StatefulSet corral-redis"]
        return found["annotations"]["checksum/config"]

    assert checksum() != checksum("--set", "redis.maxmemory=1gb")
    assert checksum() == checksum("--set", "commonAnnotations.a=b", "--set", "existingSecret=another")


def test_a_new_chart_alone_starts_no_pod_anew(helm: Helm, variant: str) -> None:
    for owner, meta, _ in pods(helm.variant(variant)):
        if owner != "Pod corral-test":
            assert not {"helm.sh/chart", "app.kubernetes.io/version"} & meta["labels"].keys(), owner


def test_what_holds_data_stays_at_uninstall(helm: Helm) -> None:
    claims = of_kind(helm.variant("defaults"), "PersistentVolumeClaim")
    assert {claim["metadata"]["name"] for claim in claims} == {"corral-postgres", "corral-redis"}
    for claim in claims:
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
