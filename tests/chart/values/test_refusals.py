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

UNREADABLE = {
    'pools=[{"name":"Big"},{"queues":["a"]},{"name":"io","replicas":3}]': [
        "/pools/0/name': 'Big' does not match pattern",
        "/pools/1': missing property 'name'",
        "/pools/2': additional properties 'replicas' not allowed",
    ],
    'publisher={"replicas":0,"replica":2,"ingress":{"host":"https://jobs.example.org"}}': [
        "/publisher/ingress/host': 'https://jobs.example.org' does not match pattern",
        "/publisher/replicas': minimum: got 0",
        "/publisher': additional properties 'replica' not allowed",
    ],
    'settings={"CORRAL_LOG_LEVL":"debug","CORRAL_DATABASE_URL":"x"}': [
        "/settings': additional properties '",
        "'CORRAL_LOG_LEVL'",
        "'CORRAL_DATABASE_URL'",
    ],
    'image={"pullPolicy":"Sometimes","registry":"https://registry.example.org"}': [
        "/image/pullPolicy': value must be one of",
        "/image/registry': 'https://registry.example.org' does not match pattern",
    ],
    'commonLabels={"a b":"c","d":"two words"}': [
        "/commonLabels': additional properties 'a b' not allowed",
        "/commonLabels/d': 'two words' does not match pattern",
    ],
    'redis={"auth":{"passwordKey":"a/b"},"resources":{"limits":{"memory":"lots"}}}': [
        "/redis/auth/passwordKey': 'a/b' does not match pattern",
        "/redis/resources/limits/memory': 'lots' does not match pattern",
    ],
    'operator={"lifecycle":{"preStop":{"exec":{"command":["a"]},"sleep":{"seconds":1}}},"poolSelector":"a==b,,"}': [
        "/operator/lifecycle/preStop': maxProperties: got 2, want 1",
        "/operator/poolSelector': 'a==b,,' does not match pattern",
    ],
    'pods={"env":[{"name":"A","value":"b","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}': [
        "/pods/env/0': 'not' failed",
    ],
    'extraObjects=[{"kind":"ConfigMap"}]': ["/extraObjects/0': missing properties 'apiVersion', 'metadata'"],
    'postgres={"external":{"host":"db,,other"}}': ["/postgres/external/host': 'db,,other' does not match"],
    'networkPolicy={"outside":{"cidrs":["10.0.0.0/33"],"except":["fd00::"]}}': [
        "/networkPolicy/outside/cidrs/0': '10.0.0.0/33' does not match pattern",
        "/networkPolicy/outside/except/0': 'fd00::' does not match pattern",
    ],
}
"""What the schema refuses."""
CONTRADICTORY = {
    "operator.enabled=true,keda.enabled=true": ["two would scale the same Deployments"],
    'pools=[{"name":"io","queues":["demo"],"minReplicas":9},{"name":"cpu","queues":["demo"]},{"name":"io","queues":["b"]},{"name":"empty"}]': [
        '"io" has minReplicas 9 above its maxReplicas 5',
        'queue "demo" is served by "io" and "cpu"',
        'there are two named "io"',
        '"empty" serves no queue',
    ],
    "postgres.external.host=db": ["which one holds the jobs?"],
    "postgres.tls.enabled=true": [
        "name the Secret with tls.crt, tls.key and ca.crt, made out to corral-postgres"
    ],
    'operator={"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}}': [
        "operator: strategy.rollingUpdate has maxSurge 0 and maxUnavailable 0"
    ],
    'publisher={"service":{"nodePort":30080,"loadBalancerClass":"a","allocateLoadBalancerNodePorts":false}}': [
        "publisher.service.nodePort: Kubernetes takes it of the type NodePort or LoadBalancer",
        "publisher.service.loadBalancerClass: Kubernetes takes it of the type LoadBalancer",
        "publisher.service.allocateLoadBalancerNodePorts: Kubernetes takes it of the type LoadBalancer",
    ],
    'jobs={"serviceAccountName":"corral-operator","serviceAccount":{"create":true}}': [
        "jobs: its serviceAccountName corral-operator is the operator's"
    ],
    "redis.enabled=false": ["redis.external.host, .url, or .urlKey"],
    "publisher.httpRoute.enabled=true": ["name the Gateway"],
    "publisher.autoscaling.minReplicas=50": ["minReplicas is above maxReplicas"],
    "workers=3": ["workers is not read: its name is pools and poolDefaults"],
    "replicaCount=3": ["replicaCount is not read: its name is publisher.replicas"],
    "postgresql.enabled=false": ["postgresql is not read: its name is postgres"],
}
"""What the schema takes, and the templates refuse."""
OTHERWISE = {
    "postgres.enabled=false": ["postgres.external.host, .url, or .urlKey"],
    "redis.tls.enabled=true": ["made out to corral-redis"],
    "redis.auth.passwordKey=": ["the chart's own Redis has a password"],
}
WITH_A_PASSWORD = {
    "postgres.enabled=false,postgres.external.url=postgresql://u:p@h/d": [
        "postgres.external.url holds a password",
        "put it into a Secret",
    ],
    "postgres.external.directUrl=postgresql://u@h/d?password=p": [
        "postgres.external.directUrl holds a password"
    ],
}


@pytest.mark.parametrize(
    "given",
    [UNREADABLE, CONTRADICTORY, OTHERWISE, WITH_A_PASSWORD],
    ids=["unreadable", "contradictory", "otherwise", "with-a-password"],
)
def test_each_wrong_value_is_refused(helm: Helm, given: dict[str, list[str]]) -> None:
    """All that are wrong at once, each with a message of its own."""
    arguments = [
        word for one in given for word in ("--set-json" if one.endswith(("]", "}")) else "--set", one)
    ]
    with pytest.raises(Refused) as refused:
        helm.render(*SECRET, *arguments)
    said = re.sub(r"\s+", " ", str(refused.value))
    for one, messages in given.items():
        for message in messages:
            assert message in said, one


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
