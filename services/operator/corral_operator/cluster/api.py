"""The operator's client of Kubernetes' API. It sends and returns JSON, through the official client's connections.

The official client's models are not used: they would parse every field of twenty pods a second.
"""

import asyncio
import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from corral.errors import CorralError
from corral_operator.cluster.target import FIELD_MANAGER
from corral_operator.reports import metrics

ANSWER_SECONDS: Final = 5.0
"""Seconds that a request may take; then the API server counts as away. Two requests take less than a lease."""
_MERGE = "application/merge-patch+json"


class NoCluster(CorralError):
    """Neither a service account nor KUBECONFIG names a cluster."""


class ApiError(Exception):
    """Kubernetes did not carry out a request."""

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


class Away(ApiError):
    """The API server can't be reached, or can't answer now."""


class Absent(ApiError):
    """The object does not exist."""


class ApiForbidden(ApiError):
    """The operator's Role does not allow the request; the API server's message names the missing right."""


class Denied(ApiError):
    """An admission webhook or policy refuses the change; the message is the webhook's or policy's own."""


class Outdated(ApiError):
    """The object has changed since it was read, so the change was refused."""


class Api:
    """The operator's client of Kubernetes: one pool of connections to the API server."""

    def __init__(self, client: ApiClient, configuration: Configuration) -> None:
        self._client, self._configuration = client, configuration

    @classmethod
    async def open(cls) -> Self:
        """Connect with the pod's service account, or outside of a cluster with KUBECONFIG.

        Raises:
            NoCluster: neither exists, or it can't be read.
        """
        configuration = Configuration()
        in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ
        try:
            if in_cluster:
                config.load_incluster_config(client_configuration=configuration)
            else:
                await config.load_kube_config(
                    config_file=os.environ.get("KUBECONFIG"), client_configuration=configuration
                )
        except (
            Exception
        ) as error:  # the library answers a file that is none with whatever its own code stumbles over
            said = (
                str(error)
                if isinstance(error, config.ConfigException)
                else f"{type(error).__name__}: {error}"
            )
            raise NoCluster(
                f"no cluster to work in: {' '.join(said.split())}. The operator runs in a pod with a service account, or with KUBECONFIG"
            ) from error
        # Python 3.13 refuses authorities without a key identifier, which clusters of some age have. All else,
        # signature, name and dates, is verified as ever.
        configuration.disable_strict_ssl_verification = True
        if in_cluster or _excepted(configuration.host):
            # The library would hand every request to the proxy of the environment, whose exceptions it half reads.
            configuration.client_session_kwargs = {"trust_env": False}
        client = ApiClient(configuration)
        client.user_agent = FIELD_MANAGER
        return cls(client, configuration)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Get one document.

        Raises:
            ApiError: one of its kinds.
        """
        return await self._call("GET", path, query or {}, None, None)

    async def patch(self, path: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Merge a change into a document, as field manager `corral-operator`; unknown fields are refused.

        The API server gives up when the operator does, so that no change happens long after it was asked for.

        Raises:
            ApiError: one of its kinds; Outdated where the change names a version that is not the newest.
        """
        query = {
            "fieldManager": FIELD_MANAGER,
            "fieldValidation": "Strict",
            "timeout": f"{ANSWER_SECONDS:.0f}s",
        }
        return await self._call("PATCH", path, query, change, _MERGE)

    async def create(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Create a document.

        Raises:
            ApiError: one of its kinds.
        """
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return await self._call("POST", path, query, document, "application/json")

    async def _call(
        self, method: str, path: str, query: Mapping[str, str], body: object, content_type: str | None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                prepared = await self._client.param_serialize(
                    method, path, query_params=list(query.items()), header_params=headers, body=body,
                    auth_settings=["BearerToken"],
                )  # fmt: skip
                response = await self._client.call_api(*prepared, _request_timeout=ANSWER_SECONDS)
                content = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            metrics.API_ERRORS.labels(method, "away").inc()
            raise Away(f"{method} {path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            metrics.API_ERRORS.labels(method, str(response.status)).inc()
            raise _error(response.status, content, f"{method} {path}")
        document: dict[str, Any] = orjson.loads(content)
        return document


def _excepted(host: str) -> bool:
    """Whether an address range in NO_PROXY covers the API server; names and single addresses the library knows.

    A pod reaches its own API server by a cluster address, which no proxy outside can reach: it never asks this.
    """
    try:
        server = ip_address(urlsplit(host).hostname or "")
    except ValueError:
        return False
    for written in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")).split(","):
        try:
            if server in ip_network(written.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            continue  # a name
    return False


def _error(status: int, content: bytes, what: str) -> ApiError:
    try:
        message = str(orjson.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        message = f"{what}: {status} {content[:200].decode(errors='replace')}"
    match status:
        case 403 if message.startswith("admission webhook") or "ValidatingAdmissionPolicy" in message:
            kind: type[ApiError] = Denied
        case 403:
            kind = ApiForbidden
        case 404:
            kind = Absent
        case 409:
            kind = Outdated
        case _ if status in {401, 429} or status >= 500:
            kind = Away
        case _:
            kind = ApiError
    return kind(message, status)
