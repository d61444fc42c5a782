"""Values that can't be right are refused, and the message says what to do."""

import json
import re
from typing import Any

import jsonschema
import pytest
from tests.chart.helm import CHART, Helm, Refused, load

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
CHECKED = jsonschema.Draft202012Validator(SCHEMA)
SECRET = ("--set", "existingSecret=corral-credentials")

WRONG = {
    "operator.enabled=true,keda.enabled=true": "two would scale the same Deployments",
    'pools=[{"name":"io","queues":["demo"],"minReplicas":9}]': '"io" has minReplicas 9 above its maxReplicas 5',
    'pools=[{"name":"io","queues":["demo"]},{"name":"cpu","queues":["demo"]}]': 'queue "demo" is served by "io" and "cpu"',
    'pools=[{"name":"io","queues":["a"]},{"name":"io","queues":["b"]}]': 'there are two named "io"',
    'pools=[{"name":"io"}]': '"io" serves no queue',
    'pools=[{"name":"Big"}]': "does not match pattern",
    'pools=[{"queues":["a"]}]': "missing property 'name'",
    'pools=[{"name":"io","replicas":3}]': "additional properties 'replicas' not allowed",
    "publisher.replicas=0": "minimum",
    "publisher.replica=2": "additional properties 'replica' not allowed",
    "settings.CORRAL_LOG_LEVL=debug": "additional properties 'CORRAL_LOG_LEVL' not allowed",
    "settings.CORRAL_DATABASE_URL=x": "additional properties 'CORRAL_DATABASE_URL' not allowed",
    "postgres.enabled=false": "postgres.external.host, .url, or .urlKey",
    "postgres.external.host=db": "which one holds the jobs?",
    "postgres.enabled=false,postgres.external.url=postgresql://u:p@h/d": "put it into a Secret",
    "postgres.tls.enabled=true": "name the Secret with tls.crt, tls.key and ca.crt, made out to corral-postgres",
    "redis.enabled=false": "redis.external.host, .url, or .urlKey",
    "redis.tls.enabled=true": "made out to corral-redis",
    "publisher.httpRoute.enabled=true": "name the Gateway",
    "publisher.autoscaling.minReplicas=50": "minReplicas is above maxReplicas",
    "image.pullPolicy=Sometimes": "value must be one of",
    "workers=3": "workers is not read: its name is pools and poolDefaults",
    "replicaCount=3": "replicaCount is not read: its name is publisher.replicas",
    "postgresql.enabled=false": "postgresql is not read: its name is postgres",
}


@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_value_is_refused(helm: Helm, given: str) -> None:
    with pytest.raises(Refused) as refused:
        helm.render(*SECRET, "--set-json" if given.startswith("pools=") else "--set", given)
    assert WRONG[given] in re.sub(r"\s+", " ", str(refused.value))


def test_passwords_are_not_made_without_a_cluster(each_helm: Helm) -> None:
    with pytest.raises(Refused) as refused:
        each_helm.render()
    said = str(refused.value)
    for word in (
        "existingSecret",
        "admin-key",
        "database-password",
        "redis-password",
        "kubectl create secret generic",
    ):
        assert word in said


def test_secrets_of_each_part_are_enough(helm: Helm) -> None:
    objects = helm.render(
        *("--set", "postgres.auth.existingSecret=a", "--set", "redis.auth.existingSecret=b"),
        *("--set", "admin.existingSecret=c"),
    )
    assert not [found for found in objects if found["kind"] == "Secret"]


def test_an_external_redis_may_have_no_password(helm: Helm) -> None:
    text = helm.text(
        *SECRET, "--set", "redis.enabled=false,redis.external.host=cache,redis.auth.passwordKey="
    )
    assert "CORRAL_REDIS_PASSWORD" not in text
    assert "redis://cache:6379/0" in text


def test_every_removed_name_is_refused_with_its_new_one(each_helm: Helm) -> None:
    removed = [name for name, node in SCHEMA["properties"].items() if node.get("deprecated")]
    assert len(removed) > 10
    with pytest.raises(Refused) as refused:
        each_helm.render(*SECRET, *(word for name in removed for word in ("--set", f"{name}.x=1")))
    for name in removed:
        assert f"{name} is not read: its name is " in str(refused.value)


def test_the_schema_is_closed_at_every_level() -> None:
    open_ones = sorted(set(open_objects(SCHEMA, "")))
    assert open_ones == [
        ".$defs.affinity.nodeAffinity",
        ".$defs.affinity.podAffinity",
        ".$defs.affinity.podAntiAffinity",
        ".$defs.env[].valueFrom",
        ".$defs.initContainers[]",
        ".$defs.lifecycle.postStart",
        ".$defs.lifecycle.preStop",
        ".$defs.relabelings[]",
        ".$defs.spread[].labelSelector",
        ".$defs.volumes[]",
        ".global",  # Helm's own
        ".publisher.autoscaling.behavior.scaleDown",
        ".publisher.autoscaling.behavior.scaleUp",
    ], "only what Kubernetes describes itself may be open"


def open_objects(node: Any, path: str):
    """Where unknown names would pass."""
    if not isinstance(node, dict):
        return
    if node.get("type") == "object" and "additionalProperties" not in node:
        yield path
    for key in ("properties", "$defs"):
        for name, inner in node.get(key, {}).items():
            yield from open_objects(inner, f"{path}.$defs.{name}" if key == "$defs" else f"{path}.{name}")
    if isinstance(node.get("items"), dict):
        yield from open_objects(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from open_objects(node["additionalProperties"], f"{path}.*")


def test_every_value_is_described_with_an_example_that_it_takes() -> None:
    seen = 0
    for path, node in values(SCHEMA, ""):
        assert node.get("description"), path
        assert node.get("examples"), path
        for example in node["examples"]:
            CHECKED.evolve(schema=node).validate(example)
        seen += 1
    assert seen > 200


def values(node: Any, path: str):
    for name, inner in node.get("properties", {}).items():
        if inner.get("deprecated") or ("$ref" in inner and inner["$ref"].startswith("#/properties")):
            continue
        if "properties" in inner:
            yield from values(inner, f"{path}.{name}")
        else:
            yield f"{path}.{name}", inner


def test_the_defaults_are_all_described_and_all_there() -> None:
    defaults = load((CHART / "values.yaml").read_text())
    CHECKED.validate(defaults)
    assert set(missing(SCHEMA, defaults, "")) == set()


def missing(node: Any, given: Any, path: str):
    """Values that the schema knows and values.yaml does not say."""
    for name, inner in node.get("properties", {}).items():
        if inner.get("deprecated") or path + name in {"global", "operator.settings"}:
            continue
        if not isinstance(given, dict) or name not in given:
            yield path + name
        elif "properties" in inner:
            yield from missing(inner, given[name], f"{path}{name}.")
