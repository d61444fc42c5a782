"""What a notification for a digest is asked for with, and what came of the message that it became a part of."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from corral_jobs.notification.notification import (
    MAX_TARGETS,
    MAX_TRIES,
    Message,
    NotificationSent,
    Target,
    Title,
)


class DigestTemplates(BaseModel):
    """The templates of the one message. They know `items` (title, message, data of each, the oldest first), `count`, `to`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="One line: the subject of a mail; left out, it says how many there are"
    )
    message: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] | None = Field(
        default=None,
        description="The text; left out, it is each title and message, an empty line between two",
    )


class DigestedNotification(BaseModel):
    """Something that can wait until more is to be said to the same recipient: `{to, message}` is enough."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"to": "ann@example.com", "title": "Order 17", "message": "It was sent."},
                {
                    "to": "ops-chat",
                    "otherwise": ["ops@example.com"],
                    "title": "{{ shop }} is closed",
                    "message": "{{ shop }} has sold nothing for {{ hours }} hours.",
                    "variables": {"shop": "north", "hours": 3},
                    "digest": {
                        "title": "{{ count }} shops need a look",
                        "message": "{% for item in items %}- {{ item.message }}\n{% endfor %}",
                    },
                },
            ]
        },
    )

    to: Target = Field(
        description="Whom it goes to: the name of a webhook or an address of mail; what goes to the same is gathered"
    )
    message: Message = Field(description="What is said")
    title: Title | None = Field(default=None, description="One line above the message")
    variables: dict[str, Any] | None = Field(
        default=None,
        description="Makes templates of title and message: values for {{ name }}; left out, they are sent as they are",
    )
    data: dict[str, Any] | None = Field(
        default=None, description="Values for a program that reads it; only signed webhooks get them"
    )
    otherwise: Annotated[list[Target], Field(max_length=MAX_TARGETS - 1)] = Field(
        default=[], description="Whom it goes to where `to` does not take it: the first of these that does"
    )
    digest: DigestTemplates = Field(
        default=DigestTemplates(),
        description="How the one message is written; notifications that say it otherwise are in another message",
    )
    tries: Annotated[int, Field(ge=1, le=MAX_TRIES)] = Field(
        default=3, description="How often one is tried that can't take it now, before the next is"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """All whom it may go to, the first one first."""
        return self.to, *self.otherwise


class DigestSent(NotificationSent):
    """Who took the message, which all jobs of the digest have as their result."""

    count: int = Field(description="How many notifications the message holds")
    message_id: UUID = Field(description="The same for each of them: the `webhook-id` of a webhook's request")
