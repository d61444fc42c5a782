"""What is rendered is what Kubernetes takes, in the oldest version that we promise and the newest there is."""

import json
import re
from functools import cache

import jsonschema
import kubernetes_validate
import pytest
from kubernetes_validate import utils
from tests.chart.helm import CHART, NEWEST, VARIANTS, Helm, load
from tests.chart.objects import named

OLDEST = re.search(r">=(\d+\.\d+)", load((CHART / "Chart.yaml").read_text())["kubeVersion"]).group(1)
FOREIGN = {"keda.sh", "cilium.io", "monitoring.coreos.com", "gateway.networking.k8s.io"}
"""Groups of others, whose schemas are not at hand; the everything variant of tests/cluster leaves them out too."""


@pytest.fixture(scope="module", autouse=True)
def schemas_are_read_once():
    """Megabytes of definitions, which the library reads again for every object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@cache
def wrong_with(text: str, kubernetes: str) -> str | None:
    """What this version of Kubernetes has against an object; variants have many objects in common."""
    try:
        kubernetes_validate.validate(json.loads(text), kubernetes, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{error.message} at {list(error.path)}"
    return None


@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_every_object_is_valid(helm: Helm, variant: str, kubernetes: str) -> None:
    wrong = []
    for found in helm.variant(variant):
        group = found["apiVersion"].split("/")[0]
        if group in FOREIGN or group == "corral.dev":
            continue
        if said := wrong_with(json.dumps(found), kubernetes):
            wrong.append(f"{named(found)}: {said}")
    assert not wrong


def test_pools_are_what_the_crd_takes(helm: Helm, variant: str) -> None:
    crd = load((CHART / "crds/workerpool.yaml").read_text())
    schema = closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
    for found in helm.variant(variant):
        if found["kind"] == "WorkerPool":
            # OpenAPI 3.0 means by exclusiveMinimum what draft 4 did.
            jsonschema.Draft4Validator(schema).validate(found)


def test_pools_say_what_the_api_server_would_fill_in(helm: Helm, variant: str) -> None:
    """Else tools that compare what is there with what was rendered see a difference for ever."""
    crd = load((CHART / "crds/workerpool.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for found in helm.variant(variant):
        if found["kind"] == "WorkerPool":
            assert filled_in(schema, found) == found


def filled_in(schema, given):
    """With the schema's defaults, as the API server stores it."""
    if not isinstance(given, dict):
        return given
    told = {
        name: inner["default"] for name, inner in schema.get("properties", {}).items() if "default" in inner
    }
    inner = schema.get("properties", {})
    return {name: filled_in(inner.get(name, {}), value) for name, value in (told | given).items()}


def closed(node):
    """An OpenAPI schema that refuses unknown fields, as the API server's strict validation does."""
    if isinstance(node, dict):
        node = {key: closed(value) for key, value in node.items()}
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        return node
    return [closed(value) for value in node] if isinstance(node, list) else node


def test_each_helm_renders_the_same(each_helm: Helm, helm: Helm, variant: str) -> None:
    assert each_helm.variant(variant) == helm.variant(variant)


def test_lint_finds_nothing(each_helm: Helm, variant: str) -> None:
    each_helm.run(
        "lint",
        "--strict",
        "--kube-version",
        f"{NEWEST}.0",
        "--values",
        str(VARIANTS / f"{variant}.yaml"),
        str(CHART),
    )


def test_no_object_is_there_twice(helm: Helm, variant: str) -> None:
    names = [(found["apiVersion"], named(found)) for found in helm.variant(variant)]
    assert len(names) == len(set(names))


def test_no_name_is_too_long(helm: Helm) -> None:
    long = helm.render(
        *("--set", "existingSecret=x"),
        *("--set-json", 'pools=[{"name":"abcdefghijklmnopqrst","queues":["demo"]}]'),
        release="a-release-with-a-name-as-long-as-helm-takes-it-53-cha",
    )
    for found in long:
        assert len(found["metadata"]["name"]) <= 63, named(found)
        for value in json.loads(json.dumps(found["metadata"].get("labels", {}))).values():
            assert len(value) <= 63
