"""A synchronous client of the HTTP API: for the command line, for scripts, for programs without a loop."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import httpx2

from corral import json_codec
from corral.api_problem import ApiProblem, NotConfigured, Unreachable, problem_of
from corral.errors import FieldError, InvalidInput
from corral.http_client.api_request import path_of, seconds_given
from corral.http_client.feeds import FeedClient
from corral.http_client.http_calls import ANSWER_SECONDS, HttpCalls
from corral.http_client.limits import LimitCalls
from corral.http_client.providers import ProviderCalls
from corral.http_client.publisher_address import Connection
from corral.http_client.schedules import ScheduleClient
from corral.http_client.webhooks import WebhookClient
from corral.job.idempotency_key import fault

__all__ = ["ENDED", "ApiProblem", "Client", "Connection", "NotConfigured", "Unreachable", "problem_of"]

MAX_WAIT = 60.0
"""Seconds that the publisher lets one request wait."""
POLL_SECONDS = 0.5
"""Seconds between two looks at a job that is waited for longer."""
GIVE_UP_SECONDS = 60.0
"""Seconds without a publisher after which following gives up."""
RECONNECT_SECONDS = 1.0
"""Seconds between two tries to reach a publisher that is away."""
RESEND_SECONDS = 20.0
"""Seconds for which a request with an idempotency key is sent again while no answer comes."""
AWAY = 503
"""What a publisher answers whose database is away, or that does not know whether a commit came through."""
PAGE_ITEMS = 200
"""Items on one page at most."""
ENDED = frozenset({"completed", "failed", "cancelled"})
"""The states that a job does not leave by itself."""

Json = Any


class Client(LimitCalls, ProviderCalls):
    """One publisher, one key. Close it, or use it in a `with`."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx2.BaseTransport | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        """Raises: NotConfigured where the environment's proxies or certificates can't be used."""
        self.connection = connection
        self._http = HttpCalls(connection, transport)
        self._reconnect_seconds = reconnect_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def calls(self) -> HttpCalls:
        """Single requests, on the way to this publisher."""
        return self._http

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def submit(
        self,
        type: str,  # noqa: A002
        payload: Json = None,
        *,
        wait: float | None = None,
        idempotency_key: str | None = None,
        **options: Json,
    ) -> Json:
        """Submit a job; the answer is the job, ended if it ended within `wait` seconds.

        With an `idempotency_key` the job is stored once, however often this is called with the same request: the answer
        is the first job then. Where no answer comes, it is sent again for up to `RESEND_SECONDS`.
        `options` are the fields of `POST /jobs`: queue, priority, delay, run_at, retries, timeout, …

        Raises:
            InvalidInput: the payload or an option holds what JSON can't, as NaN, or is none; nothing was sent.
        """
        body = {"type": type, "payload": payload} | options
        until = time.monotonic() + (0 if wait is None else seconds_given("wait", wait))
        job = self.post(
            "/jobs",
            body,
            wait=None if wait is None else min(wait, MAX_WAIT),
            idempotency_key=idempotency_key,
        )
        return self.wait_for(job, until - time.monotonic())

    def wait_for(self, job: Json, seconds: float) -> Json:
        """The job as it is when it has ended, or after so many seconds; a publisher that is away is asked again.

        Raises:
            Unreachable, ApiProblem: the last answer was none, or a refusal.
        """
        until = time.monotonic() + seconds_given("seconds", seconds)
        while job["state"] not in ENDED and time.monotonic() < until:
            time.sleep(max(0.0, min(POLL_SECONDS, until - time.monotonic())))
            try:
                job = self.job(job["id"])
            except (Unreachable, ApiProblem) as error:
                refused = isinstance(error, ApiProblem) and error.status < 500
                if refused or time.monotonic() >= until:
                    raise
        return job

    def job(self, job_id: str) -> Json:
        """The job as it is now."""
        return self.get(path_of("jobs", job_id))

    @property
    def schedules(self) -> "ScheduleClient":
        """Schedules of the publisher: list, create, set, pause, resume, run, backfill, delete."""
        return ScheduleClient(self)

    @property
    def webhooks(self) -> "WebhookClient":
        """Webhooks of the publisher: list, create, set, enable, disable, rotate, test, replay, delete."""
        return WebhookClient(self)

    @property
    def feeds(self) -> "FeedClient":
        """Feeds of the publisher, their items and imports: list, add, fetch, pause, resume, delete, import, clean."""
        return FeedClient(self)

    def get(self, path: str, **params: Json) -> Json:
        """GET below /api/v1."""
        return self._http.call("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Json = None,
        *,
        wait: float | None = None,
        idempotency_key: str | None = None,
        **params: Json,
    ) -> Json:
        """POST below /api/v1; `wait` is passed on, and waited for. With a key it is sent again where no answer comes."""
        if idempotency_key is not None and (wrong := fault(idempotency_key)) is not None:
            raise InvalidInput(FieldError("/idempotency_key", wrong))
        waited = 0.0 if wait is None else max(0.0, min(seconds_given("wait", wait), MAX_WAIT))
        until = time.monotonic() + (RESEND_SECONDS if idempotency_key is not None else 0)
        while True:
            try:
                return self._http.call(
                    "POST",
                    path,
                    body=body,
                    params=params | {"wait": wait},
                    timeout=ANSWER_SECONDS + waited,
                    headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
                )
            except (Unreachable, ApiProblem) as error:
                refused = isinstance(error, ApiProblem) and error.status != AWAY
                if refused or time.monotonic() >= until:
                    raise
            time.sleep(self._reconnect_seconds)

    def patch(self, path: str, body: Json) -> Json:
        """PATCH below /api/v1."""
        return self._http.call("PATCH", path, body=body)

    def delete(self, path: str) -> Json:
        """DELETE below /api/v1."""
        return self._http.call("DELETE", path)

    def pages(
        self,
        path: str,
        *,
        limit: int | None = None,
        on_hint: Callable[[str], object] = lambda _: None,
        **params: Json,
    ) -> Iterator[Json]:
        """Every item of a list, page by page, at most `limit`.

        `on_hint` is told how to narrow a list of which a page stopped before it was full; older ones follow.
        """
        left, cursor = limit, None
        while left is None or left > 0:
            page = self.get(
                path, cursor=cursor, limit=PAGE_ITEMS if left is None else min(left, PAGE_ITEMS), **params
            )
            for item in page["items"]:
                yield item
                left = None if left is None else left - 1
            if page.get("hint"):
                on_hint(page["hint"])
            cursor = page.get("next")
            if cursor is None:
                return

    def follow(self, job_id: str) -> Iterator[tuple[str, Json]]:
        """What happens to a job until it ends: `job` with the job, `log` with a line, `end`.

        A connection that breaks is made again, for as long as `GIVE_UP_SECONDS` without an event.
        """
        last: str | None = None
        heard = time.monotonic()
        while True:
            try:
                for event in self._http.events(path_of("jobs", job_id, "events"), last):
                    last, heard = event.id or last, time.monotonic()
                    if not event.data:  # it only says how soon to come back
                        continue
                    yield event.event, json_codec.lenient(event.data)
                    if event.event == "end":
                        return
            except (Unreachable, ApiProblem) as error:
                refused = isinstance(error, ApiProblem) and error.status < 500
                if refused or time.monotonic() - heard > GIVE_UP_SECONDS:
                    raise
            time.sleep(self._reconnect_seconds)

    def download(self, path: str) -> AbstractContextManager[httpx2.Response]:
        """A body to be read piece by piece."""
        return self._http.download(path)
