"""The declaration of `http.request`, and the limit that all job types share that call providers."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from corral.catalog.declaration import JobType, job_type
from corral.catalog.limits.limit import Limit
from corral.job.backoff import Exponential

QUEUE = "requests"

slots = Limit("provider-slots", each=2, by="provider")
"""How many jobs may call one provider at the same time: `slots` of the provider's row, 2 where it says nothing."""

ProviderName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?$"),
    Field(description="As `corral providers list` shows it"),
]
Text = Annotated[str, StringConstraints(max_length=4_000)]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class HttpRequest(BaseModel):
    """One request. Secrets are the provider's: none stands in a payload."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"provider": "example", "path": "v1/items", "query": {"q": "shoes"}}]
        },
    )

    provider: ProviderName
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Text = Field(default="", description="Below the provider's address")
    query: Annotated[dict[Text, Text], Field(max_length=100)] = Field(
        default={}, description="What follows the question mark"
    )
    headers: Annotated[dict[Token, Text], Field(max_length=50)] = Field(
        default={}, description="Beside those that the provider's row names"
    )
    json_body: Any = Field(default=None, alias="json", description="The body, as a JSON value")
    body: Annotated[str, StringConstraints(max_length=1_000_000)] | None = Field(
        default=None, description="Or the body as text"
    )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.body is not None:
            raise ValueError("json and body are both given; a request has one body")
        if self.method in ("GET", "HEAD") and (self.json_body is not None or self.body is not None):
            raise ValueError(f"a request with {self.method} has no body")
        return self


class HttpResult(BaseModel):
    """What the provider answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int = Field(description="The HTTP status, 200 to 399")
    headers: dict[str, str] = Field(description="By name in small letters")
    text: str | None = Field(
        description="The body; null where it is no text, or long: then it is the file `body`"
    )
    size_bytes: int = Field(description="Of the body")


request: JobType[HttpRequest, HttpResult] = job_type(
    "http.request",
    payload=HttpRequest,
    result=HttpResult,
    queue=QUEUE,
    retries=3,
    backoff=Exponential(2),
    timeout=900,
    limits=[slots],
    search=["provider"],
    description="Sends a request to a provider, with its secrets and within what it allows.",
)
