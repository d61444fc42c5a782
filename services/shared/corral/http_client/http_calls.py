"""Calls of the HTTP API: one request, a stream of events, a body; a publisher that does not answer is Unreachable."""

import logging
import os
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from corral import json_codec
from corral.api_problem import ApiProblem, NotConfigured, Unreachable, problem_of
from corral.http_client.api_request import TOO_LONG, body_text, query_pairs, refuse_unsendable, too_long
from corral.http_client.publisher_address import Connection
from corral.tracing import trace_context

_log = logging.getLogger("corral.client")

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What httpx2 takes from the environment, on the way to other machines."""
ANSWER_SECONDS = 30.0
"""Seconds for one answer; `?wait` adds its own."""
ASKED_SECONDS = 60.0
"""Seconds that one call waits in all, where the publisher asks this caller to send less."""
STREAM_SILENCE_SECONDS = 45.0
"""Seconds without an event or a beat after which a stream counts as broken; the publisher beats every 15."""

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For connections to http://: httpx2 reads the machine's certificate authorities for each client, 25 ms of a core."""

Json = Any


class HttpCalls:
    """The way to one publisher."""

    def __init__(self, connection: Connection, transport: httpx2.BaseTransport | None = None) -> None:
        self.connection = connection
        headers = {"Accept": "application/json", "User-Agent": "corral-client"}
        if connection.key:
            headers["Authorization"] = f"Bearer {connection.key}"
        try:
            httpx2.URL(connection.url)
        except (ValueError, httpx2.InvalidURL):
            raise NotConfigured(
                f"{self._where} is no address of a publisher: no host has that name"
            ) from None
        try:
            self._http = httpx2.Client(
                base_url=connection.url,
                headers=headers,
                timeout=ANSWER_SECONDS,
                transport=transport,
                follow_redirects=False,
                trust_env=not connection.direct,
                verify=NO_AUTHORITIES if connection.plain else True,
            )
        except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
            raise NotConfigured(
                f"{_set_of(*PROXIES, *CERTIFICATES) or 'the environment'} can't be used on the way to "
                f"{connection.shown}: {type(error).__name__}; correct it or unset it"
            ) from None

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        params: Json = None,
        timeout: float = ANSWER_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """One request below /api/v1, and its answer; `params` follow a query that stands in the path.

        It waits, up to a minute, where the publisher asks this caller to send less.

        Raises:
            Unreachable, ApiProblem: no answer, or a refusal.
            InvalidInput: no request can say this; nothing was sent.
        """
        path, _, query = path.partition("?")
        pairs = (*parse_qsl(query, keep_blank_values=True), *query_pairs(params or {}))
        content = None if body is None else body_text(body)
        headers = dict(headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        if (trace := trace_context.current()) is not None:  # jobs belong to the trace of who submits them
            headers.setdefault("traceparent", trace)
        waits = _Waits()
        while True:
            with self._sending(path, pairs):
                response = self._http.request(
                    method,
                    f"/api/v1{path}",
                    content=content,
                    headers=headers,
                    params=pairs,
                    timeout=timeout,
                )
            if response.is_success:
                return self._json(response)
            if response.status_code == TOO_LONG:
                raise too_long(path, pairs)
            waits.wait(problem_of(response))

    def events(self, path: str, last: str | None) -> Iterator[httpx2.ServerSentEvent]:
        """Server-sent events until the publisher closes, or is silent for longer than its own beat."""
        headers = {} if last is None else {"Last-Event-ID": last}
        waits = _Waits()
        while True:
            with (
                self._sending(path),
                self._http.sse(
                    f"/api/v1{path}",
                    headers=headers,
                    timeout=httpx2.Timeout(ANSWER_SECONDS, read=STREAM_SILENCE_SECONDS),
                    max_event_size=None,  # a result is as large as its job type lets it be
                ) as source,
            ):
                if source.response.is_success:
                    yield from source
                    return
                source.response.read()
            waits.wait(problem_of(source.response))

    @contextmanager
    def download(self, path: str) -> Iterator[httpx2.Response]:
        """A body to be read piece by piece."""
        waits = _Waits()
        while True:
            with (
                self._sending(path),
                self._http.stream("GET", f"/api/v1{path}", headers={"Accept": "*/*"}) as response,
            ):
                if response.is_success:
                    yield response
                    return
                response.read()
            waits.wait(problem_of(response))

    @contextmanager
    def _sending(self, path: str, pairs: Sequence[tuple[str, str]] = ()) -> Iterator[None]:
        """What goes wrong on the way, in our words."""
        refuse_unsendable(path, pairs)
        try:
            yield
        except httpx2.InvalidURL:  # the one cause that is left
            raise too_long(path, pairs) from None
        except httpx2.TransportError as error:
            raise Unreachable(self._away(error)) from error

    def _json(self, response: httpx2.Response) -> Json:
        try:
            return json_codec.lenient(response.content) if response.content else None
        except ValueError:
            raise Unreachable(
                f"{self._where} answers, but not as a publisher does (with {_kind_of(response)}, not JSON); "
                "does the address lead to one?"
            ) from None

    @property
    def _where(self) -> str:
        return f"{self.connection.shown} (from {self.connection.source})"

    def _away(self, error: Exception) -> str:
        through = "" if self.connection.direct else _set_of(*PROXIES)
        proxy = f" (through {through}; NO_PROXY names hosts that are reached without)" if through else ""
        return (
            f"{self._where} does not answer{proxy}: {error or type(error).__name__}; does the publisher run?"
        )


class _Waits:
    """The waits of one call, where the publisher asks this caller to send less."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def wait(self, problem: ApiProblem) -> None:
        """Wait as long as a refusal asks, and say so.

        Raises:
            ApiProblem: the same, where it asks for no wait, or the waits get too long.
        """
        seconds = problem.retry_after
        if seconds is None or self._seconds + seconds > ASKED_SECONDS:
            raise problem
        self._seconds += seconds
        _log.warning("too many requests: waiting %g s, as the publisher asks", seconds)
        time.sleep(seconds)


def _set_of(*names: str) -> str:
    """Those of the variables that are set, in capitals or not."""
    return ", ".join(one for name in names for one in (name, name.lower()) if os.environ.get(one))


def _kind_of(response: httpx2.Response) -> str:
    return response.headers.get("Content-Type", "nothing").partition(";")[0] or "nothing"
