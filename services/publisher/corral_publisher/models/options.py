"""Models of request bodies that set options: of job types, of queues and of limits."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from corral.actions.limits.limits import MAX_REASON, MAX_VALUE
from corral.bounded import Bounded
from corral.catalog.limits.limit import MAX_LIMITS
from corral.catalog.options_json import backoff_of, backoff_to_json
from corral.catalog.unique import unique_of, unique_to_json
from corral.job.limits import (
    KEPT_COUNT,
    MAX_FIELD,
    MAX_NAME,
    MAX_SEARCH,
    MAX_TAGS,
    MEMORY,
    QUEUE_PATTERN,
    STALLS,
)
from corral.job.options import search_fault, tag_fault
from corral.job.priority import Priority
from corral.job.shown import shown
from corral_publisher.models.batches import BatchParts
from corral_publisher.models.requests import Delay, ExpiresIn, KeptSeconds, Retries, Timeout


class Kept(BaseModel):
    """How long ended jobs are kept: up to an age in seconds, and up to a number of the newest; null is no bound."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: KeptSeconds | None = None
    count: Annotated[int, Bounded(KEPT_COUNT)] | None = None


def _kept(value: object) -> object:
    """A whole number is a number of jobs."""
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _backoff(value: object) -> object:
    """A number of seconds, a list of them, `exponential:2`, or the whole backoff; as it is stored."""
    return None if value is None else backoff_to_json(backoff_of(value))


KeptJobs = Annotated[
    Kept,
    BeforeValidator(_kept, json_schema_input_type=Annotated[int, Bounded(KEPT_COUNT)] | Kept),
    Field(description="A whole number is so many of the newest jobs.", examples=[50, {"seconds": 86400}]),
]
Backoff = Annotated[
    dict[str, Any],
    BeforeValidator(_backoff, json_schema_input_type=Delay | str | list[Delay] | dict[str, Any]),
    Field(
        description="Seconds; a list of them; or `kind:seconds` with fixed, linear or exponential.",
        examples=["exponential:2", 5, [1, 5, 30]],
    ),
]


def _unique(value: object) -> object:
    """An object with the parts of a `Unique`; as it is stored."""
    return None if value is None else unique_to_json(unique_of(value))


UniqueRule = Annotated[
    dict[str, Any],
    BeforeValidator(_unique, json_schema_input_type=dict[str, Any]),
    Field(
        description="What makes jobs the same, and what becomes of a duplicate: by, within, on_duplicate, quiet, max_wait.",
        examples=[{"by": ["source", "guid"], "within": "live", "on_duplicate": "existing"}],
    ),
]


def _queue(name: str) -> str:
    if not re.fullmatch(QUEUE_PATTERN, name) or len(name) > MAX_NAME:
        raise ValueError(
            f"is {shown(name)}; a queue has up to {MAX_NAME} lower-case letters, digits, - and _"
        )
    return name


QueueName = Annotated[str, AfterValidator(_queue)]


def _tag(tag: str) -> str:
    if (fault := tag_fault(tag)) is not None:
        raise ValueError(fault)
    return tag


def _searched(name: str) -> str:
    if (fault := search_fault(name)) is not None:
        raise ValueError(fault)
    return name


Tag = Annotated[
    str, AfterValidator(_tag), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME})
]
SearchField = Annotated[
    str, AfterValidator(_searched), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_FIELD})
]


class QueueOptions(BaseModel):
    """Options that an operator sets for a queue; null removes one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    priority: Annotated[Priority | None, Field(strict=False)] = None
    retries: Retries | None = None
    timeout: Timeout | None = None
    delay: Delay | None = None
    expires_in: ExpiresIn | None = None
    max_stalls: Annotated[int, Bounded(STALLS)] | None = None
    keep_finished: KeptJobs | None = None
    keep_failed: KeptJobs | None = None
    backoff: Backoff | None = None
    limits: Annotated[
        list[str] | None,
        Field(max_length=MAX_LIMITS, description="Names of further limits that each of its jobs takes from."),
    ] = None


class TypeOptions(QueueOptions):
    """Options that an operator sets for a job type; null removes one."""

    queue: QueueName | None = None
    queues: Annotated[
        list[QueueName] | None, Field(description="Further queues that a submission may name.")
    ] = None
    tags: Annotated[list[Tag] | None, Field(max_length=MAX_TAGS)] = None
    search: Annotated[
        list[SearchField] | None,
        Field(max_length=MAX_SEARCH, description="Top-level payload fields that later jobs can be found by."),
    ] = None
    memory_limit: Annotated[int, Bounded(MEMORY)] | None = None
    unique: UniqueRule | None = None
    batch: BatchParts | None = None


class TypePatch(BaseModel):
    """A change to a job type. Options that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"overrides": {"keep_finished": 50, "backoff": "exponential:2"}}]},
    )

    overrides: Annotated[TypeOptions, Field(description="Options that replace those that code declares.")]


LimitKeyName = Annotated[
    str,
    Field(
        max_length=MAX_VALUE,
        description="The key, as lists show it; left out, the whole limit. Of a value longer than 200 characters the whole is as good.",
    ),
]


class LimitPatch(BaseModel):
    """A change to a limit, or to one of its keys. Values that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"overrides": {"each": 10}, "key": "acme", "reason": "they bought more"}]
        },
    )

    overrides: Annotated[
        dict[str, Any],
        Field(
            description="total, each, per_worker, max_waiting, on_full, weights, where code declares them; of a rate: "
            "rate, per. Null removes an operator's value."
        ),
    ]
    key: LimitKeyName | None = None
    reason: Annotated[
        str | None, Field(max_length=MAX_REASON, description="Why; it is kept in the audit.")
    ] = None


class LimitOrder(BaseModel):
    """Which part of a limit is meant, and why."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"key": "acme"}]})

    key: LimitKeyName | None = None
    reason: Annotated[
        str | None, Field(max_length=MAX_REASON, description="Why; it is kept in the audit.")
    ] = None


class QueuePatch(BaseModel):
    """A change to a queue. Fields that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"overrides": {"retries": 0}, "defaults": {"keep_failed": {"count": 1000}}}]
        },
    )

    overrides: Annotated[
        QueueOptions, Field(description="Options that replace those that its job types declare.")
    ] = QueueOptions()
    defaults: Annotated[
        QueueOptions, Field(description="Options for job types that declare none of their own.")
    ] = QueueOptions()
