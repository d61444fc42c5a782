"""The network policies: what must flow may, and nothing else."""

import pytest
from tests.chart.helm import Helm
from tests.chart.network.edges import ADDRESSES, Edges

NEEDED = {
    ("publisher", "postgres", 5432), ("publisher", "redis", 6379), ("publisher", "dns", 53),
    ("worker", "postgres", 5432), ("worker", "redis", 6379), ("worker", "dns", 53), ("worker", "outside", 443),
    ("operator", "redis", 6379), ("operator", "api-server", 6443), ("operator", "dns", 53),
    ("migrate", "postgres", 5432), ("migrate", "dns", 53),
    ("types", "postgres", 5432), ("types", "dns", 53),
    ("admin", "postgres", 5432), ("admin", "dns", 53),
    ("test", "publisher", 8000), ("test", "dns", 53),
    ("anybody", "publisher", 8000),
    ("anybody", "publisher", 9100), ("anybody", "worker", 9100), ("anybody", "operator", 9102),
}  # fmt: skip
FROM = [
    "publisher",
    "worker",
    "operator",
    "migrate",
    "types",
    "admin",
    "test",
    "postgres",
    "redis",
    "anybody",
]
TO = {
    "publisher": [8000, 9100],
    "worker": [8001, 9100],
    "operator": [9102],
    "postgres": [5432],
    "redis": [6379],
    "dns": [53],
    "api-server": [6443],
    "outside": [443, 5432],
    "private": [443],
}


def test_exactly_the_needed_edges_are_open(helm: Helm) -> None:
    edges = Edges(helm.variant("defaults"))
    open_ones = {
        (source, target, port) for source in FROM for target, ports in TO.items() for port in ports
        if source != target and not (source == "anybody" and target in ADDRESSES) and edges.allow(source, target, port)
    }  # fmt: skip
    # The addresses of the API server are a value; by default any, on its ports, so these come with it.
    by_default = {("operator", "outside", 443), ("operator", "private", 443)}
    # Everybody in the cluster may read metrics and pages until the values say who.
    inside = {
        (source, target, port) for source in FROM for target, port in
        [("publisher", 8000), ("publisher", 9100), ("worker", 9100), ("operator", 9102)]
    }  # fmt: skip
    assert open_ones >= NEEDED
    assert open_ones <= NEEDED | by_default | inside
    assert not edges.allow("postgres", "outside", 443)
    assert not edges.allow("worker", "private", 443)


def test_values_narrow_the_edges(helm: Helm) -> None:
    edges = Edges(
        helm.render(
            *("--set", "existingSecret=x", "--set", "networkPolicy.apiServer.cidrs={198.51.100.1/32}"),
            *("--set-json", 'networkPolicy.publisherFrom=[{"podSelector":{"matchLabels":{"app":"proxy"}}}]'),
            *("--set-json", "networkPolicy.metricsFrom=[]", "--set", "networkPolicy.outside.workers=false"),
        )
    )
    assert edges.allow("operator", "api-server", 6443)
    assert not edges.allow("operator", "outside", 443)
    assert not edges.allow("worker", "outside", 443)
    assert not edges.allow("anybody", "publisher", 8000)
    assert not edges.allow("anybody", "worker", 9100)
    assert edges.allow("test", "publisher", 8000)


def test_external_servers_are_reached_where_they_are(helm: Helm) -> None:
    egress = Edges(helm.variant("external")).egress("worker")
    assert ("10.1.2.0/24", 6432) in egress
    assert ("10.1.2.0/24", 5432) in egress, "the way without the pooler"
    assert ("10.1.3.0/24", 6380) in egress


@pytest.mark.parametrize("component", ["postgres", "redis"])
def test_servers_reach_nobody(helm: Helm, component: str) -> None:
    assert not Edges(helm.variant("defaults")).egress(component)
