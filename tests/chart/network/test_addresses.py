"""What addresses say and what policies open is the same, in each form of both."""

import json
from itertools import zip_longest
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from redis.asyncio.connection import parse_url
from tests.chart.helm import Helm, Manifest, Refused
from tests.chart.network.edges import Edges
from tests.chart.objects import containers, of_kind, one

from corral.settings import Settings


def rendered(helm: Helm, **values: Any) -> list[Manifest]:
    return helm.render(values={"existingSecret": "x", **values})


def ports(objects: list[Manifest], to: str) -> set[int]:
    policy = one(objects, "NetworkPolicy", f"corral-to-{to}")
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def environment(objects: list[Manifest]) -> dict[str, str]:
    (worker,) = [c for where, c in containers(objects) if "worker-io, container worker" in where]
    return {entry["name"]: entry.get("value", "a-secret-value") for entry in worker["env"]}


POSTGRES = {
    "host": ({"host": "db"}, {5432}),
    "host and port": ({"host": "db", "port": 6432}, {6432}),
    "url": ({"url": "postgresql://corral@db:6432/corral"}, {6432}),
    "url without a port": ({"url": "postgresql://corral@db/corral"}, {5432}),
    "url with a port among its parameters": ({"url": "postgresql:///corral?host=a,b&port=5433,5434"}, {5433, 5434}),
    "direct port beside a pooled one": ({"host": "pooler", "port": 6432, "directHost": "db", "directPort": 5433}, {6432, 5433}),
    "direct url": ({"url": "postgresql://c@p:6432/c", "directUrl": "postgresql://c@d:5444/c"}, {6432, 5444}),
    "url in a Secret": ({"urlKey": "url"}, {5432}),
    "url in a Secret, on another port": ({"urlKey": "url", "port": 6432}, {6432}),
    "both in a Secret": ({"urlKey": "url", "port": 6432, "directUrlKey": "direct", "directPort": 5433}, {6432, 5433}),
    "several hosts": ({"host": "a,b:5433 , [fd00::1]:5434"}, {5432, 5433, 5434}),
    "several hosts in a url": ({"url": "postgresql://c@a:1111,b:2222,[fd00::1]/c"}, {1111, 2222, 5432}),
    "a bare IPv6 address": ({"host": "fd00::5", "port": 6432}, {6432}),
    "zeros in front of ports": ({"host": "db:05433,other:08080"}, {5433, 8080}),
    "an IPv6 address in brackets": ({"host": "[fd00::5]:7000"}, {7000}),
    "an IPv6 address in a url": ({"url": "postgresql://c@[fd00::5]:7000/c"}, {7000}),
}  # fmt: skip


REDIS = {
    "host": ({"host": "cache"}, {6379}),
    "a bare IPv6 address": ({"host": "fd00::8", "port": 6380}, {6380}),
    "an IPv6 address in a url": ({"url": "rediss://corral@[fd00::8]:6381/2"}, {6381}),
    "zeros in front of a port": ({"url": "redis://cache:07000/1"}, {7000}),
    "url without a port": ({"url": "redis://cache/1"}, {6379}),
    "url in a Secret, on another port": ({"urlKey": "url", "port": 7000}, {7000}),
}
ODD = "a b+c@d/e:f?g#h%20&i=j"
BOTH = list(zip_longest(POSTGRES, REDIS, fillvalue="host"))
"""Neither looks at the other's values, so a rendering shows a form of each."""
SECRETS = {
    "CORRAL_DATABASE_URL": "postgresql://corral:secret@db/corral",
    "CORRAL_DATABASE_DIRECT_URL": "postgresql://corral:secret@db/corral",
    "CORRAL_REDIS_URL": "redis://:secret@cache:7000/0",
}


@pytest.mark.parametrize(("postgres", "redis"), BOTH, ids=[f"postgres {p}, redis {r}" for p, r in BOTH])
def test_the_policies_open_the_ports_of_both_servers(helm: Helm, postgres: str, redis: str) -> None:
    (database, expected), (cache, expected_of_redis) = POSTGRES[postgres], REDIS[redis]
    objects = rendered(
        helm,
        postgres={"enabled": False, "external": database},
        redis={"enabled": False, "external": cache},
    )
    assert ports(objects, "postgres") == expected
    assert ports(objects, "redis") == expected_of_redis
    env = environment(objects)
    for name, secret in SECRETS.items():
        if env.get(name) == "a-secret-value":
            env[name] = secret
    read = Settings.load(env)
    assert read.database_url, "the services read it"
    assert read.redis_url


def test_names_reach_the_servers_as_they_were_given(helm: Helm) -> None:
    """Whatever stands in them: in an address a plus sign is no space, and a space no plus sign."""
    external = {"host": "db", "user": ODD, "database": ODD}
    cache = {"host": "cache", "user": ODD}
    objects = rendered(
        helm,
        postgres={"enabled": False, "external": external},
        redis={"enabled": False, "external": cache},
    )
    env = environment(objects)
    told = conninfo_to_dict(env["CORRAL_DATABASE_URL"])
    assert (told["user"], told["dbname"]) == (ODD, ODD)
    assert parse_url(env["CORRAL_REDIS_URL"])["username"] == ODD


def test_ports_that_the_values_name_go_before_all(helm: Helm) -> None:
    objects = rendered(
        helm,
        postgres={"enabled": False, "external": {"urlKey": "url"}},
        redis={"enabled": False, "external": {"urlKey": "redis-url"}},
        networkPolicy={"postgresPorts": [6543, 6544], "redisPorts": [26379]},
    )  # fmt: skip
    assert (ports(objects, "postgres"), ports(objects, "redis")) == ({6543, 6544}, {26379})


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [("http://proxy.example.com:3128", 3128), ("https://[fd00::9]", 443), ("http://proxy", 80)],
)
def test_the_policy_opens_the_port_of_the_proxy(helm: Helm, proxy: str, expected: int) -> None:
    """Also where it is inside, and only one pool has it; nobody but workers sends through it."""
    pools = [{"name": "io", "queues": ["a"]}, {"name": "out", "queues": ["b"], "settings": {"CORRAL_OUTGOING_PROXY": proxy}}]  # fmt: skip
    edges = Edges(rendered(helm, pools=pools))
    assert edges.allow("worker", "private", expected)
    assert not edges.allow("publisher", "private", expected)


def test_the_proxy_is_reached_where_the_values_say_it_is(helm: Helm) -> None:
    to = [{"ipBlock": {"cidr": "10.9.9.0/24"}}]
    settings = {"CORRAL_OUTGOING_PROXY": "http://proxy.example.com:3128"}
    objects = rendered(helm, settings=settings, networkPolicy={"proxyTo": to})
    assert ports(objects, "proxy") == {3128}
    edges = Edges(objects)
    assert edges.allow("worker", "private", 3128)
    assert not edges.allow("worker", "outside", 3128)


def test_dns_is_reached_behind_its_service_too(helm: Helm) -> None:
    policy = one(helm.variant("defaults"), "NetworkPolicy", "corral-dns")
    opened = {(port["port"], port["protocol"]) for port in policy["spec"]["egress"][0]["ports"]}
    assert opened == {(port, protocol) for port in (53, 5353) for protocol in ("UDP", "TCP")}


def test_under_cilium_the_api_server_is_an_entity(each_helm: Helm) -> None:
    objects = each_helm.variant("cilium")
    (policy,) = of_kind(objects, "CiliumNetworkPolicy")
    assert policy["spec"]["egress"] == [
        {
            "toEntities": ["kube-apiserver"],
            "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}, {"port": "6443", "protocol": "TCP"}]}],
        }
    ]
    assert "corral-to-api-server" not in {
        found["metadata"]["name"] for found in of_kind(objects, "NetworkPolicy")
    }


def test_both_families_are_open_by_default_and_their_inside_is_not(helm: Helm) -> None:
    edges = Edges(helm.variant("defaults"))
    assert {("::/0", 443), ("0.0.0.0/0", 443)} <= edges.egress("worker")
    assert {("::/0", 6443), ("0.0.0.0/0", 6443)} <= edges.egress("operator")


def test_an_exception_stands_only_within_the_range_that_holds_it(helm: Helm) -> None:
    """Kubernetes refuses an exception that is not within its range, and the whole policy with it."""
    policy = one(helm.variant("cilium"), "NetworkPolicy", "corral-outside")
    blocks = {
        peer["ipBlock"]["cidr"]: peer["ipBlock"].get("except", [])
        for peer in policy["spec"]["egress"][0]["to"]
    }
    assert blocks == {
        "::/0": ["fc00::/7"],
        "0.0.0.0/0": ["10.0.0.0/8", "10.33.0.0/16", "10.64.0.0/16"],
        "10.32.0.0/11": ["10.33.0.0/16"],
    }  # fmt: skip


def test_every_component_may_have_rules_of_its_own(helm: Helm) -> None:
    objects = helm.variant("cilium")
    own = {found["metadata"]["name"]: found["spec"] for found in of_kind(objects, "NetworkPolicy") if "-own-" in found["metadata"]["name"]}  # fmt: skip
    assert set(own) == {f"corral-own-{name}" for name in ("publisher", "worker", "operator", "jobs")}
    assert own["corral-own-publisher"]["policyTypes"] == ["Ingress"]
    assert own["corral-own-worker"]["egress"] == [{"to": [{"ipBlock": {"cidr": "::/0"}}]}]
    (chosen,) = own["corral-own-jobs"]["podSelector"]["matchExpressions"]
    assert chosen["values"] == ["migrate", "types", "admin", "test"]


def test_every_pod_may_have_a_rule_too(helm: Helm) -> None:
    """A service mesh has ports of its own on every pod, the servers, Jobs and the mail sink too."""
    rule = {"ports": [{"port": 4143}]}
    objects = helm.render(
        values={"existingSecret": "x", "mail": {"sink": True}, "networkPolicy": {"rules": {"every": {"ingress": [rule], "egress": [rule]}}}}
    )  # fmt: skip
    spec = one(objects, "NetworkPolicy", "corral-own-every")["spec"]
    assert (spec["ingress"], spec["egress"]) == ([rule], [rule])
    assert spec["podSelector"] == one(objects, "NetworkPolicy", "corral-default-deny")["spec"]["podSelector"]
    edges = Edges(objects)
    assert edges.allow("worker", "postgres", 4143)
    assert edges.allow("types", "postgres", 4143)
    assert not edges.allow("worker", "redis", 15008)


def test_a_wildcard_stands_in_routes_and_never_in_links(helm: Helm) -> None:
    objects = helm.variant("cilium")
    (ingress,) = of_kind(objects, "Ingress")
    assert ingress["spec"]["rules"][0]["host"] == "*.example.org"
    with pytest.raises(Refused, match=r"publisher.publicUrl: .*stands for many names"):
        helm.render("--set", "existingSecret=x,publisher.ingress.enabled=true,publisher.ingress.host=*.a.org")


def test_keda_reads_an_ipv6_address(helm: Helm) -> None:
    objects = helm.render(
        *("--set", "existingSecret=x,operator.enabled=false,keda.enabled=true,redis.enabled=false"),
        *("--set-json", "redis.external=" + json.dumps({"host": "fd00::8"})),
    )
    addresses = {trigger["metadata"]["address"] for found in of_kind(objects, "ScaledObject") for trigger in found["spec"]["triggers"]}  # fmt: skip
    assert addresses == {"[fd00::8]:6379"}
