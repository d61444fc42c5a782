"""Models of the API's request bodies: they check what is sent, and OpenAPI is made of them."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from corral.actions.job_request import NewSubmission
from corral.actions.limits import MAX_REASON
from corral.actions.load_test import COUNT, OVER, SHARE
from corral.bounded import Bounded
from corral.catalog.allowed import shown
from corral.catalog.limit import MAX_LIMITS
from corral.catalog.limit_evaluation import MAX_KEY
from corral.catalog.options_json import backoff_of, backoff_to_json
from corral.job import moment
from corral.job.effect import MAX_EFFECT_NAME
from corral.job.limits import (
    DELAY,
    EXPIRES_IN,
    KEPT_COUNT,
    KEPT_SECONDS,
    MAX_BULK,
    MAX_NAME,
    MAX_TAGS,
    MEMORY,
    QUEUE_PATTERN,
    RETRIES,
    STALLS,
    TIMEOUT,
)
from corral.job.priority import Priority

EXAMPLE: dict[str, JsonValue] = {
    "type": "report.generate",
    "payload": {"title": "Sales", "csv": "region,sum\nNorth,12.5\nSouth,9.75\n"},
    "priority": "high",
    "tags": ["monthly"],
}

Delay = Annotated[float, Bounded(DELAY)]
ExpiresIn = Annotated[float, Bounded(EXPIRES_IN)]
Timeout = Annotated[float, Bounded(TIMEOUT)]
Retries = Annotated[int, Bounded(RETRIES)]
KeptSeconds = Annotated[float, Bounded(KEPT_SECONDS)]


def moment_in(value: object) -> object:
    """Refuse a time that is a number: it could be seconds or milliseconds."""
    if value is None:
        return None
    if isinstance(value, str):
        return moment.parse(value)
    raise ValueError(f"is not a time as text, such as {moment.EXAMPLE}")


class ReportsBody(BaseModel):
    """What a report is asked for with: fields of `report.generate`. Nothing at all reports the statistics of the queues."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"title": "Sales", "csv": "region,sum\nNorth,12.5\n"}]}
    )

    title: Annotated[str | None, Field(description="One line.")] = None
    csv: Annotated[str | None, Field(description="The data as CSV text with a header line.")] = None
    rows: Annotated[list[dict[str, Any]] | None, Field(description="Or as a list of objects.")] = None
    email: Annotated[
        str | None,
        Field(description="Who gets a mail with a link; CORRAL_REPORT_EMAIL where it is left out."),
    ] = None
    pace: Annotated[
        bool
        | Annotated[list[Annotated[float, Field(ge=0, le=60)]], Field(min_length=3, max_length=3)]
        | None,
        Field(description="Seconds of the phases fetch, process, render; true: 3, 5, 2. In demo mode only."),
    ] = None
    fail_times: Annotated[
        Annotated[int, Field(ge=0, le=100)] | None,
        Field(description="Errors before it succeeds. In demo mode only."),
    ] = None


class Submission(BaseModel):
    """A request to run a job. Options that are left out come from the job type and its queue."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    type: Annotated[str, Field(max_length=100, description="The job type's name.")]
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None
    queue: Annotated[str | None, Field(description="One that the job type allows.")] = None
    priority: Annotated[Priority | None, Field(strict=False)] = None
    delay: Annotated[Delay | None, Field(description="Seconds; or give run_at.")] = None
    run_at: Annotated[
        AwareDatetime | None, Field(strict=False, description="Or give delay."), BeforeValidator(moment_in)
    ] = None
    retries: Annotated[Retries | None, Field(description="Tries after the first.")] = None
    timeout: Annotated[Timeout | None, Field(description="Seconds for one attempt.")] = None
    expires_in: Annotated[
        ExpiresIn | None, Field(description="Seconds after which it is cancelled if not started.")
    ] = None
    tags: Annotated[tuple[str, ...], Field(max_length=MAX_TAGS, strict=False)] = ()
    limits: Annotated[
        tuple[str, ...],
        Field(
            max_length=MAX_LIMITS,
            strict=False,
            description="Names of limits that it takes of, too. Their values are not a submission's to say.",
        ),
    ] = ()

    def submission(self, created_by: str, traceparent: str | None) -> NewSubmission:
        """The submission as the engine takes it."""
        return NewSubmission(
            type=self.type,
            payload=self.payload,
            queue=self.queue,
            priority=self.priority,
            delay=self.delay,
            run_at=self.run_at,
            retries=self.retries,
            timeout=self.timeout,
            expires_in=self.expires_in,
            tags=self.tags,
            limits=self.limits,
            traceparent=traceparent,
            created_by=created_by,
            from_wire=True,
        )


class Bulk(BaseModel):
    """Many submissions in one call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: Annotated[list[Submission], Field(min_length=1, max_length=MAX_BULK)]


class Settlement(BaseModel):
    """What became of an effect that is perhaps done."""

    model_config = ConfigDict(extra="forbid", strict=True)

    effect: Annotated[str, Field(min_length=1, max_length=MAX_EFFECT_NAME, description="Its name.")]
    outcome: Annotated[
        Literal["done", "again"], Field(description="It is done, or the next attempt is to do it again.")
    ]
    receipt: Annotated[
        Any, Field(description="What later attempts get as its receipt, where it is done.")
    ] = None

    @model_validator(mode="after")
    def _no_receipt_of_nothing(self) -> Self:
        if self.outcome == "again" and self.receipt is not None:
            raise ValueError("receipt: only what is done has one")
        return self


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


def _queue(name: str) -> str:
    if not re.fullmatch(QUEUE_PATTERN, name) or len(name) > MAX_NAME:
        raise ValueError(
            f"is {shown(name)}; a queue has up to {MAX_NAME} lower-case letters, digits, - and _"
        )
    return name


QueueName = Annotated[str, AfterValidator(_queue)]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


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
        Field(max_length=MAX_LIMITS, description="Names of limits that each of its jobs takes from, too."),
    ] = None


class TypeOptions(QueueOptions):
    """Options that an operator sets for a job type; null removes one."""

    queue: QueueName | None = None
    queues: Annotated[list[QueueName] | None, Field(description="Further ones that it allows.")] = None
    tags: Annotated[list[Tag] | None, Field(max_length=MAX_TAGS)] = None
    search: Annotated[
        list[str] | None, Field(description="Top-level payload fields that later jobs can be found by.")
    ] = None
    memory_limit: Annotated[int, Bounded(MEMORY)] | None = None


class TypePatch(BaseModel):
    """A change to a job type. Options that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"overrides": {"keep_finished": 50, "backoff": "exponential:2"}}]},
    )

    overrides: Annotated[TypeOptions, Field(description="In place of what code declares.")]


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
        Field(description="total, each, weights; of a rate: rate, per. Null takes a value back."),
    ]
    key: Annotated[str, Field(max_length=MAX_KEY, description="None: the whole limit.")] = ""
    reason: Annotated[str | None, Field(max_length=MAX_REASON, description="For the audit.")] = None


class LimitOrder(BaseModel):
    """Which part of a limit is meant, and why."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"key": "acme"}]})

    key: Annotated[str, Field(max_length=MAX_KEY, description="None: the whole limit.")] = ""
    reason: Annotated[str | None, Field(max_length=MAX_REASON, description="For the audit.")] = None


class QueuePatch(BaseModel):
    """A change to a queue. Fields that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"overrides": {"retries": 0}, "defaults": {"keep_failed": {"count": 1000}}}]
        },
    )

    overrides: Annotated[QueueOptions, Field(description="In place of what its job types declare.")] = (
        QueueOptions()
    )
    defaults: Annotated[QueueOptions, Field(description="Where its job types declare nothing.")] = (
        QueueOptions()
    )


class Clean(BaseModel):
    """Which ended jobs of a queue to remove."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"states": ["completed"], "older_than": 86400}]},
    )

    states: Annotated[
        list[Literal["completed", "failed", "cancelled"]], Field(min_length=1, description="In these states.")
    ] = ["completed", "failed", "cancelled"]
    older_than: Annotated[KeptSeconds, Field(description="Seconds since they ended.")] = 0.0


class LoadPart(BaseModel):
    """One job type of a load test."""

    model_config = ConfigDict(extra="forbid", strict=True)

    share: Annotated[
        int,
        Bounded(SHARE),
        Field(description="Of so many jobs as all shares are together, so many are of it."),
    ] = 1
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None


class LoadRequest(BaseModel):
    """A load test: which jobs to submit, how many, and over what time."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "mix": {
                        "demo.sleep": {"share": 3, "payload": {"seconds": 1}},
                        "demo.echo": {"share": 1, "payload": {"hello": "load"}},
                    },
                    "count": 2000,
                    "over": 30,
                }
            ]
        },
    )

    mix: Annotated[dict[str, LoadPart], Field(description="Job types, 1 to 10, by name.")]
    count: Annotated[int, Bounded(COUNT), Field(description="Jobs in all.")]
    over: Annotated[
        float, Bounded(OVER), Field(description="Seconds that they become due over; 0: all at once.")
    ] = 0.0
