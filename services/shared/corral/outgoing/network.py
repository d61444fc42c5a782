"""Connections to addresses that were looked at: to those, and to no others that the name has by then."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

import httpcore2

from corral.errors import FailureReason, OutgoingFailed, OutgoingRefused, RefusalReason
from corral.outgoing.addresses import Address
from corral.outgoing.policy import AddressPolicy
from corral.outgoing.proxy import Proxy
from corral.outgoing.resolver import Resolver

MAX_ADDRESSES = 64
"""Addresses that a name may have; more are nobody's."""
TRIED_ADDRESSES = 4
LEAST_SECONDS = 1.0
"""Seconds that each address has at least."""


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """What the HTTP library opens its connections with. TLS and the Host header keep the host's name."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver, proxy: Proxy | None) -> None:
        self._policy, self._resolver, self._proxy = policy, resolver, proxy
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers; every one of them was found fit before.

        Raises:
            OutgoingRefused: one of them is not fit.
            OutgoingFailed: there is none, or the proxy refuses.
        """
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        try:
            async with asyncio.timeout_at(until):
                addresses = await self.addresses(host, port)
        except TimeoutError as error:
            raise OutgoingFailed(FailureReason.TIMEOUT, host, "its name was not found in time") from error
        for left in range(len(addresses := addresses[:TRIED_ADDRESSES]), 0, -1):
            seconds = None if until is None else max(LEAST_SECONDS, (until - loop.time()) / left)
            address = addresses[-left]
            try:
                return await self._connect(str(address), port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError  # there is at least one address

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Every address of the host.

        Raises:
            OutgoingRefused: one of them is not fit.
            OutgoingFailed: there is none.
        """
        literal = _literal(host)
        found = await self._resolver(host, port) if literal is None else (literal,)
        if not found:
            raise OutgoingFailed(FailureReason.NAME, host, "its name has no address")
        if len(found) > MAX_ADDRESSES:
            raise OutgoingRefused(
                RefusalReason.ADDRESS, host, f"it has {len(found)} addresses; {MAX_ADDRESSES} are the most"
            )
        for address in found:
            if why := self._policy.refusal(address):
                raise OutgoingRefused(
                    RefusalReason.ADDRESS,
                    host,
                    f"{address} {why}; CORRAL_OUTGOING_ALLOW names networks that may be reached all the same",
                )
        return found

    async def _connect(
        self,
        address: str,
        port: int,
        seconds: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        if self._proxy is not None:
            return await self._proxy.connect(self._plain, address, port, seconds)
        return await self._plain.connect_tcp(address, port, seconds, local_address, socket_options)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_tls_error(error: BaseException) -> bool:
    """Whether TLS is why no connection was made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__  # the library raises it again from None
    return False
