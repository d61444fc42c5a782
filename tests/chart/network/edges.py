"""What rendered network policies allow, decided as a network plug-in does: by labels, ports and addresses."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from tests.chart.helm import Manifest
from tests.chart.objects import of_kind, pods

ADDRESSES = {
    "dns": "10.96.0.10",
    "api-server": "198.51.100.1",
    "outside": "93.184.216.34",
    "private": "10.9.9.9",
}
"""Ends that are no pods of ours."""


class Edges:
    """The policies of one rendering."""

    def __init__(self, objects: list[Manifest]) -> None:
        self._policies = of_kind(objects, "NetworkPolicy")
        self._labels: dict[str, dict[str, str]] = {"anybody": {"app": "somebody-else"}}
        self._ports: dict[str, dict[str, int]] = {}
        for _, meta, spec in pods(objects):
            component = meta["labels"]["app.kubernetes.io/component"]
            self._labels[component] = meta["labels"]
            self._ports[component] = {
                port["name"]: port["containerPort"] for c in spec["containers"] for port in c.get("ports", ())
            }

    def allow(self, source: str, target: str, port: int) -> bool:
        """Whether both ends let it through."""
        return self._lets(source, target, port, "egress", "to") and self._lets(
            target, source, port, "ingress", "from"
        )

    def egress(self, source: str) -> set[tuple[str, int]]:
        """Address ranges and ports that a pod may reach."""
        return {
            (peer["ipBlock"]["cidr"], port["port"])
            for rule in self._rules(source, "egress") or ()
            for peer in rule.get("to", ())
            if "ipBlock" in peer
            for port in rule["ports"]
        }

    def _lets(self, pod: str, other: str, port: int, way: str, peers: str) -> bool:
        rules = self._rules(pod, way)
        if rules is None:
            return True
        server = pod if way == "ingress" else other
        return any(
            any(self._number(p["port"], server) == port for p in rule["ports"])
            and (peers not in rule or any(self._is(peer, other) for peer in rule[peers]))
            for rule in rules
        )

    def _rules(self, pod: str, way: str) -> list[Any] | None:
        """The rules of all policies that select the pod; None where none does, and everything is allowed."""
        if pod not in self._labels or pod == "anybody":
            return None
        chosen = [
            policy["spec"]
            for policy in self._policies
            if way.title() in policy["spec"]["policyTypes"]
            and self._selects(policy["spec"]["podSelector"], pod)
        ]
        return [rule for spec in chosen for rule in spec.get(way, ())] if chosen else None

    def _number(self, port: int | str, server: str) -> int | None:
        return port if isinstance(port, int) else self._ports.get(server, {}).get(port)

    def _is(self, peer: Any, other: str) -> bool:
        if "ipBlock" in peer:
            if other not in ADDRESSES:
                return False
            address = ip_address(ADDRESSES[other])
            inside = [ip_network(cidr) for cidr in peer["ipBlock"].get("except", ())]
            return address in ip_network(peer["ipBlock"]["cidr"]) and not any(
                address in net for net in inside
            )
        if "namespaceSelector" in peer:
            return not peer["namespaceSelector"] and other in self._labels
        return other in self._labels and self._selects(peer["podSelector"], other)

    def _selects(self, selector: Any, pod: str) -> bool:
        return all(self._matches(selector, self._labels[pod]))

    def _matches(self, selector: Any, labels: dict[str, str]) -> Iterator[bool]:
        for key, value in selector.get("matchLabels", {}).items():
            yield labels.get(key) == value
        for wanted in selector.get("matchExpressions", ()):
            assert wanted["operator"] == "In"
            yield labels.get(wanted["key"]) in wanted["values"]
