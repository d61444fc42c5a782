"""Names are made of a release, a pool and a component; no two releases of a namespace or a cluster share one."""

import re
import shutil
from pathlib import Path

import pytest
from tests.chart.helm import CHART, Helm, Manifest, Refused
from tests.chart.objects import named, of_kind
from tests.chart.releases.api_server import installed, serving

SECRET = ("--set", "existingSecret=x")
NAMESPACED_POOLS = (
    '[{"name":"publisher","queues":["a"]},{"name":"worker-b","queues":["b"]},{"name":"io","queues":["c"]}]'
)
"""Names with which a release's objects are called as those of a release that has a longer name."""


def names(objects: list[Manifest]) -> set[str]:
    return {named(found) for found in objects}


def test_names_that_begin_alike_do_not_collide(each_helm: Helm) -> None:
    one_, other = (
        names(each_helm.render(*SECRET, release=f"a-long-name-of-a-release-{end}")) for end in ("one", "two")
    )
    assert one_.isdisjoint(other)
    assert "Deployment corral-publisher" in names(each_helm.render(*SECRET)), "a short one carries no hash"


@pytest.mark.parametrize("release", ["corral-worker", "corral-to", "corral-own", "corral-worker-a"])
def test_a_release_called_as_the_pools_of_another_is_refused(helm: Helm, release: str) -> None:
    with pytest.raises(Refused, match=f"release name {release}: .* accept {release} as fullnameOverride"):
        helm.render(*SECRET, release=release)


def test_a_name_that_somebody_chose_is_taken(helm: Helm) -> None:
    """So that an install that has it goes on under its names."""
    chosen = helm.render(*SECRET, "--set", "fullnameOverride=corral-worker", release="corral-worker")
    other = helm.render(*SECRET, "--set-json", f"pools={NAMESPACED_POOLS}")
    assert {"Deployment corral-worker-publisher", "Deployment corral-worker-worker-io"} <= names(chosen)
    assert names(chosen) & names(other), "what the refusal is about"


@pytest.mark.parametrize(
    ("release", "full"),
    [("corral-worker", "corral-worker"), ("a-long-name-of-a-release", "a-long-name-of-a-release")],
)
def test_a_release_that_has_names_already_keeps_them(
    each_helm: Helm, tmp_path: Path, release: str, full: str
) -> None:
    """Whether the name would be refused today, or would carry a hash."""
    with serving([installed(release, full)], each_helm.variant("defaults"), tmp_path) as cluster:
        objects = each_helm.render(*SECRET, *cluster, release=release)
    assert f"PersistentVolumeClaim {full}-postgres" in names(objects)


@pytest.mark.parametrize("release", ["1st", "a.b"])
def test_a_release_that_no_service_may_be_called_after_is_refused(each_helm: Helm, release: str) -> None:
    with pytest.raises(Refused, match=f"release name {release}: .*-corral would begin .*fullnameOverride"):
        each_helm.render(*SECRET, release=release)
    objects = each_helm.render(*SECRET, "--set", "fullnameOverride=jobs", release=release)
    assert "Service jobs-publisher" in names(objects)
    labels = {found["metadata"]["labels"]["app.kubernetes.io/instance"] for found in objects}
    assert labels == {release}


def test_a_version_with_a_build_number_makes_labels_that_kubernetes_takes(helm: Helm, tmp_path: Path) -> None:
    """As packagers give it; a label takes no plus sign and 63 characters."""
    shutil.copytree(CHART, tmp_path / "corral")
    described = tmp_path / "corral/Chart.yaml"
    version = f"0.1.0+{'build.' * 12}7"
    described.write_text(re.sub(r"(?m)^(version|appVersion): .*", rf"\1: {version}", described.read_text()))
    for found in helm.render(*SECRET, "--set", "image.tag=a", chart=tmp_path / "corral"):
        for value in found["metadata"]["labels"].values():
            assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value), value


def test_roles_of_the_cluster_are_called_after_namespace_and_release(helm: Helm) -> None:
    """A namespace `a` with a release `b-c`, beside a namespace `a-b` with a release `c`."""
    made = [
        of_kind(
            helm.render(
                *SECRET, "--namespace", namespace, "--set", f"rbac.aggregate=true,fullnameOverride={full}"
            ),
            "ClusterRole",
        )
        for namespace, full in (("a", "b-c"), ("a-b", "c"))
    ]
    assert len(made[0]) == len(made[1]) == 2
    assert names(made[0]).isdisjoint(names(made[1]))
