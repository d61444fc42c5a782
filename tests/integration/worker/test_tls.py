"""Redis behind TLS: publisher's and worker's connections check the server's certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import trustme
from tests.integration.worker.system import running_system

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.job.state import State

HOST = "127.0.0.1"


@asynccontextmanager
async def behind_tls(url: str, authority: trustme.CA) -> AsyncIterator[str]:
    """The address of a server that speaks TLS and passes everything on to the Redis at `url`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    target = urlsplit(url)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(task := asyncio.current_task())  # type: ignore[arg-type]
        there, back = await asyncio.open_connection(target.hostname, target.port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, back))
                both.create_task(_pass_on(there, writer))
        finally:
            for one in (writer, back):
                one.close()
            with suppress(OSError, asyncio.CancelledError):
                await asyncio.gather(writer.wait_closed(), back.wait_closed(), return_exceptions=True)
            serving.discard(task)  # type: ignore[arg-type]

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    login = target.netloc.rpartition("@")[0]
    try:
        yield urlunsplit(target._replace(scheme="rediss", netloc=f"{login}@{HOST}:{port}"))
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()


def saved(authority: trustme.CA, path: Path) -> Path:
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_a_job_is_dispatched_over_tls(database_url: str, redis_url: str, tmp_path: Path):
    authority = trustme.CA()
    certificate = saved(authority, tmp_path / "ca.pem")
    async with behind_tls(redis_url, authority) as url:
        trusting = f"{url}?ssl_ca_certs={certificate}"
        async with running_system(database_url, trusting, tmp_path) as system:
            await system.ready()
            assert (await system.result("demo.echo", "kept secret")).state is State.COMPLETED


async def test_a_certificate_of_another_authority_is_refused_by_name(redis_url: str, tmp_path: Path):
    other = saved(trustme.CA(), tmp_path / "other.pem")
    async with behind_tls(redis_url, trustme.CA()) as url:
        dispatch = Dispatch.open(f"{url}?ssl_ca_certs={other}")
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await dispatch.pools.all()
        await dispatch.close()
