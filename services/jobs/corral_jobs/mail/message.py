"""The mail as it is sent: headers, texts and files. The same job makes the same bytes in every attempt."""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from corral.errors import FieldError, InvalidInput
from corral.ids import time_of
from corral_jobs.mail import address
from corral_jobs.mail.mail import Mail

MAX_BYTES = 25_000_000
"""Of a whole mail; most servers take no more."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file to send along."""

    name: str
    content: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """Subject and bodies as they are sent: templates are rendered."""

    subject: str
    body: str | None
    html: str | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail that can be handed to a server."""

    message_id: str
    sender: str
    """The envelope's: the bare address."""
    recipients: tuple[str, ...]
    """Bare addresses, each once."""
    content: bytes


def compose(mail: Mail, texts: Texts, files: Sequence[AttachedFile], *, job: UUID, sender: str) -> Composed:
    """Make the mail of a job. Blind copies are recipients, and stand in no header.

    Raises:
        InvalidInput: an address or a text can't be sent, or the mail is larger than servers take.
    """
    author = address.read(sender)
    message_id = f"<{job}@{author.domain}>"
    message = EmailMessage(SMTP)
    try:
        message["From"] = author
        message["To"] = _read([mail.to] if isinstance(mail.to, str) else mail.to, "/to")
        if mail.cc:
            message["Cc"] = _read(mail.cc, "/cc")
        if mail.reply_to is not None:
            message["Reply-To"] = address.read(mail.reply_to, "/reply_to")
        message["Subject"] = texts.subject
        message["Date"] = format_datetime(time_of(job))
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        if mail.list_unsubscribe is not None:
            message["List-Unsubscribe"] = f"<{mail.list_unsubscribe}>"
        if mail.one_click:
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        _add_texts(message, texts, files, job)
        content = message.as_bytes(policy=SMTP)
    except (ValueError, UnicodeError) as error:  # a line end in a rendered subject, a lone surrogate
        raise InvalidInput(FieldError("", f"the mail can't be written: {error}")) from error
    if len(content) > MAX_BYTES:
        raise InvalidInput(
            FieldError("/attachments", f"make a mail of {len(content):,} bytes; at most {MAX_BYTES:,}")
        )
    recipients = dict.fromkeys(address.read(text).addr_spec for text in mail.recipients)
    return Composed(message_id, author.addr_spec, tuple(recipients), content)


def _read(texts: Sequence[str], field: str) -> list[Address]:
    return [address.read(text, field) for text in texts]


def _add_texts(message: EmailMessage, texts: Texts, files: Sequence[AttachedFile], job: UUID) -> None:
    inline = [file for file in files if file.content_id is not None]
    attached = [file for file in files if file.content_id is None]
    if inline and texts.html is None:
        raise InvalidInput(FieldError("/html", "is needed where an attachment has a content_id"))
    if texts.body is not None:
        message.set_content(texts.body)
    if texts.html is not None and texts.body is not None:
        message.add_alternative(texts.html, subtype="html")
    elif texts.html is not None:
        message.set_content(texts.html, subtype="html")
    if inline:
        page: MIMEPart = message if texts.body is None else list(message.iter_parts())[-1]
        for file in inline:
            main, _, sub = _media_type(file.name).partition("/")
            page.add_related(
                file.content, main, sub, cid=f"<{file.content_id}>", filename=file.name, disposition="inline"
            )
    for file in attached:
        main, _, sub = _media_type(file.name).partition("/")
        message.add_attachment(file.content, main, sub, filename=file.name)
    _set_boundaries(message, job)


def _set_boundaries(message: EmailMessage, job: UUID) -> None:
    """Name the boundaries between parts after the job: random ones would differ in every attempt."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"{job.hex}-{number}")


def _media_type(name: str) -> str:
    guessed, encoding = mimetypes.guess_type(name)
    return (
        guessed
        if guessed and encoding is None and not guessed.startswith(("text/", "message/"))
        else ("application/octet-stream")
    )
