"""Models of the API's request bodies: they check what is sent, and OpenAPI is made of them."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.load_test import COUNT, OVER, SHARE
from corral.bounded import Bounded
from corral.catalog.limits.limit import MAX_LIMITS
from corral.job import moment
from corral.job.effect import MAX_EFFECT_NAME
from corral.job.limits import (
    DELAY,
    EXPIRES_IN,
    KEPT_SECONDS,
    MAX_BULK,
    MAX_TAGS,
    RETRIES,
    TIMEOUT,
)
from corral.job.priority import Priority
from corral.job.unique import MAX_KEY as MAX_UNIQUE_KEY

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
        Field(description="Attempts that fail before one succeeds. In demo mode only."),
    ] = None


class Submission(BaseModel):
    """A request to run a job. Options that are left out come from the job type and its queue."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    type: Annotated[str, Field(max_length=100, description="The job type's name.")]
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None
    queue: Annotated[str | None, Field(description="The queue; one that the job type allows.")] = None
    priority: Annotated[Priority | None, Field(strict=False)] = None
    delay: Annotated[Delay | None, Field(description="Seconds until it may start; or give run_at.")] = None
    run_at: Annotated[
        AwareDatetime | None,
        Field(strict=False, description="When it may start, with its zone; or give delay."),
        BeforeValidator(moment_in),
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
            description="Names of further limits that it takes from. A submission can't change their values.",
        ),
    ] = ()
    unique_key: Annotated[
        str | None,
        Field(
            description="Its unique key, in place of the one that its type makes of the payload. "
            "For a type that is not unique: one live job of the key, and a duplicate answers it.",
            max_length=MAX_UNIQUE_KEY,
        ),
    ] = None

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
            unique_key=self.unique_key,
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
            raise ValueError("receipt: give it only with the outcome done")
        return self


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
        Field(
            description="Its share of the jobs: with shares of 3 and 1, three of four jobs are of the first type."
        ),
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
    count: Annotated[int, Bounded(COUNT), Field(description="How many jobs there are in all.")]
    over: Annotated[
        float, Bounded(OVER), Field(description="Seconds that they become due over; 0: all at once.")
    ] = 0.0
