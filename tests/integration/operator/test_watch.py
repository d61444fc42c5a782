"""The watch of WorkerPools, where Kubernetes does not let it look."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.fixtures.kubeconfig import written_kubeconfig
from tests.fixtures.waiting import eventually_async

from corral_operator.cluster.pool_watch import PoolWatch, quieten

POOLS = "/apis/corral.dev/v1alpha1/namespaces/jobs/workerpools"
VERBS = ["get", "list", "watch", "patch"]
KINDS = {
    "/api/v1": {"namespaces": "Namespace", "events": "Event"},
    "/apis/apiextensions.k8s.io/v1": {"customresourcedefinitions": "CustomResourceDefinition"},
    "/apis/corral.dev/v1alpha1": {"workerpools": "WorkerPool"},
}
"""What kopf looks for before it watches."""


class ApiServer:
    """An API server with one WorkerPool, that may be looked at or not."""

    def __init__(self) -> None:
        self.allowed = False
        self.refused = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path == POOLS:
            return await self._pools(request)
        return web.json_response(_discovery(path))

    async def _pools(self, request: web.Request) -> web.StreamResponse:
        if not self.allowed:
            self.refused += 1
            status = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403}
            return web.json_response(status | {"message": "workerpools.corral.dev is forbidden"}, status=403)
        pool = {
            "apiVersion": "corral.dev/v1alpha1",
            "kind": "WorkerPool",
            "metadata": {"name": "io", "namespace": "jobs", "uid": "u", "resourceVersion": "2"},
        }
        if "watch" not in request.query:
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(json.dumps({"type": "ADDED", "object": pool}).encode() + b"\n")
        await asyncio.Event().wait()
        return stream


def _discovery(path: str) -> Mapping[str, Any]:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [known.removeprefix("/apis/").split("/") for known in KINDS if known.startswith("/apis/")]
        versions = {
            name: {"groupVersion": f"{name}/{version}", "version": version} for name, version in groups
        }
        return {
            "kind": "APIGroupList",
            "groups": [
                {"name": name, "versions": [one], "preferredVersion": one} for name, one in versions.items()
            ],
        }
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": VERBS}
        for name, kind in KINDS.get(path, {}).items()
    ]
    return {
        "kind": "APIResourceList",
        "groupVersion": path.removeprefix("/apis/").removeprefix("/api/"),
        "resources": resources,
    }


@pytest.fixture
async def api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    server = ApiServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("KUBECONFIG", str(written_kubeconfig(tmp_path, address)))
    yield server
    await runner.cleanup()


async def test_a_watch_that_was_forbidden_begins_again_and_is_told_once(
    api_server: ApiServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As where the operator is there before its Role. Until then lists show the pools."""
    seen: list[str] = []
    quieten()
    watch = PoolWatch(
        "jobs",
        "a",
        lambda pool, _: seen.append(pool["metadata"]["name"]),
        backoffs=(0.01,),
        restart_seconds=0.1,
    )
    watch.start()
    try:
        await eventually_async(lambda: api_server.refused >= 5, "it is tried again", timeout=60)
        api_server.allowed = True
        await eventually_async(lambda: seen, "it sees the pool", timeout=60)
    finally:
        await watch.close()
    told = capfd.readouterr()
    assert told.out.count("] watch.ended") == 1
    assert "Request attempt" not in told.out + told.err + caplog.text
