"""From a request to run a job to the job: every option settled, every value checked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from corral import json_codec
from corral.actions.submissions import json_value
from corral.actions.submissions.known_type import KnownType
from corral.actions.submissions.type_cache import TypeSnapshot
from corral.catalog.limits.limit import MAX_LIMITS
from corral.errors import FieldError, InvalidInput, UnknownQueue
from corral.job import moment, unique
from corral.job.job import NewJob
from corral.job.limit_use import LimitUses, uses_of
from corral.job.limits import DELAY, EXPIRES_IN, MAX_TAGS, RETRIES, TIMEOUT
from corral.job.options import Options, tag_fault
from corral.job.priority import Priority
from corral.job.unique import Unique, UniqueKey


@dataclass(slots=True, kw_only=True)
class NewSubmission:
    """What a caller asks for. None leaves an option to the job type and its queue. Nobody changes one (see `NewJob`)."""

    type: str
    payload: Any = None
    queue: str | None = None
    priority: Priority | None = None
    delay: float | None = None
    """Seconds."""
    run_at: datetime | None = None
    """Instead of `delay`; must know its time zone."""
    retries: int | None = None
    timeout: float | None = None
    expires_in: float | None = None
    tags: tuple[str, ...] = ()
    """Added to the tags of the job type."""
    limits: tuple[str, ...] = ()
    """Names of limits, added to those of the job type and its queue."""
    unique_key: str | None = None
    """In place of what the type makes of the payload; for a type that is not unique: one live job of the key."""
    parent: UUID | None = None
    traceparent: str | None = None
    created_by: str | None = None
    from_wire: bool = False
    """Whether `payload` came out of a strict JSON parser (see `json_value.encode`)."""


TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""Source: W3C Trace Context, section 3.2."""

T = TypeVar("T")
ONE_LIVE = Unique()
"""What a key means that a submission gives where its type is not unique."""


def resolve(
    submission: NewSubmission, known: KnownType, knowledge: TypeSnapshot, job_id: UUID, *, max_payload: int
) -> NewJob:
    """The job that a submission asks for.

    Raises:
        InvalidInput: names every field that is wrong, by pointer.
        TooLarge: the payload is over its limit.
    """
    if errors := _faults(submission):
        raise InvalidInput(*errors)
    payload = {} if submission.payload is None else submission.payload
    text = json_value.encode(payload, limit=max_payload, from_wire=submission.from_wire)
    _check(known, payload)
    queue = _queue(submission, known, knowledge)
    options = known.by_queue[queue]
    priority = _first(submission.priority, options.priority)
    unique = _unique(submission, known, queue, payload)
    return NewJob(
        id=job_id,
        type=submission.type,
        queue=queue,
        priority=priority,
        payload=text,
        delay=0.0 if submission.run_at else _first(submission.delay, _delay(options, unique)),
        run_at=submission.run_at and moment.in_utc(submission.run_at),
        expires_in=_first(submission.expires_in, options.expires_in),
        retries=_first(submission.retries, options.retries),
        timeout=_first(submission.timeout, options.timeout),
        max_stalls=options.max_stalls,
        tags=_tags(submission, options.tags),
        search=_search(payload, options.search),
        limits=_limits(submission, known, queue, priority, payload),
        unique=unique,
        parent=submission.parent,
        traceparent=submission.traceparent,
        created_by=submission.created_by,
    )


def _unique(submission: NewSubmission, known: KnownType, queue: str, payload: Any) -> UniqueKey | None:
    """The key of a unique job: the submission's own, or what the type makes of the payload."""
    evaluation = known.uniqueness.get(queue)
    if submission.unique_key is not None:
        rule = evaluation.unique if evaluation is not None else ONE_LIVE
        return rule.key(submission.type, submission.unique_key, own=True)
    if evaluation is None:
        return None
    return evaluation.unique.key(submission.type, evaluation.key(payload))


def _limits(
    submission: NewSubmission, known: KnownType, queue: str, priority: Priority, payload: Any
) -> LimitUses | None:
    """What the job takes of limits, and the group in which it waits for them or for its batch."""
    options = known.by_queue[queue]
    if not options.limits and not submission.limits and options.batch is None:
        return None
    uses = known.uses(queue, payload, submission.limits)
    return uses_of(queue, priority, uses, known.batch_key(queue, payload))


def _delay(options: Options, unique: UniqueKey | None) -> float:
    return max(options.delay, unique.quiet) if unique is not None else options.delay


def _check(known: KnownType, payload: Any) -> None:
    """Check a payload against its schema; the validator knows decimals, and no `Number`.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    try:
        known.validator.check(payload)
    except ValueError:
        known.validator.check(json_codec.as_decimals(payload))


def _first(given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


_BOUNDED = (("/delay", DELAY), ("/retries", RETRIES), ("/timeout", TIMEOUT), ("/expires_in", EXPIRES_IN))
_NOT_GIVEN = (None, None, None, None)


def _faults(submission: NewSubmission) -> list[FieldError]:
    """Every option of the submission that is out of its range."""
    numbers = submission.delay, submission.retries, submission.timeout, submission.expires_in
    errors = [] if numbers == _NOT_GIVEN else _out_of_bounds(numbers)
    if submission.run_at is not None:
        if submission.delay is not None:
            errors.append(FieldError("/run_at", "can't be given together with delay"))
        try:
            moment.in_utc(submission.run_at)
        except ValueError as error:
            errors.append(FieldError("/run_at", str(error)))
    for index, tag in enumerate(submission.tags):
        if (fault := tag_fault(tag)) is not None:
            errors.append(FieldError(f"/tags/{index}", fault))
    if len(submission.limits) > MAX_LIMITS:
        errors.append(FieldError("/limits", f"{len(submission.limits)} limits are more than {MAX_LIMITS}"))
    if submission.unique_key is not None and (fault := unique.fault(submission.unique_key)) is not None:
        errors.append(FieldError("/unique_key", fault))
    if submission.traceparent is not None and not TRACEPARENT.fullmatch(submission.traceparent):
        errors.append(FieldError("/traceparent", "is no W3C trace context"))
    return errors


def _out_of_bounds(numbers: Iterable[float | None]) -> list[FieldError]:
    return [
        FieldError(pointer, fault)
        for (pointer, bounds), value in zip(_BOUNDED, numbers, strict=True)
        if value is not None and (fault := bounds.fault(value)) is not None
    ]


def _queue(submission: NewSubmission, known: KnownType, knowledge: TypeSnapshot) -> str:
    queue = _first(submission.queue, known.record.parsed_options.queue)
    if queue in known.by_queue:
        return queue
    allowed = ", ".join(sorted(known.by_queue))
    if queue not in knowledge.queues:
        said = f"there is no queue {queue[:100]!r}" if queue else "is empty"
        raise UnknownQueue(FieldError("/queue", f"{said}; {submission.type} allows {allowed}"))
    raise InvalidInput(
        FieldError("/queue", f"{queue} is not allowed for {submission.type}; allowed: {allowed}")
    )


def _tags(submission: NewSubmission, declared: tuple[str, ...]) -> tuple[str, ...]:
    if not submission.tags:
        return declared
    tags = tuple(dict.fromkeys((*declared, *submission.tags)))
    if len(tags) > MAX_TAGS:
        raise InvalidInput(FieldError("/tags", f"{len(tags)} tags are more than {MAX_TAGS}"))
    return tags


def _search(payload: Any, fields: tuple[str, ...]) -> dict[str, Any] | None:
    """The payload's searchable fields; nested values can't be searched and are left out."""
    if not fields or not isinstance(payload, dict):
        return None
    return {
        name: payload[name]
        for name in fields
        if name in payload and not isinstance(payload[name], dict | list)
    }
