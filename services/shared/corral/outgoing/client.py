"""The client for addresses that users give."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx2

from corral.connection_headers import CONNECTION_HEADERS
from corral.errors import FailureReason, OutgoingFailed, OutgoingRefused, RefusalReason
from corral.outgoing.decoding import ACCEPTED
from corral.outgoing.departure import Departure, Permission
from corral.outgoing.limits import RequestLimits
from corral.outgoing.network import GuardedNetwork
from corral.outgoing.policy import AddressPolicy
from corral.outgoing.proxy import Proxy
from corral.outgoing.request_span import request_span
from corral.outgoing.resolver import Resolver, system_resolver
from corral.outgoing.response import Response
from corral.outgoing.transport import GuardedTransport
from corral.outgoing.url import Target, parse
from corral.settings import Settings

KEPT_ELSEWHERE = frozenset(
    {"accept", "accept-encoding", "content-type", "content-length", "host", "user-agent"}
)
"""Headers that go along when a redirect leads to another origin; a secret may be in any other."""

PERMANENT = frozenset({301, 308})
"""Redirects that say that the address has changed for good. Source: RFC 9110, section 15.4."""


class OutgoingClient:
    """Sends requests to addresses that users give. One for the process; close it, or use it in an `async with`."""

    def __init__(
        self,
        policy: AddressPolicy | None = None,
        *,
        proxy: str | None = None,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
        contact: str | None = None,
    ) -> None:
        """`contact` is told to servers in the User-Agent. `tls` trusts the machine's certificate authorities unless given. Nothing else comes from the environment.

        Raises:
            OutgoingRefused: the proxy's address is none.
        """
        tls = tls or httpx2.create_ssl_context()
        self._network = GuardedNetwork(
            policy or AddressPolicy(), resolver, None if proxy is None else Proxy.at(proxy, tls)
        )
        self._http = httpx2.AsyncClient(
            transport=GuardedTransport(self._network, tls),
            headers={
                "User-Agent": "corral" if contact is None else f"corral (+{contact})",
                "Accept-Encoding": ACCEPTED,
            },
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none is kept for the next user
            follow_redirects=False,
            trust_env=False,
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The client as the installation's settings want it."""
        return cls(
            AddressPolicy(settings.outgoing_allow),
            proxy=settings.outgoing_proxy,
            contact=settings.outgoing_contact,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def look(self, url: str) -> tuple[Target, tuple[str, ...]]:
        """The address taken apart, and every IP address of its host, all of them fit; nothing is sent.

        Raises:
            OutgoingRefused, OutgoingFailed: as `stream` does.
        """
        target = parse(url)
        found = await self._network.addresses(target.host, target.port)
        return target, tuple(map(str, found))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limits: RequestLimits | None = None,
        permission: Permission | None = None,
    ) -> AsyncIterator[Response]:
        """The response to one request, its body still to be read; the connection is given back at the end.

        `permission` is awaited on the open connection, right before the first byte is sent; the time that it takes
        counts towards no limit. What it raises is raised, and nothing was sent then.

        Raises:
            OutgoingRefused: the address, one that it leads to, or a header is not fit; nothing was sent there.
            OutgoingFailed: no answer came; whether the request arrived is not known.
        """
        limits = limits or RequestLimits()
        target = parse(url)
        with request_span(method, target) as span:
            request = self._request(method, target, span.headers | dict(headers or {}), content, limits)
            try:
                async with asyncio.timeout(limits.total) as until:
                    if permission is not None:
                        request.extensions["trace"] = Departure(permission, until)
                    inner, target, permanent = await self._follow(request, target, limits)
                    deadline = until.when() or 0.0
            except TimeoutError as error:
                raise OutgoingFailed(
                    FailureReason.TIMEOUT, target.origin, f"it took longer than {limits.total:g} s in all"
                ) from error
            span.answered(inner.status_code)
            try:
                yield Response(inner, limits, deadline, target.origin, permanent)
            finally:
                await inner.aclose()

    def _request(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes | None,
        limits: RequestLimits,
    ) -> httpx2.Request:
        for name in headers:
            if name.lower() in CONNECTION_HEADERS:
                raise OutgoingRefused(
                    RefusalReason.HEADER, target.origin, f"the header {name} is set by Corral"
                )
        try:
            return self._http.build_request(
                method,
                target.url,
                headers=headers,
                content=content,
                timeout=httpx2.Timeout(limits.silence, connect=limits.connect, pool=limits.total),
            )
        except (ValueError, TypeError) as error:
            raise OutgoingRefused(
                RefusalReason.HEADER, target.origin, f"a header can't be sent: {error}"
            ) from error

    async def _follow(
        self, request: httpx2.Request, target: Target, limits: RequestLimits
    ) -> tuple[httpx2.Response, Target, str | None]:
        """The first answer that is no redirect, each of which is looked at like the first address.

        With it where permanent redirects led before any other; None: nowhere.
        """
        permanent: str | None = None
        only_permanent = True
        for left in range(limits.redirects, -1, -1):
            response = await self._send(request, target)
            if not (response.has_redirect_location and limits.redirects):
                return response, target, permanent
            await response.aclose()
            if response.next_request is None:
                raise OutgoingFailed(FailureReason.REDIRECTS, target.origin, "it redirects to no address")
            if left == 0:
                break
            request, target = _next(response.next_request, target)
            only_permanent = only_permanent and response.status_code in PERMANENT
            permanent = str(request.url) if only_permanent else permanent
        raise OutgoingFailed(
            FailureReason.REDIRECTS, target.origin, f"it redirects more than {limits.redirects} times"
        )

    async def _send(self, request: httpx2.Request, target: Target) -> httpx2.Response:
        try:
            return await self._http.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:  # of the transport's none is left
            raise OutgoingFailed(
                FailureReason.REDIRECTS, target.origin, f"it redirects to no address: {error}"
            ) from error


def _next(request: httpx2.Request, before: Target) -> tuple[httpx2.Request, Target]:
    """The request that a redirect asks for."""
    target = parse(str(request.url))
    if before.scheme == "https" and target.scheme == "http":
        raise OutgoingRefused(
            RefusalReason.DOWNGRADE, target.origin, f"{before.origin} redirects there, from https to http"
        )
    if target.origin != before.origin:
        for name in set(request.headers) - KEPT_ELSEWHERE:
            del request.headers[name]
    return request, target
