"""Kubernetes' API as far as the operator uses it: one Deployment, its pods, one pool, the Lease.

It answers over HTTP, refuses a change that names an old version, and takes pods as a ReplicaSet does: those
that are not ready first. On a real API server the same is tested in tests/cluster/operator.
"""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from corral_operator.cluster.api import Api
from corral_operator.cluster.cluster import Cluster

LABELS = {"app": "w"}
OWNED = [{"uid": "rs", "controller": True}]


@dataclass
class StandIn:
    """A pod with a worker in it."""

    name: str
    ready: bool = True
    jobs: int = 0
    sealed: bool = False


@dataclass
class Kubernetes:
    """The API server, and the controllers behind it."""

    replicas: int = 0
    pool: dict[str, Any] = field(default_factory=dict)
    """What the pool's spec says beside the usual."""
    slow: float = 0.0
    """Seconds that every answer takes."""
    hung: tuple[str, ...] = ()
    """Parts of paths that are never answered."""
    conflicts: int = 0
    """Changes of `scale` that are refused from now on, because the Deployment changed."""
    denied: tuple[int, str] | None = None
    """What a change of `scale` is refused with."""
    status_denied: str | None = None
    """What a write of a pool's status is refused with."""
    refused: list[str] = field(default_factory=list)
    """What was refused, each time."""
    quota: int | None = None
    """Pods that may be made at most."""
    pods: dict[str, StandIn] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    """Pods that were taken though their workers could claim."""
    deployment: dict[str, Any] = field(default_factory=dict)
    """What the Deployment's spec and status say beside the usual: `spec`, `status`."""
    lease: dict[str, Any] | None = field(default_factory=dict)
    """None where there is none."""
    lease_rights: tuple[str, ...] = ("get", "patch", "create")
    labels: dict[str, str] = field(default_factory=dict)
    """The pool's."""
    more_pools: list[dict[str, Any]] = field(default_factory=list)
    """Other pools; what their specs don't say is as in the pool's."""
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was written to each pool, by the names of their resources."""
    _version: int = 1
    _made: int = 0

    def changed(self) -> None:
        self._version += 1

    def bounds(self, minimum: int, maximum: int = 20) -> None:
        """Change the pool's spec."""
        self.pool = {"minReplicas": minimum, "maxReplicas": maximum}
        self.changed()

    def reconcile(self) -> None:
        """Source: Kubernetes, ReplicaSet, scaling down; of those that are not ready, the worst choice is made."""
        while len(self.pods) > self.replicas:
            worst = min(self.pods.values(), key=lambda one: (one.ready, one.sealed))
            self.interrupted += [worst.name] * bool(worst.jobs)
            self.unsealed += [worst.name] * (not worst.sealed)
            del self.pods[worst.name]
        while len(self.pods) < min(self.replicas, self.replicas if self.quota is None else self.quota):
            name = f"w-{self._made}"
            self._made += 1
            self.pods[name] = StandIn(name)
        self.changed()

    async def __aenter__(self) -> Self:
        self.reconcile()
        app = web.Application(middlewares=[self._paced])
        pools = "/apis/corral.dev/v1alpha1/namespaces/n/workerpools"
        apps = "/apis/apps/v1/namespaces/n"
        leases = "/apis/coordination.k8s.io/v1/namespaces/n/leases"
        lease = leases + "/l"
        app.router.add_get(pools, self._pools)
        app.router.add_patch(pools + "/{name}/status", self._write_status)
        app.router.add_get(apps + "/deployments/w", self._deployment)
        app.router.add_patch(apps + "/deployments/w/scale", self._scale)
        app.router.add_get(apps + "/replicasets", self._sets)
        app.router.add_get("/api/v1/namespaces/n/pods", self._pods)
        app.router.add_post("/api/v1/namespaces/n/events", self._event)
        app.router.add_get(lease, self._lease)
        app.router.add_post(leases, self._create_lease)
        app.router.add_patch(lease, self._write_lease)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        address, port = self._runner.addresses[0][:2]
        configuration = Configuration(host=f"http://{address}:{port}")
        self._api = Api(ApiClient(configuration), configuration)
        self.cluster = Cluster(self._api, "n")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.close()
        await self._runner.cleanup()

    def condition(self, name: str) -> dict[str, Any] | None:
        """Where it holds."""
        found = [one for one in self.status.get("conditions", ()) if one["type"] == name]
        return found[0] if found and found[0]["status"] == "True" else None

    @web.middleware
    async def _paced(self, request: web.Request, handler: Any) -> web.StreamResponse:
        while any(part in request.path for part in self.hung):  # noqa: ASYNC110  # a test sets plain values
            await asyncio.sleep(0.02)
        await asyncio.sleep(self.slow)
        return await handler(request)

    async def _pools(self, _: web.Request) -> web.Response:
        spec = {
            "scaleTargetRef": {"name": "w"}, "queues": ["q"], "minReplicas": 0, "maxReplicas": 20, "slots": 1,
            "scaleDown": {"stabilizationSeconds": 0},
        }  # fmt: skip
        version = {"resourceVersion": str(self._version)}
        usual = {"metadata": {"name": "io", "uid": "p", "labels": self.labels}, "spec": self.pool}
        items = [
            {
                "metadata": one["metadata"] | version,
                "spec": spec | one.get("spec", {}),
                "status": self.statuses.get(one["metadata"]["name"], {}),
            }
            for one in (usual, *self.more_pools)
        ]
        return web.json_response({"items": items, "metadata": version})

    async def _deployment(self, _: web.Request) -> web.Response:
        there = len(self.pods)
        document = {
            "metadata": {"name": "w", "uid": "d", "resourceVersion": str(self._version), "generation": 1},
            "spec": {"replicas": self.replicas, "selector": {"matchLabels": LABELS}} | self.deployment.get("spec", {}),
            "status": {
                "observedGeneration": 1,
                "replicas": there,
                "updatedReplicas": there,
                "readyReplicas": sum(one.ready for one in self.pods.values()),
            }
            | self.deployment.get("status", {}),
        }  # fmt: skip
        return web.json_response(document)

    async def _scale(self, request: web.Request) -> web.Response:
        change = await request.json()
        if self.denied is not None:
            status, message = self.denied
            self.refused.append(message)
            return web.json_response({"message": message}, status=status)
        if self.conflicts or change["metadata"]["resourceVersion"] != str(self._version):
            self.conflicts = max(0, self.conflicts - 1)
            return web.json_response({"message": "the object has been modified"}, status=409)
        self.replicas = change["spec"]["replicas"]
        self.reconcile()
        return web.json_response({})

    async def _sets(self, _: web.Request) -> web.Response:
        meta = {"name": "rs", "uid": "rs", "ownerReferences": [{"uid": "d", "controller": True}]}
        one = {"metadata": meta, "spec": {"replicas": self.replicas}, "status": {"replicas": len(self.pods)}}
        return web.json_response({"items": [one]})

    async def _pods(self, _: web.Request) -> web.Response:
        return web.json_response({"items": [_pod(one) for one in self.pods.values()]})

    async def _write_status(self, request: web.Request) -> web.Response:
        if self.status_denied is not None:
            self.refused.append(self.status_denied)
            return web.json_response({"message": self.status_denied}, status=403)
        status = self.statuses.setdefault(request.match_info["name"], {})
        status |= (await request.json())["status"]
        if request.match_info["name"] == "io":
            self.status = status
        return web.json_response({})

    async def _event(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        return web.json_response({})

    def _lease_answer(self, right: str) -> web.Response:
        if right not in self.lease_rights:
            message = (
                f'leases.coordination.k8s.io "l" is forbidden: User "x" cannot {right} resource "leases"'
            )
            return web.json_response({"message": message}, status=403)
        if self.lease is None:
            return web.json_response({"message": 'leases.coordination.k8s.io "l" not found'}, status=404)
        return web.json_response(
            {"metadata": {"resourceVersion": str(self.lease.get("n", 0))}, "spec": self.lease}
        )

    async def _lease(self, _: web.Request) -> web.Response:
        return self._lease_answer("get")

    async def _create_lease(self, request: web.Request) -> web.Response:
        given = await request.json()
        assert (given["kind"], given["metadata"]["name"]) == ("Lease", "l")
        if self.lease is not None:
            return web.json_response({"message": "already exists"}, status=409)
        if "create" in self.lease_rights:
            self.lease = dict(given["spec"])
        return self._lease_answer("create")

    async def _write_lease(self, request: web.Request) -> web.Response:
        if self.lease is not None and "patch" in self.lease_rights:
            self.lease |= (await request.json())["spec"] | {"n": self.lease.get("n", 0) + 1}
        return self._lease_answer("patch")


def _pod(one: StandIn) -> dict[str, Any]:
    return {
        "metadata": {"name": one.name, "ownerReferences": OWNED, "labels": LABELS},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(one.ready)}],
            "containerStatuses": [
                {"ready": one.ready, "restartCount": 0, "containerID": one.name, "state": {"running": {}}}
            ],
        },
    }
