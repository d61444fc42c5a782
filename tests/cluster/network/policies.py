"""What the NetworkPolicies of a namespace allow, asked for one flow at a time, as a network that enforces them would."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True)
class End:
    """One end of a flow: a pod, or an address outside of the cluster's pods."""

    address: str
    pod: Json | None = None
    namespace_labels: "frozenset[tuple[str, str]]" = frozenset()

    @property
    def name(self) -> str:
        """For people."""
        return str(self.pod["metadata"]["name"]) if self.pod else self.address

    @property
    def namespace(self) -> str | None:
        """The pod's."""
        return str(self.pod["metadata"]["namespace"]) if self.pod else None


@dataclass(frozen=True)
class Policies:
    """The policies of one namespace."""

    items: tuple[Json, ...]
    namespace: str

    def refusals(self, source: End, target: End, protocol: str, port: int) -> list[str]:
        """Why the flow would be dropped: at its source, at its target, or at both; nothing where it is allowed."""
        refused = []
        if source.namespace == self.namespace and not self._allowed("Egress", source, target, protocol, port):
            refused.append(f"egress of {source.name}")
        if target.namespace == self.namespace and not self._allowed(
            "Ingress", target, source, protocol, port
        ):
            refused.append(f"ingress of {target.name}")
        return refused

    def _allowed(self, direction: str, subject: End, other: End, protocol: str, port: int) -> bool:
        """Source: Kubernetes, Network Policies. A pod that no policy of a direction selects is open; else one must allow."""
        chosen = [
            policy["spec"]
            for policy in self.items
            if direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"].get("podSelector") or {}, _labels(subject))
        ]
        if not chosen:
            return True
        rules, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        served = subject if direction == "Ingress" else other
        return any(
            _port_allowed(rule.get("ports"), served, protocol, port)
            and (not rule.get(side) or any(self._peer(peer, other) for peer in rule[side]))
            for spec in chosen
            for rule in spec.get(rules) or ()
        )

    def _peer(self, peer: Json, end: End) -> bool:
        if block := peer.get("ipBlock"):
            address = ipaddress.ip_address(end.address)
            inside = address in ipaddress.ip_network(block["cidr"])
            return inside and not any(address in ipaddress.ip_network(one) for one in block.get("except", ()))
        if end.pod is None:
            return False
        if "namespaceSelector" in peer:
            there = selects(peer["namespaceSelector"] or {}, dict(end.namespace_labels))
        else:
            there = end.namespace == self.namespace
        return there and selects(peer.get("podSelector") or {}, _labels(end))


def selects(selector: Json, labels: dict[str, str]) -> bool:
    """Whether a label selector matches."""
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_matches(one, labels) for one in selector.get("matchExpressions") or ())


def _matches(expression: Json, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise AssertionError(expression)


def _port_allowed(ports: Iterable[Json] | None, served: End, protocol: str, port: int) -> bool:
    return not ports or any(
        one.get("protocol", "TCP").lower() == protocol
        and _number(one.get("port"), served, one.get("endPort"), port)
        for one in ports
    )


def _number(named: str | int | None, served: End, last: int | None, port: int) -> bool:
    if named is None:
        return True
    if isinstance(named, int):
        return named <= port <= (last or named)
    containers = served.pod["spec"]["containers"] if served.pod else ()
    return any(
        one.get("name") == named and one["containerPort"] == port
        for container in containers
        for one in container.get("ports", ())
    )


def _labels(end: End) -> dict[str, str]:
    return dict(end.pod["metadata"].get("labels", {})) if end.pod else {}
