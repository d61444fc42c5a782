"""What a mail is asked for with. No text of a header can hold a line end, so no header can be smuggled in."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

MAX_RECIPIENTS = 100
"""Addresses in `to`, `cc` and `bcc` each. Source: RFC 5321, section 4.5.3.1.8: a server takes at least 100."""
MAX_ATTACHMENTS = 20
MAX_TEXT = 500_000
"""Characters of a body."""

_ATOM = r'[^\s\x00-\x1f\x7f@<>"(),:;\\\[\]]+'
ADDRESS_PATTERN = rf"^(?:{_ATOM}@{_ATOM}|[^\x00-\x1f\x7f<>]*<{_ATOM}@{_ATOM}>)$"
"""`ann@example.com` or `Ann Smith <ann@example.com>`."""
LINE_PATTERN = r"^[^\x00-\x1f\x7f]*$"
"""One line without control characters."""

Address = Annotated[
    str,
    StringConstraints(max_length=320, pattern=ADDRESS_PATTERN),
    Field(description="An address, as ann@example.com or Ann Smith <ann@example.com>"),
]
Addresses = Annotated[list[Address], Field(max_length=MAX_RECIPIENTS)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class Attachment(BaseModel):
    """A file that a job made, to be sent along."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: UUID = Field(description="The job whose file it is")
    artifact: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=LINE_PATTERN)] = Field(
        description="The file's name there"
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=LINE_PATTERN)] | None = (
        Field(default=None, description="Its name in the mail; the same if absent")
    )
    content_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = Field(
        default=None, description="Shows it inside the HTML, which names it as <img src='cid:…'>"
    )


class Mail(BaseModel):
    """A mail: `{to, subject, body}` is enough."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"required": ["body"], "properties": {"body": {"type": "string"}}},
                {"required": ["html"], "properties": {"html": {"type": "string"}}},
            ],
            "examples": [
                {"to": "ann@example.com", "subject": "Your report", "body": "It is ready."},
                {
                    "to": ["Ann <ann@example.com>", "bob@example.com"],
                    "subject": "Hello {{ name }}",
                    "html": "<p>Hello {{ name }}</p>",
                    "variables": {"name": "world"},
                },
            ],
        },
    )

    to: Address | Annotated[list[Address], Field(min_length=1, max_length=MAX_RECIPIENTS)] = Field(
        description="Whom it goes to: an address or a list of addresses"
    )
    subject: Annotated[str, StringConstraints(max_length=500, pattern=LINE_PATTERN)] = Field(
        description="One line"
    )
    body: Text | None = Field(default=None, description="The text for readers without HTML")
    html: Text | None = Field(default=None, description="The text as HTML")
    cc: Addresses = Field(default=[], description="Who gets a copy, as everybody sees")
    bcc: Addresses = Field(default=[], description="Who gets a copy, as nobody else sees")
    reply_to: Address | None = Field(default=None, description="Whom an answer goes to")
    attachments: Annotated[list[Attachment], Field(max_length=MAX_ATTACHMENTS)] = Field(
        default=[], description="Files of jobs to send along"
    )
    list_unsubscribe: (
        Annotated[
            str,
            StringConstraints(max_length=1_000, pattern=r"^(?:https://|mailto:)[^\s\x00-\x1f\x7f<>,]+$"),
        ]
        | None
    ) = Field(default=None, description="Where a reader unsubscribes: an https: or mailto: address")
    one_click: StrictBool = Field(
        default=False, description="Whether list_unsubscribe takes a POST without asking back (RFC 8058)"
    )
    variables: dict[str, Any] | None = Field(
        default=None,
        description="Makes templates of subject, body and html: values for {{ name }} and {% for %}; "
        "left out, they are sent as they are",
    )

    @model_validator(mode="after")
    def _some_text(self) -> Self:
        if self.body is None and self.html is None:
            raise ValueError("body or html must be given")
        if self.one_click and not (self.list_unsubscribe or "").startswith("https://"):
            raise ValueError("one_click needs a list_unsubscribe that starts with https://")
        return self

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address of `to`, `cc` and `bcc`, each as it was given, in order."""
        to = [self.to] if isinstance(self.to, str) else self.to
        return (*to, *self.cc, *self.bcc)
