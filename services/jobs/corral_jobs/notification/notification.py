"""What a notification is asked for with, and what came of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from corral.job.limits import MAX_NAME, NAME_PATTERN
from corral_jobs.mail.mail import LINE_PATTERN, Address

MAX_TARGETS, MAX_TRIES = 4, 5
WebhookName = Annotated[
    str,
    StringConstraints(max_length=MAX_NAME, pattern=NAME_PATTERN),
    Field(description="The name of a webhook (`corral webhooks`): signed JSON, Slack or Teams"),
]
Target = Address | WebhookName
Message = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Title = Annotated[str, StringConstraints(max_length=200, pattern=LINE_PATTERN)]


class Notification(BaseModel):
    """Something that somebody should know: `{to, message}` is enough. No address or secret of a webhook stands in it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"to": "ann@example.com", "message": "The report is ready."},
                {
                    "to": ["ops-chat", "ops@example.com"],
                    "title": "{{ shop }} is closed",
                    "message": "{{ shop }} has sold nothing for {{ hours }} hours.",
                    "variables": {"shop": "north", "hours": 3},
                },
            ]
        },
    )

    to: Target | Annotated[list[Target], Field(min_length=1, max_length=MAX_TARGETS)] = Field(
        description="Whom it goes to: the name of a webhook or an address of mail; of a list the first that takes it"
    )
    message: Message = Field(description="What is said")
    title: Title | None = Field(default=None, description="One line: the subject of a mail")
    variables: dict[str, Any] | None = Field(
        default=None,
        description="Makes templates of title and message: values for {{ name }}; left out, they are sent as they are",
    )
    data: dict[str, Any] | None = Field(
        default=None, description="Values for a program that reads it; only signed webhooks get them"
    )
    tries: Annotated[int, Field(ge=1, le=MAX_TRIES)] = Field(
        default=3, description="How often one is tried that can't take it now, before the next is"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """All whom it may go to, the first one first."""
        return (self.to,) if isinstance(self.to, str) else tuple(self.to)


class GaveUp(BaseModel):
    """One that did not take it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str
    reason: str


class NotificationSent(BaseModel):
    """Who took it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str
    via: Literal["standard", "slack", "teams", "email"]
    status: int | None = Field(default=None, description="The HTTP status of a webhook's answer")
    email: UUID | None = Field(default=None, description="The job that sends the mail")
    gave_up: list[GaveUp] = Field(default=[], description="Those before it, which did not take it")
