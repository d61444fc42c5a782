"""What the API takes, as models: they check what comes in, and they are its OpenAPI."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from corral.actions.load import MAX_COUNT, MAX_OVER, MAX_SHARE
from corral.actions.submission import NewSubmission
from corral.job import moment
from corral.job.limits import MAX_BULK, MAX_DELAY_SECONDS, MAX_RETRIES, MAX_TAGS, MAX_TIMEOUT_SECONDS
from corral.job.priority import Priority

EXAMPLE: dict[str, JsonValue] = {
    "type": "report.generate",
    "payload": {"title": "Sales", "csv": "region,sum\nNorth,12.5\nSouth,9.75\n"},
    "priority": "high",
    "tags": ["monthly"],
}


def _moment(value: object) -> object:
    """A time is text: a number could be seconds or milliseconds."""
    if value is None:
        return None
    if isinstance(value, str):
        return moment.parse(value)
    raise ValueError(f"is not a time as text, such as {moment.EXAMPLE}")


class Submission(BaseModel):
    """A request to run a job. What is left out is settled by the job type and its queue."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    type: Annotated[str, Field(max_length=100, description="The job type's name.")]
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None
    queue: Annotated[str | None, Field(description="One that the job type allows.")] = None
    priority: Annotated[Priority | None, Field(strict=False)] = None
    delay: Annotated[
        float | None, Field(ge=0, le=MAX_DELAY_SECONDS, description="Seconds; or give run_at.")
    ] = None
    run_at: Annotated[
        AwareDatetime | None, Field(strict=False, description="Or give delay."), BeforeValidator(_moment)
    ] = None
    retries: Annotated[int | None, Field(ge=0, le=MAX_RETRIES, description="Tries after the first.")] = None
    timeout: Annotated[
        float | None, Field(gt=0, le=MAX_TIMEOUT_SECONDS, description="Seconds for one attempt.")
    ] = None
    expires_in: Annotated[
        float | None,
        Field(gt=0, le=MAX_DELAY_SECONDS, description="Seconds after which it is cancelled if not started."),
    ] = None
    tags: Annotated[tuple[str, ...], Field(max_length=MAX_TAGS, strict=False)] = ()

    def submission(self, created_by: str, traceparent: str | None) -> NewSubmission:
        """The same as the engine takes it."""
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
            traceparent=traceparent,
            created_by=created_by,
            from_wire=True,
        )


class Bulk(BaseModel):
    """Many submissions in one call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: Annotated[list[Submission], Field(min_length=1, max_length=MAX_BULK)]


class Kept(BaseModel):
    """How long ended jobs are kept: until so many seconds old, and the newest so many; null is no bound."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Annotated[float | None, Field(ge=0)] = None
    count: Annotated[int | None, Field(ge=0)] = None


class QueueOptions(BaseModel):
    """Options that an operator sets for a queue; null takes one back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    priority: Annotated[Priority | None, Field(strict=False)] = None
    retries: Annotated[int | None, Field(ge=0, le=MAX_RETRIES)] = None
    timeout: Annotated[float | None, Field(gt=0, le=MAX_TIMEOUT_SECONDS)] = None
    delay: Annotated[float | None, Field(ge=0, le=MAX_DELAY_SECONDS)] = None
    expires_in: Annotated[float | None, Field(gt=0, le=MAX_DELAY_SECONDS)] = None
    max_stalls: Annotated[int | None, Field(ge=0, le=100)] = None
    keep_finished: Kept | None = None
    keep_failed: Kept | None = None


class QueuePatch(BaseModel):
    """A change to a queue; what is left out stays."""

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
    older_than: Annotated[float, Field(ge=0, description="Seconds since they ended.")] = 0.0


class LoadPart(BaseModel):
    """One job type of a load."""

    model_config = ConfigDict(extra="forbid", strict=True)

    share: Annotated[
        int,
        Field(
            ge=1, le=MAX_SHARE, description="Of so many jobs as all shares are together, so many are of it."
        ),
    ] = 1
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None


class LoadRequest(BaseModel):
    """Which jobs to submit, how many, and over what time."""

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
    count: Annotated[int, Field(ge=1, le=MAX_COUNT, description="Jobs in all.")]
    over: Annotated[
        float, Field(ge=0, le=MAX_OVER, description="Seconds that they become due over; 0: all at once.")
    ] = 0.0
