"""Stand-ins for what is outside of Corral, in a pod beside it: a feed server, a receiver of webhooks, a provider."""

import json
from typing import Any

from tests.cluster.cluster import apply, until
from tests.cluster.files import Files
from tests.cluster.images import Images
from tests.cluster.namespace import Namespace, ready
from tests.cluster.node import ROOT

Json = Any
NAME = "outside"
LABELS = {"app": NAME}
FEEDS, RECEIVER, PROVIDERS = 8001, 8002, 8003
LISTEN = "0.0.0.0"
MODULES = Files.of("stand-ins", ROOT, ["demo/__init__.py", "demo/stand_ins"])
PROVIDER_MODULES = Files.of(
    "provider-stand-ins", ROOT / "services/local", ["corral_local/__init__.py", "corral_local/stand_in"]
)
COMMANDS = {
    FEEDS: ["demo.stand_ins.feed_server", "/srv/feeds", LISTEN, str(FEEDS)],
    RECEIVER: ["demo.stand_ins.receiver", "/srv", LISTEN, str(RECEIVER)],
    PROVIDERS: ["corral_local.stand_in", "--host", LISTEN, "--port", str(PROVIDERS)],
}


class Outside:
    """One pod with a container for each, and their Service."""

    def __init__(self, namespace: Namespace, images: Images, feeds: dict[str, str]) -> None:
        """`feeds` are the files that the feed server has."""
        self._namespace = namespace
        served = Files("feeds", feeds)
        metadata = {"name": NAME, "namespace": namespace.name, "labels": LABELS}
        ports = [{"name": f"port-{port}", "port": port} for port in COMMANDS]
        apply(
            *(files.config_map(namespace.name) for files in (MODULES, PROVIDER_MODULES, served)),
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": LABELS, "ports": ports}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _pod(images, served)},
        )  # fmt: skip
        self.address = str(namespace.get("services", NAME)["spec"]["clusterIP"])
        """Of the Service; it is of the cluster's inside, so workers must be allowed to reach it."""

    def wait(self, seconds: float) -> None:
        """Wait until all of them listen."""
        until(lambda: ready(self._namespace.get("pods", NAME)), "the stand-ins listen", seconds)

    def url(self, port: int) -> str:
        """Where pods reach one of them."""
        return f"http://{NAME}:{port}"

    def allowed(self) -> Json:
        """The egress rule that lets workers reach it, where the network enforces policies."""
        ports = [{"protocol": "TCP", "port": port} for port in COMMANDS]
        return {"to": [{"podSelector": {"matchLabels": LABELS}}], "ports": ports}

    def received(self) -> list[Json]:
        """What the receiver was sent, the oldest first."""
        said = self._namespace.exec(NAME, "sh", "-c", "cat /srv/requests 2>/dev/null || true")
        return [json.loads(line) for line in said.splitlines()]

    def counts(self) -> Json:
        """What the provider counted, by name."""
        ask = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{PROVIDERS}/counts').read().decode())"
        return json.loads(self._namespace.exec(NAME, "python", "-c", ask))


def _pod(images: Images, served: Files) -> Json:
    mounts = [
        {"name": MODULES.name, "mountPath": "/stand-ins/demo", "subPath": "demo"},
        {"name": PROVIDER_MODULES.name, "mountPath": "/stand-ins/corral_local", "subPath": "corral_local"},
        {"name": "srv", "mountPath": "/srv"},
        {"name": served.name, "mountPath": "/srv/feeds"},
    ]
    containers = [
        {
            "name": f"port-{port}",
            "image": images.name("publisher"),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", "-m", *command],
            "env": [{"name": "PYTHONPATH", "value": "/stand-ins"}],
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": mounts,
        }
        for port, command in COMMANDS.items()
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": [
            *(files.volume() for files in (MODULES, PROVIDER_MODULES, served)),
            {"name": "srv", "emptyDir": {}},
        ],
    }
