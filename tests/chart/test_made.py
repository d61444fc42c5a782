"""What is made from the chart, or into it, is as new as the chart."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from charts import reference
from tests.chart.helm import CHART, ROOT, TOOLS, Helm, load, load_all
from tests.chart.objects import named

SHIPPED = ["k8s/kind/values.yaml", "k8s/skaffold/values.yaml", "k8s/skaffold/values-dev.yaml"]


@pytest.mark.parametrize("path", reference.made(), ids=lambda path: path.name)
def test_the_reference_is_as_new_as_the_values(path: Path) -> None:
    assert path.read_text() == reference.made()[path], "run `make docs`"


def test_the_manifests_are_as_new_as_the_chart(helm: Helm, tmp_path: Path) -> None:
    env = os.environ | {
        "PATH": f"{Path(helm.program).parent}{os.pathsep}{os.environ['PATH']}{os.pathsep}{TOOLS}"
    }
    subprocess.run([str(ROOT / "k8s/render"), str(tmp_path)], check=True, env=env)
    for made in sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()):
        ours, theirs = (ROOT / "k8s" / made).read_text(), (tmp_path / made).read_text()
        if made.suffix == ".yaml":
            assert load_all(ours) == load_all(theirs), f"{made}: run `make manifests`"
        else:
            assert ours == theirs, f"{made}: run `make manifests`"


def test_the_manifests_hold_no_secret_and_no_custom_definition() -> None:
    objects = load_all((ROOT / "k8s/corral.yaml").read_text())
    kinds = {found["kind"] for found in objects}
    assert not kinds & {"Secret", "CustomResourceDefinition"}
    assert {"Deployment", "StatefulSet", "Job", "WorkerPool", "NetworkPolicy", "Role"} <= kinds
    assert len({named(found) for found in objects}) == len(objects)


def test_the_dashboard_is_the_same_everywhere() -> None:
    ours = json.loads((ROOT / "k8s/dashboard.json").read_text())
    assert ours == json.loads((CHART / "files/dashboard.json").read_text())


@pytest.mark.parametrize("values", SHIPPED)
def test_values_that_come_with_the_repository_are_taken(helm: Helm, values: str) -> None:
    assert helm.render("--set", "existingSecret=x", "--values", str(ROOT / values))


def test_the_chart_is_of_this_version() -> None:
    chart = load((CHART / "Chart.yaml").read_text())
    from corral import __version__  # noqa: PLC0415

    assert chart["appVersion"] == chart["version"] == __version__
