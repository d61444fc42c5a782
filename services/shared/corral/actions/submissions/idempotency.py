"""Submissions that carry an idempotency key: collected as in a group commit, one answer for each key (rule 3)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256

import orjson
import structlog

from corral import metrics
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.waiting_caller import WaitingCaller
from corral.errors import CorralError, FieldError, InvalidInput, OutcomeUnknown, Unavailable
from corral.job import idempotency_key
from corral.job.job import Accepted, NewJob
from corral.store import EarlierJob, EarlierRequest, KeyedRequest

log = structlog.get_logger(__name__)

Answer = list[Accepted] | EarlierRequest
Insert = Callable[[Sequence[KeyedRequest]], Awaitable[list[Answer]]]

MAX_GROUP_JOBS = 500
"""Jobs in one transaction; a larger bulk has one of its own."""
MAX_PENDING = 2_000
"""Requests that may wait for a transaction before callers are turned away."""
POINTER = "/idempotency_key"
OTHER = "was used for another request before: send this one under a key of its own"
ASKED = tuple(
    one.name for one in fields(NewSubmission) if one.name not in {"payload", "traceparent", "from_wire"}
)
"""Fields of a submission that are the same each time it is sent; the payload is compared as text."""


def check_key(key: str) -> None:
    """Refuse what is no key.

    Raises:
        InvalidInput: it is empty, too long, or holds what no header can carry.
    """
    if (fault := idempotency_key.fault(key)) is not None:
        raise InvalidInput(FieldError(POINTER, fault))


def keyed(submissions: Sequence[NewSubmission], jobs: Sequence[NewJob], key: str) -> KeyedRequest:
    """A request of these submissions, and the jobs that were made of them. Its caller is who submits them."""
    return KeyedRequest(submissions[0].created_by or "", key, _digest(submissions, jobs), jobs)


def _digest(submissions: Sequence[NewSubmission], jobs: Sequence[NewJob]) -> bytes:
    """SHA-256 of what is asked for, whatever the defaults are by now; the payload as it is stored."""
    digest = sha256()
    for submission, job in zip(submissions, jobs, strict=True):
        asked = {name: value for name in ASKED if (value := getattr(submission, name)) not in (None, ())}
        digest.update(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))
        digest.update(job.payload.encode())
    return digest.digest()


@dataclass(slots=True)
class Waiting(WaitingCaller[Answer]):
    """One caller that waits for what came of its request."""

    request: KeyedRequest


class IdempotentCommit:
    """Stores requests with keys in groups, one group at a time. Belongs to one event loop."""

    def __init__(self, insert: Insert) -> None:
        self._insert = insert
        self._pending: deque[Waiting] = deque()
        self._committing: asyncio.Task[None] | None = None

    async def commit(self, request: KeyedRequest) -> Answer:
        """Store the request's jobs, or learn what came of the earlier request with this key.

        Raises:
            InvalidInput: the key was used for another request; nothing was stored.
            OutcomeUnknown: the database went away while committing; names the jobs.
            Unavailable: the database is away, somebody holds the key, or too many requests wait.
        """
        if len(self._pending) >= MAX_PENDING:
            raise Unavailable("postgres", f"{len(self._pending):,} submissions wait for it already")
        waiting = Waiting(request)
        self._pending.append(waiting)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._run())
        answer = await asyncio.shield(waiting.answer)
        if isinstance(answer, EarlierRequest):
            if answer.digest != request.digest:
                raise InvalidInput(FieldError(POINTER, OTHER))
            metrics.IDEMPOTENT_REPLAYS.inc()
        return answer

    async def close(self) -> None:
        """Wait for the groups that are under way."""
        if self._committing is not None:
            await asyncio.wait([self._committing])

    async def _run(self) -> None:
        while self._pending:
            group = self._next_group()
            try:
                await self._store(group)
            finally:
                for waiting in (one for same in group for one in same):
                    waiting.tell(Unavailable("postgres", "the publisher is stopping"))

    def _next_group(self) -> list[list[Waiting]]:
        """Those that wait, by key, in the order of their arrival."""
        group: dict[tuple[str, str], list[Waiting]] = {}
        jobs = 0
        while self._pending and (not group or jobs + len(self._pending[0].request.jobs) <= MAX_GROUP_JOBS):
            waiting = self._pending.popleft()
            jobs += len(waiting.request.jobs)
            group.setdefault((waiting.request.caller, waiting.request.key), []).append(waiting)
        return [*group.values()]

    async def _store(self, group: list[list[Waiting]]) -> None:
        try:
            answers = await self._insert([same[0].request for same in group])
        except (OutcomeUnknown, Unavailable) as error:
            if len(group) > 1:
                await self._store_apart(group)
            else:
                _tell_all(group[0], error)
        except Exception as error:
            if len(group) > 1:
                await self._store_apart(group)
                return
            if not isinstance(error, CorralError):
                log.exception("submit.keyed_failed", jobs=len(group[0][0].request.jobs))
            _tell_all(group[0], error)
        else:
            for same, answer in zip(group, answers, strict=True):
                _deal(same, answer)

    async def _store_apart(self, group: list[list[Waiting]]) -> None:
        """Each for itself, so that only the culprit fails: a key makes it safe to do again what may be done."""
        metrics.SUBMIT_BATCHES_SPLIT.inc()
        for same in group:
            await self._store([same])


def _deal(same: list[Waiting], answer: Answer) -> None:
    """The first of them made the jobs, or somebody did before; to the others it is an earlier request."""
    first, *others = same
    first.tell(answer)
    for waiting in others:
        waiting.tell(answer if isinstance(answer, EarlierRequest) else _as_earlier(first.request, answer))


def _as_earlier(request: KeyedRequest, accepted: Sequence[Accepted]) -> EarlierRequest:
    return EarlierRequest(request.digest, [EarlierJob(job.id, job.state, removed=False) for job in accepted])


def _tell_all(same: list[Waiting], error: BaseException) -> None:
    for waiting in same:
        waiting.tell(error)
