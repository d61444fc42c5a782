"""A proxy that a setting names: it is asked for the address that was looked at, never for a name."""

import re
import ssl
from typing import Self

import httpcore2

from corral.errors import FailureReason, OutgoingFailed
from corral.outgoing.url import Target, parse

MAX_ANSWER_BYTES = 16_384


class Proxy:
    """An HTTP proxy that opens tunnels. Source: RFC 9110, section 9.3.6 (CONNECT)."""

    def __init__(self, target: Target, tls: ssl.SSLContext) -> None:
        self._target, self._tls = target, tls

    @classmethod
    def at(cls, url: str, tls: ssl.SSLContext) -> Self:
        """The proxy at an address; it is the operator's, and so not looked at.

        Raises:
            OutgoingRefused: it is no address of the web.
        """
        return cls(parse(url), tls)

    async def connect(
        self, network: httpcore2.AsyncNetworkBackend, address: str, port: int, seconds: float | None
    ) -> httpcore2.AsyncNetworkStream:
        """A connection through the proxy to this very address.

        Raises:
            OutgoingFailed: the proxy does not answer, or refuses.
        """
        try:
            stream = await network.connect_tcp(self._target.host, self._target.port, seconds)
            if self._target.scheme == "https":
                stream = await stream.start_tls(self._tls, self._target.host, seconds)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise self._failed(f"it can't be reached: {error or type(error).__name__}") from error
        try:
            await self._open(
                stream, f"[{address}]:{port}" if ":" in address else f"{address}:{port}", seconds
            )
        except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
            await stream.aclose()
            raise self._failed(f"it did not open a tunnel: {error or type(error).__name__}") from error
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def _open(self, stream: httpcore2.AsyncNetworkStream, place: str, seconds: float | None) -> None:
        await stream.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode(), seconds)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = await stream.read(4_096, seconds)
            answer += more
            if not more or len(answer) > MAX_ANSWER_BYTES:
                raise self._failed("what it answered is no HTTP")
        status = re.match(rb"HTTP/1\.[01] (\d{3})[ \r]", answer)
        if status is None or answer.index(b"\r\n\r\n") + 4 != len(answer):  # nobody speaks before we do
            raise self._failed("what it answered is no HTTP")
        if not status[1].startswith(b"2"):
            raise self._failed(f"it answered {status[1].decode()} when asked for {place}")

    def _failed(self, why: str) -> OutgoingFailed:
        return OutgoingFailed(FailureReason.PROXY, f"the proxy {self._target.origin}", why)
