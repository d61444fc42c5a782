"""Alerts and dashboard speak of metrics that exist, and every alert has its page."""

import json
import re

import prometheus_client.metrics
import pytest
from tests.chart.helm import CHART, ROOT, Helm, load
from tests.chart.objects import of_kind

import corral.metrics
import corral_operator.reports.metrics

ALERTS = load((CHART / "files/alerts.yaml").read_text())["alerts"]
DASHBOARD = json.loads((CHART / "files/dashboard.json").read_text())
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def series() -> dict[str, set[str]]:
    """Every series of the services, with its labels."""
    found = {}
    for module in (corral.metrics, corral_operator.reports.metrics):
        for metric in vars(module).values():
            if isinstance(metric, prometheus_client.metrics.MetricWrapperBase):
                for suffix in SUFFIXES[metric._type]:
                    found[metric._name + suffix] = {*metric._labelnames, "namespace", "pod", "le"}
    return found


def uses(expression: str) -> list[tuple[str, set[str]]]:
    """The series that an expression reads, with the labels that it picks them by."""
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", picked)))
        for name, picked in re.findall(
            r"(corral_\w+)\{([^}]*)\}", expression.replace("$OURS", 'namespace="n", pod=~"p"')
        )
    ]


EXPRESSIONS = {
    **{alert["alert"]: alert["expr"] for alert in ALERTS},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    },
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_measured_exists(name: str) -> None:
    expression, known = EXPRESSIONS[name], series()
    used = uses(expression)
    assert len(used) == expression.count("corral_") > 0
    grouped = {
        label for labels in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", labels)
    }
    for metric, labels in used:
        assert metric in known, name
        assert labels <= known[metric], name
        assert "namespace" in labels, "else another installation's would count"
        assert grouped <= known[metric], name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_page_that_says_what_to_do(alert: dict[str, str]) -> None:
    page = (ROOT / f"docs/runbooks/{alert['alert']}.md").read_text()
    assert page.startswith(f"# {alert['alert']}\n")
    for heading in ("## What it means", "## Look", "## Do"):
        assert heading in page
    assert alert["severity"] in {"warning", "critical"}


def test_every_page_belongs_to_an_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}
    assert pages == {alert["alert"] for alert in ALERTS}


def test_rules_and_dashboard_are_rendered_whole(helm: Helm) -> None:
    objects = helm.variant("everything")
    (rule,) = of_kind(objects, "PrometheusRule")
    rules = rule["spec"]["groups"][0]["rules"]
    assert [r["alert"] for r in rules] == [alert["alert"] for alert in ALERTS]
    for found in rules:
        assert "$OURS" not in found["expr"]
        assert 'namespace="jobs"' in found["expr"]
        assert found["annotations"]["runbook_url"] == f"docs/runbooks/{found['alert']}.md"
    maps = [o for o in of_kind(objects, "ConfigMap") if o["metadata"]["name"] == "corral-dashboard"]
    assert json.loads(maps[0]["data"]["corral.json"]) == DASHBOARD


def test_without_the_operator_nothing_asks_for_it(helm: Helm) -> None:
    (rule,) = of_kind(
        helm.render(
            *("--set", "existingSecret=x", "--set", "operator.enabled=false"),
            *("--set", "monitoring.prometheusRule.enabled=true"),
        ),
        "PrometheusRule",
    )
    assert not [r["alert"] for r in rule["spec"]["groups"][0]["rules"] if "corral_operator" in r["expr"]]
