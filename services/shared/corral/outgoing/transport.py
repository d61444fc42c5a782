"""Carries requests of the HTTP library over the guarded network, and says in Corral's words what went wrong."""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore2
import httpx2

from corral.errors import FailureReason, OutgoingFailed, OutgoingRefused, RefusalReason
from corral.outgoing.network import GuardedNetwork, is_tls_error

MAX_CONNECTIONS = 100
KEPT_CONNECTIONS = 20
KEPT_SECONDS = 5.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """A pool of connections, each to an address that was looked at. A connection serves its own origin alone."""

    def __init__(self, network: GuardedNetwork, tls: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            http1=True,
            http2=False,
            network_backend=network,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, its body still to be read.

        Raises:
            OutgoingRefused, OutgoingFailed.
        """
        origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        sent = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with in_our_words(origin):
            received = await self._pool.handle_async_request(sent)
        assert isinstance(received.stream, AsyncIterable)
        return httpx2.Response(
            status_code=received.status,
            headers=received.headers,
            stream=_Body(received, origin),
            extensions=received.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, received: httpcore2.Response, origin: str) -> None:
        self._received, self._origin = received, origin

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with in_our_words(self._origin):
            async for piece in self._received.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        await self._received.aclose()


@contextmanager
def in_our_words(origin: str) -> Iterator[None]:
    """Errors of the HTTP library as Corral's."""
    try:
        yield
    except httpcore2.ConnectTimeout as error:
        raise OutgoingFailed(FailureReason.TIMEOUT, origin, "no connection was made in time") from error
    except httpcore2.TimeoutException as error:
        raise OutgoingFailed(FailureReason.TIMEOUT, origin, "it was silent for too long") from error
    except httpcore2.ConnectError as error:
        reason = FailureReason.TLS if is_tls_error(error) else FailureReason.CONNECT
        raise OutgoingFailed(reason, origin, f"no connection was made: {error}") from error
    except httpcore2.LocalProtocolError as error:
        raise OutgoingRefused(RefusalReason.HEADER, origin, f"the request can't be sent: {error}") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise OutgoingFailed(
            FailureReason.BROKEN, origin, f"the connection broke: {error or type(error).__name__}"
        ) from error
