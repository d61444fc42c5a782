"""The chart as a dependency of another, with the keys that Helm and a parent put into its values."""

import shutil
from pathlib import Path

import pytest
import yaml
from tests.chart.helm import CHART, Helm, Manifest, Refused
from tests.chart.objects import containers, named, of_kind, pods
from tests.chart.releases.api_server import installed, serving


@pytest.fixture(scope="session")
def umbrella(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parent with Corral twice, once under an alias, each with a condition."""
    parent = tmp_path_factory.mktemp("shop")
    dependencies = [
        {"name": "corral", "version": "0.1.0", "condition": "corral.enabled", "tags": ["jobs"]},
        {"name": "corral", "version": "0.1.0", "alias": "mail", "condition": "mail.enabled"},
    ]
    chart = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", "dependencies": dependencies}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (parent / "values.yaml").write_text("corral: {enabled: true}\nmail: {enabled: false}\n")
    shutil.copytree(CHART, parent / "charts/corral")
    return parent


def rendered(helm: Helm, umbrella: Path, values: object) -> list[Manifest]:
    return helm.render(values=values, release="shop", chart=umbrella)


SECRET = {"existingSecret": "corral-credentials"}


def test_a_parent_shares_registry_and_secrets(each_helm: Helm, umbrella: Path) -> None:
    shared = {
        "imageRegistry": "mirror.example.org/hub",
        "imagePullSecrets": ["one", {"name": "two"}],
        "other": {"of": ["another", "chart"]},
    }
    objects = rendered(each_helm, umbrella, {"global": shared, "corral": {"enabled": True, **SECRET}})
    for where, container in containers(objects):
        assert container["image"].startswith("mirror.example.org/hub/"), where
    for owner, _, spec in pods(objects):
        assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}], owner


def test_the_charts_own_registry_goes_first(each_helm: Helm, umbrella: Path) -> None:
    objects = rendered(
        each_helm,
        umbrella,
        {
            "global": {"imageRegistry": "mirror.example.org", "imagePullSecrets": ["one"]},
            "corral": {
                **SECRET,
                "image": {"registry": "own.example.org/corral", "pullSecrets": [{"name": "one"}, "own"]},
                "redis": {"image": {"registry": "cache.example.org"}},
            },
        },
    )
    images = {c["image"].rsplit("/", 1)[0] for w, c in containers(objects) if "StatefulSet" not in w}
    assert images == {"own.example.org/corral"}
    servers = {c["image"] for w, c in containers(objects) if "StatefulSet" in w}
    assert servers == {"mirror.example.org/postgres:17", "cache.example.org/redis:8"}
    for owner, _, spec in pods(objects):
        assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "own"}], owner


def test_a_condition_leaves_it_out(each_helm: Helm, umbrella: Path) -> None:
    assert not rendered(each_helm, umbrella, {"corral": {"enabled": False}})
    assert not rendered(each_helm, umbrella, {"corral": {"enabled": None}, "tags": {"jobs": False}})


def test_blank_values_below_a_parent_are_the_defaults(each_helm: Helm, umbrella: Path) -> None:
    plain = rendered(each_helm, umbrella, {"corral": SECRET})
    blank = {"pools": None, "publisher": None, "operator": {"resources": None}, "global": None}
    assert rendered(each_helm, umbrella, {"corral": SECRET | blank}) == plain
    assert len(of_kind(plain, "WorkerPool")) == 2


def test_two_beside_each_other_share_no_name(each_helm: Helm, umbrella: Path) -> None:
    objects = rendered(each_helm, umbrella, {"corral": SECRET, "mail": {"enabled": True, **SECRET}})
    names = [named(found) for found in objects]
    assert len(names) == len(set(names))
    labels = {found["metadata"]["labels"]["app.kubernetes.io/name"] for found in objects}
    assert labels == {"corral", "mail"}


@pytest.mark.parametrize("release", ["corral-mail", "mail-corral", "a-mail-server-of-a-corral-shop"])
def test_two_beside_each_other_share_no_name_whatever_the_release_is_called(
    each_helm: Helm, umbrella: Path, release: str
) -> None:
    """Also where the release's name holds those of both; hostile values reach both."""
    hostile = {**SECRET, "image": {"tag": 20260101}, "commonLabels": {"on": "off"}, "settings": None}
    given = {"corral": hostile, "mail": {"enabled": True, **hostile}, "global": None}
    objects = each_helm.render(values=given, release=release, chart=umbrella)
    names = [named(found) for found in objects]
    assert len(names) == len(set(names))
    assert {c["image"].split(":")[1] for w, c in containers(objects) if "Deployment" in w} == {"20260101"}


def test_an_alias_that_was_installed_under_the_releases_name_keeps_it(
    each_helm: Helm, umbrella: Path, tmp_path: Path
) -> None:
    given = {"corral": {"enabled": False}, "mail": {"enabled": True, **SECRET}}
    with serving(
        [installed("the-mail", "the-mail", "mail")], each_helm.variant("defaults"), tmp_path
    ) as cluster:
        kept = each_helm.render(*cluster, values=given, release="the-mail", chart=umbrella)
    fresh = each_helm.render(values=given, release="the-mail", chart=umbrella)
    assert "PersistentVolumeClaim the-mail-postgres" in [named(found) for found in kept]
    assert "PersistentVolumeClaim the-mail-mail-postgres" in [named(found) for found in fresh]


def test_switched_off_without_a_condition_it_is_refused(each_helm: Helm) -> None:
    with pytest.raises(Refused, match=r"enabled is false.*condition"):
        each_helm.render("--set", "existingSecret=x,enabled=false")


def test_an_alias_that_is_no_name_is_refused(helm: Helm, umbrella: Path, tmp_path: Path) -> None:
    parent = tmp_path / "shop"
    shutil.copytree(umbrella, parent)
    chart = (parent / "Chart.yaml").read_text().replace("alias: mail", "alias: bigMail")
    (parent / "Chart.yaml").write_text(chart.replace("mail.enabled", "bigMail.enabled"))
    given = {"corral": {"enabled": False}, "bigMail": {"enabled": True, **SECRET}}
    with pytest.raises(Refused, match='nameOverride: "bigMail" is the alias'):
        rendered(helm, parent, given)
    objects = rendered(helm, parent, given | {"bigMail": {**SECRET, "nameOverride": "mail"}})
    assert {named(o) for o in of_kind(objects, "Service")} >= {"Service shop-mail-publisher"}
