"""Every scalar comes out as it was given, whatever YAML takes its look for."""

import json
import re
from typing import Any

import pytest
import yaml
from tests.chart.helm import CHART, Helm, Manifest, Refused, load_all
from tests.chart.objects import containers, one, values_within
from tests.chart.values.filled import filled, merged

FORMS = ["on", "y", "null", "1e5", "0123", "0x1f"]
"""Texts that YAML reads as something else where nobody quotes them."""
WORD = "zqx"
"""A text that looks like nothing else, and stands nowhere else in what is rendered."""
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
MADE = filled(SCHEMA, [WORD, *FORMS])
"""Every value that takes all of them, each list with an entry of it."""
ON, CREATED = {"enabled": True}, {"create": True}
SERVICE = {"type": "LoadBalancer"}
OWN: dict[str, Any] = {
    "publisher": {
        "ingress": {**ON, "tls": ON},
        "httpRoute": ON,
        "service": SERVICE,
        "serviceAccount": CREATED,
    },
    "poolDefaults": {"serviceAccount": CREATED},
    "operator": {"serviceAccount": {"create": False}},
    "postgres": {
        "tls": ON,
        "external": None,
        "serviceAccount": CREATED,
        "persistence": {"existingClaim": ""},
    },
    "redis": {"tls": ON, "external": None, "serviceAccount": CREATED},
    "jobs": {"serviceAccount": CREATED},
    "rbac": {"aggregate": True},
    "networkPolicy": {"publisherFrom": [], "metricsFrom": []},
    "monitoring": {"podMonitor": ON, "serviceMonitor": ON, "prometheusRule": ON, "dashboard": ON},
}
EXTERNAL: dict[str, Any] = {
    "operator": {"enabled": False},
    "publisher": {"service": SERVICE},
    "keda": ON,
    "postgres": {"enabled": False, "external": {"urlKey": "", "directUrlKey": ""}},
    "redis": {"enabled": False, "external": {"urlKey": "", "tls": ON}},
}
NUMBERS = {
    "settings": {
        "CORRAL_MAX_PAYLOAD_BYTES": 2097152, "CORRAL_DEFAULT_KEEP_FINISHED": 31536000,
        "CORRAL_LOG_FORMAT": 2097152, "CORRAL_OUTGOING_PROXY": 2097152,
    },
    "operator": {"image": {"tag": 0}},
    "image": {"tag": 20260101},
    "jobs": {"ttlSecondsAfterFinished": 2592000},
    "poolDefaults": {"resources": {"limits": {"memory": 1073741824, "cpu": 1.5}}},
    "postgres": {
        "config": {"max_wal_size": 2097152, "random_page_cost": 1.25, "wal_compression": True, "jit": False},
        "persistence": {"size": 107374182400},
    },
    "redis": {
        "config": {"repl-backlog-size": 104857600, "lazyfree-lazy-eviction": True, "save": "", "rename-command": "A B"},
        "maxmemory": 402653184,
        "image": {"tag": 12345678},
    },
}  # fmt: skip


def rendered(helm: Helm, values: str, namespace: str = "jobs") -> list[Manifest]:
    return helm.render("--namespace", namespace, values=values)


def with_form(node: Any, form: str) -> Any:
    if isinstance(node, dict):
        return {with_form(key, form): with_form(value, form) for key, value in node.items()}
    if isinstance(node, list):
        return [with_form(value, form) for value in node]
    return node.replace(WORD, form) if isinstance(node, str) else node


def comparable(objects: list[Manifest]) -> str:
    """In an order of its own, without the hashes of Jobs and configurations."""
    texts = [json.dumps(found, sort_keys=True) for found in objects]
    return "\n".join(
        sorted(re.sub(r"(migrate|types-\w+|admin)-[0-9a-f]{10}|[0-9a-f]{64}", "hash", text) for text in texts)
    )


@pytest.mark.parametrize("switches", [OWN, EXTERNAL], ids=["own", "external"])
def test_a_text_stays_a_text(helm: Helm, switches: dict[str, Any]) -> None:
    """What is rendered with a word has the form in the word's place, as a text; every value has it."""
    values = merged(MADE, switches)
    word = rendered(helm, json.dumps(values), WORD)
    for form in FORMS:
        given = json.dumps(with_form(values, form))
        assert comparable(with_form(word, form)) == comparable(rendered(helm, given, form)), form


def test_a_number_stays_a_number(each_helm: Helm) -> None:
    objects = rendered(each_helm, yaml.safe_dump({"existingSecret": "x", **NUMBERS}))
    for found in values_within(objects):
        assert not re.search(r"\de\+\d", str(found)), found
    by_where = dict(containers(objects))
    worker = by_where["Deployment corral-worker-io, container worker"]
    env = {entry["name"]: entry.get("value") for entry in worker["env"]}
    assert env["CORRAL_MAX_PAYLOAD_BYTES"] == "2097152"
    assert env["CORRAL_DEFAULT_KEEP_FINISHED"] == "31536000"
    assert worker["image"] == "corral-worker:20260101"
    assert by_where["Deployment corral-operator, container operator"]["image"] == "corral-operator:0"
    assert worker["resources"]["limits"] == {"memory": 1073741824, "cpu": 1.5}
    claim = one(objects, "PersistentVolumeClaim", "corral-postgres")
    assert claim["spec"]["resources"]["requests"] == {"storage": "107374182400"}
    arguments = by_where["StatefulSet corral-postgres, container postgres"]["args"]
    assert {"max_wal_size=2097152", "random_page_cost=1.25", "wal_compression=on", "jit=off"} <= set(
        arguments
    )
    lines = one(objects, "ConfigMap", "corral-redis")["data"]["redis.conf"].splitlines()
    assert {
        *("repl-backlog-size 104857600", "lazyfree-lazy-eviction yes", 'save ""'),
        *("rename-command A B", "maxmemory 402653184"),
    } <= set(lines)  # fmt: skip
    assert by_where["StatefulSet corral-redis, container redis"]["image"] == "redis:12345678"


def test_a_tag_that_yaml_has_already_changed_is_refused_by_name(each_helm: Helm) -> None:
    with pytest.raises(Refused) as refused:
        rendered(each_helm, "existingSecret: x\nimage: {tag: 1234e56}\nredis: {image: {tag: 1.10}}\n")
    for path in ("image", "redis[/.]image"):
        assert re.search(rf"[ '/]{path}[/.]tag'?: ", str(refused.value))


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_a_directive_of_two_lines_is_refused(helm: Helm, end: str) -> None:
    """Whatever YAML takes for the end of a line."""
    with pytest.raises(Refused, match=r"redis[/.]config[/.]save"):
        helm.render(
            values=json.dumps({"existingSecret": "x", "redis": {"config": {"save": f"60 1{end}user on"}}})
        )


@pytest.mark.parametrize("no", ["False", "false", "off", "0", False, 0])
def test_no_demo_jobs_means_none_are_tried(helm: Helm, no: object) -> None:
    """Each way in which the settings take it."""
    given = json.dumps({"CORRAL_DEMO_JOBS": no})
    objects = helm.render("--set", "existingSecret=x", "--set-json", f"settings={given}")
    (container,) = one(objects, "Pod", "corral-test")["spec"]["containers"]
    assert container["args"][0] == "python"


def test_demo_jobs_that_no_pool_serves_are_not_tried(helm: Helm) -> None:
    pools = '[{"name":"io","queues":["email"]}]'
    objects = helm.render("--set", "existingSecret=x", "--set-json", f"pools={pools}")
    (container,) = one(objects, "Pod", "corral-test")["spec"]["containers"]
    assert container["args"][0] == "python"
    assert load_all(helm.text("--set", "existingSecret=x"))
