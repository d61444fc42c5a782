"""The environment names a proxy: for the API server of a cluster it is never asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from kubernetes.aio.config import incluster_config
from tests.fixtures.kubeconfig import written_kubeconfig

from corral_operator.cluster.api import Api, Away


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """An API server that answers everything, at an address of its own."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"answered": True})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """A proxy that the environment names, and what it was asked for; it passes nothing on."""
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, address)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield asked
    listening.close()


async def asked_by_kubeconfig(server: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("KUBECONFIG", str(written_kubeconfig(folder, server)))
    api = await Api.open()
    try:
        return await api.get("/version")
    finally:
        await api.close()


async def test_a_pod_asks_its_api_server_directly(
    server: str, proxy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    host, port = server.split(":")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    (tmp_path / "token").write_text("secret")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", certificates())
    api = await Api.open()
    try:
        with pytest.raises(Away):  # it speaks no TLS
            await api.get("/version")
    finally:
        await api.close()
    assert not proxy


@pytest.mark.parametrize("excepted", ["127.0.0.0/8", "example.org, 127.0.0.1/32", "10.0.0.0/8,127.0.0.1"])
async def test_ranges_in_no_proxy_count(
    server: str, proxy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, excepted: str
):
    monkeypatch.setenv("NO_PROXY", excepted)
    monkeypatch.setenv("no_proxy", excepted)
    assert await asked_by_kubeconfig(server, tmp_path, monkeypatch) == {"answered": True}
    assert not proxy


@pytest.mark.parametrize("excepted", ["", "10.0.0.0/8,example.org", "::1/128,nonsense/99"])
async def test_with_a_kubeconfig_the_proxy_is_asked_otherwise(
    server: str, proxy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, excepted: str
):
    monkeypatch.setenv("NO_PROXY", excepted)
    monkeypatch.setenv("no_proxy", excepted)
    with pytest.raises(Away):
        await asked_by_kubeconfig(server, tmp_path, monkeypatch)
    assert server in proxy[0]


def certificates() -> str:
    import certifi  # noqa: PLC0415  # of the client library

    return certifi.where()
