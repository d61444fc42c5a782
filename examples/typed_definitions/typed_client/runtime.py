# Made by corral codegen; the next run overwrites it.
"""Speaks to a publisher: sends jobs, waits for them, follows them. Needs httpx2 and nothing else."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, Literal, Self, TypedDict, TypeGuard, TypeVar, Unpack
from uuid import UUID

import httpx2

from .rules import RULES
from .validation import FieldError, InvalidPayload, check

_log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")
Q = TypeVar("Q", bound=str)

State = Literal["blocked", "scheduled", "queued", "running", "completed", "failed", "cancelled"]
ENDED = frozenset({"completed", "failed", "cancelled"})
"""The states that a job does not leave by itself."""
ANSWER_SECONDS = 30.0
"""Seconds for one answer; a wait adds its own."""
MAX_WAIT = 60.0
"""Seconds that one request may wait."""
POLL_SECONDS = 0.5
SILENCE_SECONDS = 45.0
"""Seconds without a word after which a stream of events counts as broken."""
RECONNECT_SECONDS = 1.0
GIVE_UP_SECONDS = 60.0
"""Seconds without a publisher after which following gives up."""
ASKED_SECONDS = 60.0
"""Seconds that one call waits in all, where the publisher asks this caller to send less."""
_BOUNDS: dict[str, tuple[float, float, bool, bool, str]] = {
    "delay": (0, 31622400, False, False, "at least 0 and at most 31,622,400 seconds"),
    "retries": (0, 1000, False, True, "at least 0 and at most 1,000 tries"),
    "timeout": (0, 604800, True, False, "above 0 and at most 604,800 seconds"),
    "expires_in": (0, 31622400, True, False, "above 0 and at most 31,622,400 seconds"),
}
"""Least, most, whether the least itself is refused, whether only whole numbers are taken, and this in words."""


class Options(TypedDict, total=False):
    """What a submission may say beside its payload. What is left out the job type and its queue say."""

    priority: Literal["critical", "high", "normal", "low"]
    """How urgent it is in its queue."""
    delay: float
    """Seconds until it may start; or give run_at. It must be at least 0 and at most 31,622,400 seconds."""
    run_at: str | datetime
    """When it may start, with a time zone; or give delay."""
    retries: int
    """Tries after the first. It must be at least 0 and at most 1,000 tries."""
    timeout: float
    """Seconds for one attempt. It must be above 0 and at most 604,800 seconds."""
    expires_in: float
    """Seconds after which it is cancelled if it has not started. It must be above 0 and at most 31,622,400 seconds."""
    tags: list[str] | tuple[str, ...]
    """Words to find it by, beside those of its type."""
    limits: list[str] | tuple[str, ...]
    """Limits that it takes from, beside those of its type and queue."""
    unique_key: str
    """Its unique key, in place of the one that its type makes of the payload."""


class CorralError(Exception):
    """The root of everything that this client raises beside `InvalidPayload`."""


class Unreachable(CorralError):
    """The publisher did not answer. A job that was being submitted may be stored or not."""


class Problem(CorralError):
    """The publisher refused. Source: RFC 9457."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        errors: list[FieldError],
        retry_after: float | None = None,
    ) -> None:
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors = errors
        """The fields that are wrong."""
        self.retry_after = retry_after
        """Seconds after which the publisher takes this caller's requests again; None where that is not the reason."""
        super().__init__(f"{title}: {detail}" if detail else title)


class JobNotCompleted(CorralError):
    """The job that was waited for failed, was cancelled, or has not ended in time; `job` says which."""

    def __init__(self, job: Job[Any]) -> None:
        self.job = job
        said = (job.error or {}).get("message", "")
        super().__init__(f"job {job.id} is {job.state}" + (f": {said}" if said else ""))


@dataclass(frozen=True)
class Job(Generic[R]):
    """A job as it was when the publisher answered."""

    id: str
    type: str
    queue: str
    priority: str
    state: State
    result: R | None
    """None until it is completed."""
    error: dict[str, Any] | None
    attempt: int
    errors: int
    retries: int
    progress: float
    """0 to 100."""
    progress_message: str | None
    created_at: datetime
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    tags: tuple[str, ...]
    data: dict[str, Any] = field(repr=False, compare=False)
    """All that the publisher told, as JSON."""

    @property
    def ended(self) -> bool:
        """Whether it is completed, failed or cancelled."""
        return self.state in ENDED

    def completed(self) -> R:
        """The result.

        Raises:
            JobNotCompleted: it has none.
        """
        if self.state != "completed":
            raise JobNotCompleted(self)
        return self.result  # type: ignore[return-value]  # null, where the type's result is null


@dataclass(frozen=True)
class Event(Generic[R]):
    """What happened to a job: `job` is its new state, or `log` one line of its log."""

    job: Job[R] | None = None
    log: dict[str, Any] | None = None


@dataclass(frozen=True)
class Submission:
    """A job that is checked, and not yet sent."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """One job of a bulk that is stored."""

    id: str
    state: State


@dataclass(frozen=True)
class Bulk:
    """What became of a bulk; one item per submission, in its order."""

    accepted: int
    refused: int
    items: tuple[Accepted | tuple[FieldError, ...], ...]
    """A job that is stored, or what is wrong with the submission."""


def _submission(
    type_: str, payload: Any, given: dict[str, Any], *, validate: bool, omitted: bool
) -> Submission:
    """Raises: InvalidPayload where the payload or an option is wrong."""
    body: dict[str, Any] = {"type": type_}
    if not omitted:
        body["payload"] = encoded(payload, "/payload")
    body |= {name: encoded(value, f"/{name}") for name, value in given.items() if value is not None}
    if validate:
        errors = [error for name, value in body.items() for error in _out_of_bounds(name, value)]
        if errors:
            raise InvalidPayload(errors)
        check(RULES[type_], body.get("payload", {}))
    return Submission(body)


def _out_of_bounds(name: str, value: Any) -> Iterator[FieldError]:
    if name not in _BOUNDS or isinstance(value, bool) or not isinstance(value, int | float):
        return
    least, most, above, whole, says = _BOUNDS[name]
    if whole and not isinstance(value, int):
        return  # what is no whole number the publisher refuses
    if not (least < value if above else least <= value) or value > most:
        yield FieldError(f"/{name}", f"is {_written(value)}; it must be {says}")


def _written(number: float) -> str:
    if isinstance(number, int):
        return f"{number:,}" if abs(number) < 10**24 else "a whole number of more than 24 digits"
    return f"{int(number):,}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"


def encoded(value: Any, place: str) -> Any:
    """A Python value as JSON has it.

    Raises:
        InvalidPayload: JSON has no word for it.
    """
    match value:
        case Enum():
            return encoded(value.value, place)
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date() | clock():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case Decimal() | UUID():
            return str(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return base64.urlsafe_b64encode(value).decode()
        case _:
            return _encoded_members(value, place)


def _encoded_members(value: Any, place: str) -> Any:
    if _is_mapping(value):
        for key in value:
            if not isinstance(key, str):
                message = f"has the key {key!r}; JSON has text keys only"
                raise InvalidPayload([FieldError(place, message)])
        return {key: encoded(item, f"{place}/{key}") for key, item in value.items()}
    if _is_series(value):
        return [encoded(item, f"{place}/{index}") for index, item in enumerate(value)]
    raise InvalidPayload([FieldError(place, f"is a {type(value).__name__}, which JSON has no word for")])


def _is_mapping(value: Any) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_series(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, list | tuple | set | frozenset)


def _duration(value: timedelta) -> str:
    """Source: ISO 8601, as Pydantic writes it."""
    sign, left = ("-", -value) if value < timedelta() else ("", value)
    seconds = f"{left.seconds}.{left.microseconds:06}".rstrip("0").rstrip(".")
    return f"{sign}P{left.days}DT{seconds}S"


def _job(data: dict[str, Any]) -> Job[Any]:
    def moment(name: str) -> datetime | None:
        text = data.get(name)
        return None if text is None else datetime.fromisoformat(text)

    return Job(
        id=data["id"],
        type=data["type"],
        queue=data["queue"],
        priority=data["priority"],
        state=data["state"],
        result=data["result"],
        error=data["error"],
        attempt=data["attempt"],
        errors=data["errors"],
        retries=data["retries"],
        progress=data["progress"],
        progress_message=data["progress_message"],
        created_at=datetime.fromisoformat(data["created_at"]),
        run_at=moment("run_at"),
        started_at=moment("started_at"),
        finished_at=moment("finished_at"),
        tags=tuple(data["tags"]),
        data=data,
    )


def _fields(items: list[dict[str, Any]]) -> list[FieldError]:
    return [FieldError(one.get("pointer") or one.get("parameter", ""), one["detail"]) for one in items]


def _problem(response: httpx2.Response) -> Problem:
    try:
        body = response.json()
        errors = _fields(body.get("errors") or [])
        kind = str(body.get("type", "")).rpartition(":")[2]
        asked = float(response.headers.get("Retry-After", 1)) if kind == "rate-exceeded" else None
        return Problem(response.status_code, kind, body["title"], body.get("detail", ""), errors, asked)
    except (ValueError, KeyError, AttributeError, TypeError):
        text = response.text[:200].strip()
        return Problem(response.status_code, "", f"HTTP {response.status_code}", text, [])


def _bulk(data: dict[str, Any]) -> Bulk:
    return Bulk(
        accepted=data["accepted"],
        refused=data["refused"],
        items=tuple(
            tuple(_fields(one["errors"])) if one.get("errors") else Accepted(one["id"], one["state"])
            for one in data["jobs"]
        ),
    )


def _headers(key: str | None) -> dict[str, str]:
    if key and not (key.isascii() and key.isprintable()):
        raise ValueError("the key is none: keys are letters, digits and signs of ASCII, on one line")
    return {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def _away(url: str, error: Exception) -> Unreachable:
    """What stands before an @ in the address may be a password."""
    said = f"{url} does not answer: {error or type(error).__name__}"
    return Unreachable(re.sub(r"//[^/\s]*@", "//********@", said))


class _Waits:
    """The waits of one call, where the publisher asks this caller to send less."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def next(self, problem: Problem) -> float:
        """Seconds to wait now.

        Raises:
            Problem: the same, where it is another one, or the waits get too long.
        """
        seconds = problem.retry_after
        if seconds is None or self._seconds + seconds > ASKED_SECONDS:
            raise problem
        self._seconds += seconds
        _log.warning("too many requests: waiting %g s, as the publisher asks", seconds)
        return seconds


class _Events:
    """Puts the lines of a stream together. Source: HTML, server-sent events."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.heard = time.monotonic()
        self._name, self._data, self._id = "", "", ""

    def line(self, text: str) -> tuple[str, Any] | None:
        """An event, where this line ends one."""
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data += value
        elif name == "id":
            self._id = value
        elif not text and self._data:
            told = (self._name, json.loads(self._data))
            self.last = self._id or self.last
            self.heard = time.monotonic()
            self._name, self._data, self._id = "", "", ""
            return told
        return None

    def ask(self, error: CorralError) -> float:
        """Ask whether to try again; after how many seconds.

        Raises:
            CorralError: the same, where it is of no use.
        """
        asked = error.retry_after if isinstance(error, Problem) else None
        refused = isinstance(error, Problem) and error.status < 500 and asked is None
        if refused or time.monotonic() - self.heard > GIVE_UP_SECONDS:
            raise error
        return RECONNECT_SECONDS if asked is None else asked


def _event(name: str, data: Any) -> Event[Any] | None:
    if name == "job":
        return Event(job=_job(data))
    return Event(log=data) if name == "log" else None


class Http:
    """One publisher, one key. Close it, or use it in `with`."""

    def __init__(
        self, url: str, key: str | None = None, *, http: httpx2.Client | None = None
    ) -> None:
        """Begin; `http` is used in place of a client of its own, which is closed with this one."""
        self._http = httpx2.Client() if http is None else http
        self._url, self._headers = f"{url.rstrip('/')}/api/v1", _headers(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def submit_many(
        self,
        jobs: Iterable[Submission],
        *,
        partial: bool = False,
        idempotency_key: str | None = None,
    ) -> Bulk:
        """Store up to 10,000 jobs of any types in one transaction; `producer.job(...)` makes each.

        One that is wrong refuses all, unless `partial` lets the others pass.

        Raises:
            Problem, Unreachable: it is refused, or there is no answer.
        """
        body = {"jobs": [one.body for one in jobs]}
        path = "/jobs/bulk?partial=true" if partial else "/jobs/bulk"
        return _bulk(self.call("POST", path, body, 0, idempotency_key))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        wait: float = 0,
        idempotency_key: str | None = None,
    ) -> Any:
        """One request below /api/v1; answers its JSON. Waits, up to a minute, where the publisher asks it to send less.

        Raises:
            Problem, Unreachable: it is refused, or there is no answer.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        headers |= {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        waits = _Waits()
        while True:
            try:
                response = self._http.request(
                    method, self._url + path, content=content, headers=headers, timeout=ANSWER_SECONDS + wait
                )
            except httpx2.TransportError as error:
                raise _away(self._url, error) from error
            if response.is_success:
                return response.json() if response.content else None
            time.sleep(waits.next(_problem(response)))

    def follow(self, job_id: str) -> Iterator[Event[Any]]:
        """What happens to a job until it ends. A connection that breaks is made again.

        Raises:
            Problem, Unreachable: it is refused, or there has been no answer for a minute.
        """
        events = _Events()
        while True:
            seconds = RECONNECT_SECONDS
            try:
                for name, data in self._stream(f"/jobs/{job_id}/events", events):
                    if name == "end":
                        return
                    if (event := _event(name, data)) is not None:
                        yield event
            except CorralError as error:
                seconds = events.ask(error)
            time.sleep(seconds)

    def _stream(self, path: str, events: _Events) -> Iterator[tuple[str, Any]]:
        headers = self._headers | ({"Last-Event-ID": events.last} if events.last else {})
        timeout = httpx2.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)
        try:
            with self._http.stream(
                "GET", self._url + path, headers=headers | {"Accept": "text/event-stream"}, timeout=timeout
            ) as response:
                if not response.is_success:
                    response.read()
                    raise _problem(response)
                for line in response.iter_lines():
                    if (told := events.line(line)) is not None:
                        yield told
        except httpx2.TransportError as error:
            raise _away(self._url, error) from error


class Producer(Generic[P, R, Q]):
    """Submits jobs of one type: P is its payload, R its result, Q the queues that it may be in."""

    def __init__(self, http: Http, type_: str) -> None:
        self._http, self.type = http, type_

    def submit(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Job[R]:
        """Submit a job; with `wait`, answer when it has ended, or after so many seconds.

        With an `idempotency_key` the same request, sent again, answers the job that the first one stored.

        Raises:
            InvalidPayload: the payload is wrong; nothing was sent. `validate=False` leaves it to the publisher.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return self._send(sent, wait, idempotency_key)

    def run(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        wait: float = MAX_WAIT,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> R:
        """Submit a job, wait for it for so many seconds, and answer its result.

        Raises:
            JobNotCompleted: it failed, was cancelled, or has not ended.
            InvalidPayload, Problem, Unreachable: as in `submit`.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return (self._send(sent, wait, idempotency_key)).completed()

    def submit_many(
        self,
        payloads: Iterable[P],
        *,
        queue: Q | None = None,
        partial: bool = False,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Bulk:
        """Store up to 10,000 jobs with the same options in one transaction.

        Raises:
            InvalidPayload: a payload is wrong; its place is in the pointer, and nothing was sent.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        jobs: list[Submission] = []
        for index, payload in enumerate(payloads):
            try:
                jobs.append(self.job(payload, queue=queue, validate=validate and not partial, **options))
            except InvalidPayload as invalid:
                placed = [FieldError(f"/jobs/{index}{one.pointer}", one.message) for one in invalid.errors]
                raise InvalidPayload(placed) from None
        return self._http.submit_many(
            jobs, partial=partial, idempotency_key=idempotency_key
        )

    def job(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Submission:
        """A job for `submit_many` of the client, checked.

        Raises:
            InvalidPayload: the payload is wrong.
        """
        return _submission(self.type, payload, {"queue": queue, **options}, validate=validate, omitted=False)

    def get(self, job_id: str) -> Job[R]:
        """The job as it is now.

        Raises:
            Problem, Unreachable: there is none of that id, or no answer.
        """
        return _job(self._http.call("GET", f"/jobs/{job_id}"))

    def cancel(self, job_id: str) -> Job[R]:
        """Cancel the job; one that runs is asked to stop.

        Raises:
            Problem, Unreachable: it has ended, there is none, or no answer.
        """
        return _job(self._http.call("POST", f"/jobs/{job_id}/cancel"))

    def wait(self, job: Job[R] | str, seconds: float = MAX_WAIT) -> Job[R]:
        """The job as it is when it has ended, or after so many seconds.

        Raises:
            Problem, Unreachable: there is none of that id, or no answer.
        """
        until = time.monotonic() + seconds
        now = self.get(job) if isinstance(job, str) else job
        while not now.ended and (left := until - time.monotonic()) > 0:
            time.sleep(min(POLL_SECONDS, left))
            now = self.get(now.id)
        return now

    def follow(self, job: Job[R] | str) -> Iterator[Event[R]]:
        """What happens to the job until it ends: its states and the lines of its log.

        Raises:
            Problem, Unreachable: it is refused, or there has been no answer for a minute.
        """
        return self._http.follow(job if isinstance(job, str) else job.id)

    def _send(self, job: Submission, wait: float | None, key: str | None) -> Job[R]:
        until = time.monotonic() + (wait or 0)
        asked = min(wait or 0, MAX_WAIT)
        path = f"/jobs?wait={asked:g}" if asked > 0 else "/jobs"
        told: Job[R] = _job(self._http.call("POST", path, job.body, asked, key))
        left = until - time.monotonic()
        return self.wait(told, left) if left > 0 else told


class OptionalProducer(Producer[P, R, Q]):
    """Of a type whose payload may be left out."""

    def submit(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Job[R]:
        """Submit a job; with `wait`, answer when it has ended, or after so many seconds.

        With an `idempotency_key` the same request, sent again, answers the job that the first one stored.

        Raises:
            InvalidPayload: the payload is wrong; nothing was sent. `validate=False` leaves it to the publisher.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return self._send(sent, wait, idempotency_key)

    def run(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        wait: float = MAX_WAIT,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> R:
        """Submit a job, wait for it for so many seconds, and answer its result.

        Raises:
            JobNotCompleted: it failed, was cancelled, or has not ended.
            InvalidPayload, Problem, Unreachable: as in `submit`.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return (self._send(sent, wait, idempotency_key)).completed()

    def job(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Submission:
        """A job for `submit_many` of the client, checked.

        Raises:
            InvalidPayload: the payload is wrong.
        """
        given = {"queue": queue, **options}
        return _submission(self.type, payload, given, validate=validate, omitted=payload is None)


class AsyncHttp:
    """One publisher, one key, for programs with an event loop. Close it, or use it in `async with`."""

    def __init__(
        self, url: str, key: str | None = None, *, http: httpx2.AsyncClient | None = None
    ) -> None:
        """Begin; `http` is used in place of a client of its own, which is closed with this one."""
        self._http = httpx2.AsyncClient() if http is None else http
        self._url, self._headers = f"{url.rstrip('/')}/api/v1", _headers(key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def submit_many(
        self,
        jobs: Iterable[Submission],
        *,
        partial: bool = False,
        idempotency_key: str | None = None,
    ) -> Bulk:
        """Store up to 10,000 jobs of any types in one transaction; `producer.job(...)` makes each.

        One that is wrong refuses all, unless `partial` lets the others pass.

        Raises:
            Problem, Unreachable: it is refused, or there is no answer.
        """
        body = {"jobs": [one.body for one in jobs]}
        path = "/jobs/bulk?partial=true" if partial else "/jobs/bulk"
        return _bulk(await self.call("POST", path, body, 0, idempotency_key))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        wait: float = 0,
        idempotency_key: str | None = None,
    ) -> Any:
        """One request below /api/v1; answers its JSON. Waits, up to a minute, where the publisher asks it to send less.

        Raises:
            Problem, Unreachable: it is refused, or there is no answer.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        headers |= {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        waits = _Waits()
        while True:
            try:
                response = await self._http.request(
                    method, self._url + path, content=content, headers=headers, timeout=ANSWER_SECONDS + wait
                )
            except httpx2.TransportError as error:
                raise _away(self._url, error) from error
            if response.is_success:
                return response.json() if response.content else None
            await asyncio.sleep(waits.next(_problem(response)))

    async def follow(self, job_id: str) -> AsyncIterator[Event[Any]]:
        """What happens to a job until it ends. A connection that breaks is made again.

        Raises:
            Problem, Unreachable: it is refused, or there has been no answer for a minute.
        """
        events = _Events()
        while True:
            seconds = RECONNECT_SECONDS
            try:
                async for name, data in self._stream(f"/jobs/{job_id}/events", events):
                    if name == "end":
                        return
                    if (event := _event(name, data)) is not None:
                        yield event
            except CorralError as error:
                seconds = events.ask(error)
            await asyncio.sleep(seconds)

    async def _stream(self, path: str, events: _Events) -> AsyncIterator[tuple[str, Any]]:
        headers = self._headers | ({"Last-Event-ID": events.last} if events.last else {})
        timeout = httpx2.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)
        try:
            async with self._http.stream(
                "GET", self._url + path, headers=headers | {"Accept": "text/event-stream"}, timeout=timeout
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise _problem(response)
                async for line in response.aiter_lines():
                    if (told := events.line(line)) is not None:
                        yield told
        except httpx2.TransportError as error:
            raise _away(self._url, error) from error


class AsyncProducer(Generic[P, R, Q]):
    """Submits jobs of one type: P is its payload, R its result, Q the queues that it may be in."""

    def __init__(self, http: AsyncHttp, type_: str) -> None:
        self._http, self.type = http, type_

    async def submit(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Job[R]:
        """Submit a job; with `wait`, answer when it has ended, or after so many seconds.

        With an `idempotency_key` the same request, sent again, answers the job that the first one stored.

        Raises:
            InvalidPayload: the payload is wrong; nothing was sent. `validate=False` leaves it to the publisher.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return await self._send(sent, wait, idempotency_key)

    async def run(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        wait: float = MAX_WAIT,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> R:
        """Submit a job, wait for it for so many seconds, and answer its result.

        Raises:
            JobNotCompleted: it failed, was cancelled, or has not ended.
            InvalidPayload, Problem, Unreachable: as in `submit`.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return (await self._send(sent, wait, idempotency_key)).completed()

    async def submit_many(
        self,
        payloads: Iterable[P],
        *,
        queue: Q | None = None,
        partial: bool = False,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Bulk:
        """Store up to 10,000 jobs with the same options in one transaction.

        Raises:
            InvalidPayload: a payload is wrong; its place is in the pointer, and nothing was sent.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        jobs: list[Submission] = []
        for index, payload in enumerate(payloads):
            try:
                jobs.append(self.job(payload, queue=queue, validate=validate and not partial, **options))
            except InvalidPayload as invalid:
                placed = [FieldError(f"/jobs/{index}{one.pointer}", one.message) for one in invalid.errors]
                raise InvalidPayload(placed) from None
        return await self._http.submit_many(
            jobs, partial=partial, idempotency_key=idempotency_key
        )

    def job(
        self,
        payload: P,
        *,
        queue: Q | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Submission:
        """A job for `submit_many` of the client, checked.

        Raises:
            InvalidPayload: the payload is wrong.
        """
        return _submission(self.type, payload, {"queue": queue, **options}, validate=validate, omitted=False)

    async def get(self, job_id: str) -> Job[R]:
        """The job as it is now.

        Raises:
            Problem, Unreachable: there is none of that id, or no answer.
        """
        return _job(await self._http.call("GET", f"/jobs/{job_id}"))

    async def cancel(self, job_id: str) -> Job[R]:
        """Cancel the job; one that runs is asked to stop.

        Raises:
            Problem, Unreachable: it has ended, there is none, or no answer.
        """
        return _job(await self._http.call("POST", f"/jobs/{job_id}/cancel"))

    async def wait(self, job: Job[R] | str, seconds: float = MAX_WAIT) -> Job[R]:
        """The job as it is when it has ended, or after so many seconds.

        Raises:
            Problem, Unreachable: there is none of that id, or no answer.
        """
        until = time.monotonic() + seconds
        now = await self.get(job) if isinstance(job, str) else job
        while not now.ended and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(POLL_SECONDS, left))
            now = await self.get(now.id)
        return now

    def follow(self, job: Job[R] | str) -> AsyncIterator[Event[R]]:
        """What happens to the job until it ends: its states and the lines of its log.

        Raises:
            Problem, Unreachable: it is refused, or there has been no answer for a minute.
        """
        return self._http.follow(job if isinstance(job, str) else job.id)

    async def _send(self, job: Submission, wait: float | None, key: str | None) -> Job[R]:
        until = time.monotonic() + (wait or 0)
        asked = min(wait or 0, MAX_WAIT)
        path = f"/jobs?wait={asked:g}" if asked > 0 else "/jobs"
        told: Job[R] = _job(await self._http.call("POST", path, job.body, asked, key))
        left = until - time.monotonic()
        return await self.wait(told, left) if left > 0 else told


class AsyncOptionalProducer(AsyncProducer[P, R, Q]):
    """Of a type whose payload may be left out."""

    async def submit(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Job[R]:
        """Submit a job; with `wait`, answer when it has ended, or after so many seconds.

        With an `idempotency_key` the same request, sent again, answers the job that the first one stored.

        Raises:
            InvalidPayload: the payload is wrong; nothing was sent. `validate=False` leaves it to the publisher.
            Problem, Unreachable: it is refused, or there is no answer.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return await self._send(sent, wait, idempotency_key)

    async def run(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        wait: float = MAX_WAIT,
        idempotency_key: str | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> R:
        """Submit a job, wait for it for so many seconds, and answer its result.

        Raises:
            JobNotCompleted: it failed, was cancelled, or has not ended.
            InvalidPayload, Problem, Unreachable: as in `submit`.
        """
        sent = self.job(payload, queue=queue, validate=validate, **options)
        return (await self._send(sent, wait, idempotency_key)).completed()

    def job(
        self,
        payload: P | None = None,
        *,
        queue: Q | None = None,
        validate: bool = True,
        **options: Unpack[Options],
    ) -> Submission:
        """A job for `submit_many` of the client, checked.

        Raises:
            InvalidPayload: the payload is wrong.
        """
        given = {"queue": queue, **options}
        return _submission(self.type, payload, given, validate=validate, omitted=payload is None)
