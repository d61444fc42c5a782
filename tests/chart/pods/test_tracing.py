"""Traces in the chart: where spans go, whom the policies let reach it, and nothing of it without an endpoint."""

import pytest
from tests.chart.helm import Helm
from tests.chart.network.edges import Edges
from tests.chart.network.test_addresses import environment, ports, rendered
from tests.chart.objects import containers

ENDPOINT = "http://collector.observability:4318"


def test_publishers_and_workers_are_told_the_collector_and_may_reach_it(helm: Helm) -> None:
    objects = rendered(
        helm, tracing={"endpoint": ENDPOINT, "ratio": 0.25, "existingSecret": "mine", "headersKey": "h"}
    )
    (publisher,) = [one for where, one in containers(objects) if "container publisher" in where]
    assert ENDPOINT in [entry.get("value") for entry in publisher["env"]]
    env = environment(objects)
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == ENDPOINT
    assert (env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"]) == (
        "parentbased_traceidratio",
        "0.25",
    )
    assert "OTEL_EXPORTER_OTLP_HEADERS" in env
    assert ports(objects, "collector") == {4318}
    edges = Edges(objects)
    for component in ("publisher", "worker"):
        assert edges.allow(component, "private", 4318)
    assert not edges.allow("operator", "private", 4318)


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("https://otlp.example.com", 443), ("http://collector", 80), ("http://[fd00::9]:55681", 55681)],
)
def test_the_policy_opens_the_port_of_the_endpoint(helm: Helm, endpoint: str, port: int) -> None:
    assert ports(rendered(helm, tracing={"endpoint": endpoint}), "collector") == {port}


def test_the_collector_is_reached_where_the_values_say_it_is(helm: Helm) -> None:
    to = [{"ipBlock": {"cidr": "10.9.9.0/24"}}]
    objects = rendered(helm, tracing={"endpoint": ENDPOINT}, networkPolicy={"tracingTo": to})
    edges = Edges(objects)
    assert edges.allow("publisher", "private", 4318)
    assert not edges.allow("publisher", "outside", 4318)


def test_without_an_endpoint_there_is_nothing_of_it(helm: Helm) -> None:
    objects = rendered(helm, tracing={"ratio": 0.5})
    assert not [name for name in environment(objects) if name.startswith("OTEL_")]
    assert not [one for one in objects if one["metadata"]["name"].endswith("-to-collector")]
