"""Where files go: into Postgres, onto a shared volume, or into a bucket of object storage."""

import pytest
from tests.chart.helm import Helm, Manifest, Refused
from tests.chart.network.edges import Edges
from tests.chart.objects import of_kind, pods

BUCKET = ("--set", "existingSecret=x", "--set", "artifacts.s3.bucket=files")
KEYED = (*BUCKET, "--set", "artifacts.s3.existingSecret=keys")


def told(objects: list[Manifest], component: str) -> dict[str, object]:
    """What the first container of a component is told of files."""
    spec = next(
        spec for _, meta, spec in pods(objects) if meta["labels"]["app.kubernetes.io/component"] == component
    )
    return {
        entry["name"].removeprefix("CORRAL_ARTIFACT_"): entry.get("value", entry.get("valueFrom"))
        for entry in spec["containers"][0]["env"]
        if entry["name"].startswith("CORRAL_ARTIFACT_")
    }


def test_a_bucket_is_told_to_whoever_reads_and_writes_files_with_its_key_from_the_secret(helm: Helm):
    objects = helm.render(*KEYED, "--set", "artifacts.s3.endpoint=http://minio:9000")
    assert told(objects, "publisher") == told(objects, "worker") == told(objects, "migrate")
    assert told(objects, "worker") == {
        "STORE": "s3",
        "BUCKET": "files",
        "PREFIX": "corral",
        "ENDPOINT": "http://minio:9000",
        "REGION": "us-east-1",
        "ADDRESSING": "path",
        "ACCESS_KEY": {"secretKeyRef": {"name": "keys", "key": "access-key"}},
        "SECRET_KEY": {"secretKeyRef": {"name": "keys", "key": "secret-key"}},
    }


def test_without_a_secret_the_pods_own_role_counts(helm: Helm):
    assert not {"ACCESS_KEY", "SECRET_KEY", "ENDPOINT"} & told(helm.render(*BUCKET), "worker").keys()


def test_the_files_of_a_volume_are_still_served_beside_a_bucket(helm: Helm):
    objects = helm.render(*BUCKET, "--set", "artifacts.existingClaim=old")
    found = told(objects, "publisher")
    assert (found["STORE"], found["DIR"]) == ("s3", "/var/lib/corral/artifacts")


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("", 443), ("https://s3.example.org", 443), ("http://minio", 80), ("http://minio:9000", 9000)],
)
def test_publishers_and_workers_reach_it_and_nobody_else(helm: Helm, endpoint: str, port: int):
    edges = Edges(helm.render(*BUCKET, "--set", f"artifacts.s3.endpoint={endpoint}"))
    assert edges.allow("publisher", "private", port)
    assert edges.allow("worker", "private", port)
    assert not edges.allow("migrate", "private", port)
    within = "networkPolicy.artifactsTo[0].ipBlock.cidr=10.8.0.0/16"
    assert not Edges(
        helm.render(*BUCKET, "--set", f"artifacts.s3.endpoint={endpoint}", "--set", within)
    ).allow("publisher", "private", port)


def test_an_authority_of_ones_own_is_where_the_setting_says(helm: Helm):
    objects = helm.render(*BUCKET, "--set", "artifacts.s3.caSecret=authority")
    for component in ("publisher", "worker", "migrate"):
        path = told(objects, component)["CA"]
        spec = next(
            spec
            for _, meta, spec in pods(objects)
            if meta["labels"]["app.kubernetes.io/component"] == component
        )
        (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "artifacts-ca"]
        (volume,) = [one for one in spec["volumes"] if one["name"] == "artifacts-ca"]
        (item,) = volume["secret"]["items"]
        assert path == f"{mount['mountPath']}/{item['path']}"
        assert volume["secret"]["secretName"] == "authority"


def test_without_a_bucket_no_policy_speaks_of_one_and_a_key_alone_is_refused(helm: Helm):
    objects = helm.render("--set", "existingSecret=x")
    assert not [one for one in of_kind(objects, "NetworkPolicy") if "artifacts" in one["metadata"]["name"]]
    with pytest.raises(Refused, match=r"artifacts\.s3\.bucket: name the bucket"):
        helm.render("--set", "existingSecret=x", "--set", "artifacts.s3.existingSecret=keys")
