"""Result 8. What pods say to each other is what the NetworkPolicies allow. The cluster enforces none: flows are compared."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cluster.cluster import Cluster, until
from tests.cluster.goals import Goals
from tests.cluster.network.policies import End, Policies
from tests.cluster.node import Flow, Node
from tests.cluster.release import Release

NEEDED = {
    ("publisher", "postgres", 5432),
    ("publisher", "redis", 6379),
    ("worker", "postgres", 5432),
    ("worker", "redis", 6379),
    ("operator", "redis", 6379),
    ("migrate", "postgres", 5432),
    ("types", "postgres", 5432),
    ("admin", "postgres", 5432),
    ("test", "publisher", 8000),
}
"""Edges that must be seen, or the comparison says nothing: component to component, port."""


class Seen:
    """Pods by address over time: a Job's pod may be gone when its flow is looked at."""

    def __init__(self, cluster: Cluster, before: frozenset[Flow]) -> None:
        self._cluster = cluster
        self._before = before  # of pods that had the same addresses
        self.ends: dict[str, End] = {}
        self._services: set[str] = set()
        self.flows: set[Flow] = set()

    def look(self, node: Node) -> None:
        """Note all pods and all flows of now."""
        labels = {
            one["metadata"]["name"]: frozenset(one["metadata"].get("labels", {}).items())
            for one in self._cluster.ask("/api/v1/namespaces")["items"]
        }
        for pod in self._cluster.ask("/api/v1/pods")["items"]:
            if address := pod["status"].get("podIP"):
                self.ends[address] = End(address, pod, labels.get(pod["metadata"]["namespace"], frozenset()))
        self._services |= {
            one["spec"].get("clusterIP", "") for one in self._cluster.ask("/api/v1/services")["items"]
        }
        self.flows |= {flow for flow in node.flows() if self._reached_somebody(flow)} - self._before

    @contextmanager
    def looking(self, node: Node) -> Iterator[None]:
        """Note what there is while its `with` lasts."""
        enough = threading.Event()

        def look_on() -> None:
            while not enough.wait(0.3):
                self.look(node)

        thread = threading.Thread(target=look_on, name="flows", daemon=True)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join(10)

    def _reached_somebody(self, flow: Flow) -> bool:
        """A connection to a Service without a ready pod is refused before it has a target that a policy could speak of."""
        return flow.answered or flow.target not in self._services

    def end(self, address: str) -> End:
        """Who has, or had, the address."""
        return self.ends.get(address, End(address))


@pytest.fixture(scope="module")
def seen(release: Release, node: Node | None) -> Seen:
    """Everything that was said during an install, a test, a report and a scale-up."""
    if node is None:
        pytest.skip(
            "the node's conntrack can't be read here: CORRAL_TEST_CLUSTER names the command that rules the node"
        )
    seen = Seen(release.namespace.cluster, frozenset(node.flows()))
    release.install(wait=False)

    def installed() -> bool:
        seen.look(node)
        assert release.namespace.pods("publisher"), "no publisher"
        release.namespace.wait_ready("publisher", 1, 1)
        release.namespace.wait_jobs(1)
        return True

    until(installed, "it is installed", 240)
    with seen.looking(node):  # the test's pod is gone when its job is done
        release.test()
    job = release.client.submit("report.generate", {"title": "Flows", "csv": "a,b\n1,2\n"}, wait=60)
    assert job["state"] == "completed", job
    seen.look(node)
    return seen


def test_every_flow_between_pods_is_allowed_by_the_policies(
    release: Release, seen: Seen, goals: Goals
) -> None:
    namespace = release.namespace.name
    policies = Policies(tuple(release.namespace.every("networkpolicies")), namespace)
    assert policies.items, "the chart made no policies"
    edges: set[tuple[str, str, int]] = set()
    refused: dict[str, int] = {}
    compared = 0
    for flow in seen.flows:
        source, target = seen.end(flow.source), seen.end(flow.target)
        if namespace not in {source.namespace, target.namespace} or probes(flow, seen):
            continue
        compared += 1
        edges.add((component(source), component(target), flow.port))
        for why in policies.refusals(source, target, flow.protocol, flow.port):
            edge = f"{component(source)} to {component(target)}:{flow.port}/{flow.protocol}, {why}"
            refused[edge] = refused.get(edge, 0) + 1
    goals.note(f"network: {compared} flows compared, edges {json.dumps(sorted(edges))}")
    missing = NEEDED - edges
    assert not missing, f"never seen, so not compared: {sorted(missing)}"
    goals.none("network: flows that the policies would drop", sum(refused.values()))
    assert not refused, refused


def test_the_comparison_notices_a_policy_that_is_missing(release: Release, seen: Seen) -> None:
    """Without one of the policies the same flows would be dropped."""
    everything = release.namespace.every("networkpolicies")
    fewer = tuple(one for one in everything if not one["metadata"]["name"].endswith("-to-redis"))
    assert len(fewer) == len(everything) - 1
    policies = Policies(fewer, release.namespace.name)
    dropped = [
        flow
        for flow in seen.flows
        if policies.refusals(seen.end(flow.source), seen.end(flow.target), flow.protocol, flow.port)
    ]
    assert {flow.port for flow in dropped} >= {6379}


def probes(flow: Flow, seen: Seen) -> bool:
    """From the node itself: the kubelet's probes, and port-forwards, which no policy holds up."""
    source = seen.end(flow.source)
    return source.pod is None and seen.end(flow.target).pod is not None


def component(end: End) -> str:
    """What Corral calls it; else its name or its address."""
    labels = end.pod["metadata"].get("labels", {}) if end.pod else {}
    return str(labels.get("app.kubernetes.io/component", end.name))
