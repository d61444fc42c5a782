"""What became of a mail."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class RecipientStatus(StrEnum):
    """What the server said of one recipient."""

    SENT = "sent"
    """The server took the mail for it."""
    REFUSED = "refused"
    """The server refused it for good (5xx)."""
    DEFERRED = "deferred"
    """The server refused it for now (4xx)."""


class RecipientResult(BaseModel):
    """What became of the mail for one recipient."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    status: RecipientStatus
    code: int | None = Field(default=None, description="The server's code where it refused")
    answer: str | None = Field(default=None, description="The server's words where it refused")

    def __str__(self) -> str:
        return f"{self.address}: {self.code} {self.answer}" if self.code else f"{self.address}: {self.status}"


class MailSent(BaseModel):
    """The result of `email.send`: the server took the mail for every recipient."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: str = Field(description="The same in every attempt")
    server: str = Field(description="The server that took it, with its port")
    answer: str = Field(description="The server's last words")
    size_bytes: int = Field(ge=0)
    recipients: list[RecipientResult]
