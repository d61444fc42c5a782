"""All requests of the operator to Kubernetes, in one namespace. None of them changes a pod."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from corral.ids import new_id
from corral_operator.cluster.api import Api
from corral_operator.cluster.target import FIELD_MANAGER, Deployment, Owned
from corral_operator.cluster.worker_pool import GROUP, KIND, PLURAL, VERSION, WorkerPool


class LeaseRecord(NamedTuple):
    """The fields of a Lease, as they were read."""

    version: str
    holder: str
    renewed: str
    """The time that its holder wrote. It is compared only with itself, to see that it changes."""
    seconds: int
    transitions: int


class Cluster:
    """The operator's requests to Kubernetes, in one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self.namespace = api, namespace
        self._pools = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        self._core = f"/api/v1/namespaces/{namespace}"
        self._apps = f"/apis/apps/v1/namespaces/{namespace}"
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    async def pools(self) -> tuple[list[Mapping[str, Any]], int]:
        """All WorkerPools as documents, and the resource version of the list.

        Raises:
            ApiError: one of its kinds.
        """
        found = await self._api.get(self._pools)
        return found["items"], int(found["metadata"]["resourceVersion"])

    async def deployment(self, name: str) -> Deployment:
        """The Deployment of that name.

        Raises:
            ApiError: one of its kinds.
        """
        return Deployment.of(await self._api.get(f"{self._apps}/deployments/{name}"))

    async def owned(self, deployment: Deployment) -> Owned:
        """The pods and ReplicaSets of a Deployment. They are read after it, and so are not older than it.

        Raises:
            ApiError: one of its kinds.
        """
        query = {"labelSelector": deployment.selector}
        pods, sets = await asyncio.gather(
            self._api.get(f"{self._core}/pods", query), self._api.get(f"{self._apps}/replicasets", query)
        )
        return Owned.of(deployment, sets["items"], pods["items"])

    async def scale(self, name: str, replicas: int, version: str) -> None:
        """Set the number of replicas of a Deployment, if it has not changed since it was read.

        Raises:
            Outdated: it has changed since.
            ApiError: one of its kinds.
        """
        change = {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}}
        await self._api.patch(f"{self._apps}/deployments/{name}/scale", change)

    async def write_status(self, pool: WorkerPool, status: Mapping[str, Any]) -> None:
        """Replace the status of a pool.

        Raises:
            ApiError: one of its kinds.
        """
        # The uid keeps a status from a pool of the same name that was made anew.
        change = {"metadata": {"uid": pool.uid}, "status": status}
        await self._api.patch(f"{self._pools}/{pool.resource}/status", change)

    async def tell(
        self, pool: WorkerPool, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Create an Event about a pool.

        Raises:
            ApiError: one of its kinds.
        """
        now = datetime.now(UTC)
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{pool.resource}.{new_id().hex}", "namespace": self.namespace},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "namespace": self.namespace,
                "name": pool.resource,
                "uid": pool.uid,
            },
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": FIELD_MANAGER},
            "firstTimestamp": timestamp(now),
            "lastTimestamp": timestamp(now),
            "count": 1,
        }
        await self._api.create(f"{self._core}/events", event)

    async def lease(self, name: str) -> LeaseRecord:
        """The Lease of that name.

        Raises:
            ApiError: one of its kinds.
        """
        return _lease_of(await self._api.get(f"{self._leases}/{name}"))

    async def create_lease(self, name: str) -> LeaseRecord:
        """Create a Lease that nobody holds.

        Raises:
            Outdated: there is one by now.
            ApiError: one of its kinds.
        """
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {},
        }
        return _lease_of(await self._api.create(self._leases, document))

    async def write_lease(
        self, name: str, version: str, *, holder: str, seconds: int, transitions: int
    ) -> LeaseRecord:
        """Take or renew the Lease that was read; an empty holder releases it.

        Raises:
            Outdated: somebody else wrote it since.
            ApiError: one of its kinds.
        """
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        change = {"metadata": {"resourceVersion": version}, "spec": spec}
        return _lease_of(await self._api.patch(f"{self._leases}/{name}", change))

    async def published_schema(self) -> Mapping[str, Any]:
        """The schema of WorkerPool that the API server publishes; reading it needs no right of its own.

        Raises:
            ApiError: one of its kinds; Absent where there is no such group.
        """
        document = await self._api.get(f"/openapi/v3/apis/{GROUP}/{VERSION}")
        schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
        kinds = (
            schema
            for schema in schemas.values()
            if any(one.get("kind") == KIND for one in schema.get("x-kubernetes-group-version-kind", ()))
        )
        return next(kinds, {})


def timestamp(at: datetime) -> str:
    """A time in Kubernetes' form."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lease_of(document: Mapping[str, Any]) -> LeaseRecord:
    spec = document.get("spec") or {}
    return LeaseRecord(
        version=document["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        renewed=spec.get("renewTime") or "",
        seconds=int(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
    )
