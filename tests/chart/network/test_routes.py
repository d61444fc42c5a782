"""How the publisher is reached from outside."""

from tests.chart.helm import Helm
from tests.chart.objects import of_kind


def test_a_route_says_what_the_api_server_would_fill_in(each_helm: Helm) -> None:
    """Else Argo CD sees a difference for ever. Source: Gateway API, HTTPRoute, the defaults of its fields."""
    (route,) = of_kind(each_helm.variant("everything"), "HTTPRoute")
    assert route["spec"]["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "gateways"}
    ]
    (rule,) = route["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert rule["backendRefs"] == [
        {"group": "", "kind": "Service", "name": "corral-publisher", "port": 80, "weight": 1}
    ]


def test_a_parents_own_kind_stays(helm: Helm) -> None:
    objects = helm.render(
        *("--set", "existingSecret=x", "--set", "publisher.httpRoute.enabled=true"),
        *(
            "--set-json",
            'publisher.httpRoute.parentRefs=[{"name":"mesh","kind":"Service","group":"","port":80}]',
        ),
    )
    (route,) = of_kind(objects, "HTTPRoute")
    assert route["spec"]["parentRefs"] == [{"group": "", "kind": "Service", "name": "mesh", "port": 80}]
