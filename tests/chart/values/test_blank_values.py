"""A value that is left blank is the default, wherever it stands; Helm alone would take the default away."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.chart.helm import CHART, VARIANTS, Helm, Refused, load
from tests.chart.objects import named

DEFAULTS = load((CHART / "values.yaml").read_text())
TEMPLATES = sorted(path for path in (CHART / "templates").rglob("*") if path.suffix in {".yaml", ".txt"})
TAKEN_AWAY = {"requests", "limits", "labels", "podSecurityContext", "containerSecurityContext"}
"""Below these a blank entry takes the chart's own away."""


def blank(defaults: Any, depth: int, kept: Any) -> dict[str, Any]:
    """Values with null for every key so deep, but for those that `kept` gives."""
    found: dict[str, Any] = {}
    for key, default in defaults.items():
        given = kept.get(key) if isinstance(kept, dict) else None
        if depth == 0:
            if given is None:
                found[key] = None
        elif isinstance(default, dict) and key not in TAKEN_AWAY:
            found[key] = blank(default, depth - 1, given)
    return found


def merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: merged(below.get(key), value) for key, value in above.items()}


def paths(node: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        yield (*at, key)
        if isinstance(value, dict) and key not in TAKEN_AWAY:
            yield from paths(value, (*at, key))


DEEPEST = max(map(len, paths(DEFAULTS)))


@pytest.mark.parametrize("depth", range(DEEPEST))
@pytest.mark.parametrize("base", ["defaults", "external", "keda"])
def test_blank_values_are_the_defaults(helm: Helm, base: str, depth: int) -> None:
    given = load((VARIANTS / f"{base}.yaml").read_text())
    assert helm.render(values=merged(blank(DEFAULTS, depth, given), given)) == helm.variant(base)


def test_each_helm_fills_blank_values(each_helm: Helm) -> None:
    values = "existingSecret: corral-credentials\npools:\npoolDefaults:\nsettings:\nimage: {tag: }\n"
    assert each_helm.render(values=values) == each_helm.variant("defaults")


def test_a_blank_limit_or_label_is_taken_away(each_helm: Helm) -> None:
    values = (
        "existingSecret: x\npoolDefaults: {resources: {limits: {cpu: }}}\n"
        "monitoring: {dashboard: {enabled: true, labels: {grafana_dashboard: }}}\n"
    )
    objects = {named(found): found for found in each_helm.render(values=values)}
    (container,) = objects["Deployment corral-worker-io"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "512Mi"}
    assert "grafana_dashboard" not in objects["ConfigMap corral-dashboard"]["metadata"]["labels"]


def test_a_blank_value_of_a_pool_is_refused_by_name(helm: Helm) -> None:
    pools = "[{name: io, queues: }, {name: io, queues: [a], image: }, {name: , queues: [a]}]"
    with pytest.raises(Refused) as refused:
        helm.render(values=f"existingSecret: x\npools: {pools}\n")
    for index, name in enumerate(("queues", "image", "name")):
        assert re.search(rf"pools[/.]{index}[/.]{name}'?: (got null|Invalid type)", str(refused.value))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_fills_the_values_first(template: Path) -> None:
    """Helm renders templates in an order of its own."""
    assert template.read_text().startswith('{{- include "corral.prepare" . -}}\n')
