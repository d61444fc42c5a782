"""What every step is given: the system, the stand-ins around it, and the account."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2

from demo.account import Account
from demo.installation import Installation
from demo.stand_in import StandIn
from demo.waiting import until


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail that the mail server took."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """Its text for readers without HTML."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())


@dataclass(frozen=True, slots=True)
class Stage:
    """The system on which the steps run."""

    installation: Installation
    mail_server: StandIn
    feed_server: StandIn
    receiver: StandIn
    account: Account
    http: httpx2.Client
    """Speaks to the publisher with the owner's key."""
    folder: Path

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an address. Raises where the answer is an error."""
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON of the answer to a POST. Raises where it is an error."""
        return self.http.post(path, json=body).raise_for_status().json()

    def until_status(
        self, path: str, *wanted: str, field: str = "status", seconds: float = 60
    ) -> dict[str, Any]:
        """Ask an address until its `status` is one of these: its JSON."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(path)
            return found if found[field] in wanted else None

        return until(look, seconds=seconds, what=f"{path} is {' or '.join(wanted)}")

    def mails(self, recipient: str) -> list[CaughtMail]:
        """The mails that the mail server took for one address."""
        caught = []
        for file in sorted(self.mail_server.folder.glob("*.eml")):
            first, _, source = file.read_bytes().partition(b"\n")
            recipients = tuple(first.decode().split())
            if recipient in recipients:
                message = message_from_bytes(source, _class=EmailMessage, policy=policy.default)
                caught.append(CaughtMail(recipients, message))
        return caught
