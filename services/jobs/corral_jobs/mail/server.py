"""The SMTP server that mails go through, as the installation's settings name it."""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Self

from corral.settings import Settings
from corral_jobs import installation

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed over, and in whose name."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str
    """`corral@example.com` or `Corral <corral@example.com>`."""
    seconds: float = 30.0
    """How long one step of the conversation may take."""

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The server that the settings name; None where they name none."""
        if settings.smtp_host is None:
            return None
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password=settings.smtp_password,
            sender=settings.mail_sender,
        )

    @property
    def name(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


@cache
def configured() -> MailServer | None:
    """The server of this process's settings. Handlers are given no settings, so they are read where the first mail is sent."""
    return MailServer.of(installation.settings())
