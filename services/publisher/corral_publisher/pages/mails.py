"""The pages of the mails that the mail sink caught: the list, one mail, its source and its files."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal, Role
from corral.actions.existing import existing
from corral.ids import parse_id
from corral.store.mail.sink_mails import SinkMail
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor
from corral_publisher.requests import parameters
from corral_publisher.services import services_of

router = APIRouter(include_in_schema=False)

ROWS = 50
HTML_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""For the HTML of a mail, which anybody may have written: no scripts, no forms, nothing loaded from elsewhere."""

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file in a mail."""

    number: int
    name: str
    media_type: str
    size: int


class ReadMail:
    """A caught mail, as a person reads it."""

    def __init__(self, kept: SinkMail) -> None:
        self.kept = kept
        self._message = message_from_bytes(kept.source, _class=EmailMessage, policy=policy.default)

    def header(self, name: str) -> str:
        """A header's text; empty where there is none, or none that can be read."""
        try:
            return str(self._message.get(name, ""))
        except (ValueError, IndexError, AttributeError):  # a header that email can't parse
            return ""

    @property
    def subject(self) -> str:
        """The subject."""
        return self.header("Subject") or "(no subject)"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What a reader shows above the text, and what tells a tester more."""
        names = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID", "List-Unsubscribe")
        return [(name, text) for name in names if (text := self.header(name))]

    def body(self, kind: str) -> str:
        """The text of that kind, `plain` or `html`; empty where there is none."""
        part = self._message.get_body((kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except (LookupError, ValueError, KeyError):  # an encoding that nobody knows
            return (part.get_payload(decode=True) or b"").decode("utf-8", "replace")  # type: ignore[union-attr]

    def files(self) -> list[MailFile]:
        """Attachments and inline images, numbered from 0."""
        return [
            MailFile(number, name or f"file-{number}", part.get_content_type(), len(_content(part)))
            for number, (name, part) in enumerate(self._parts())
        ]

    def file(self, number: int) -> tuple[str, bytes] | None:
        """The name and the content of a file; None where there is none of that number."""
        parts = self._parts()
        if not 0 <= number < len(parts):
            return None
        name, part = parts[number]
        return name or f"file-{number}", _content(part)

    def _parts(self) -> list[tuple[str, EmailMessage]]:
        return [
            (part.get_filename() or "", part)
            for part in self._message.walk()
            if not part.is_multipart() and (part.get_filename() or part.get("Content-ID"))
        ]


def _content(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


@router.get("/mails")
async def mails(request: Request, principal: Looker) -> Response:
    """Show one page of mails, newest first."""
    services = services_of(request)
    found = await services.store.sink_mails.list(
        before=parameters.cursor(request.query_params), limit=ROWS + 1
    )
    shown = found[:ROWS]
    return render.page(
        request,
        "mails.html",
        principal,
        mails=[ReadMail(one) for one in shown],
        next=shown[-1].id if len(found) > ROWS else None,
    )


@router.get("/mails/{mail_id}")
async def mail(request: Request, mail_id: str, principal: Looker) -> Response:
    """Show one mail."""
    return render.page(request, "mail.html", principal, mail=ReadMail(await _kept(request, mail_id)))


@router.get("/mails/{mail_id}/source")
async def source(request: Request, mail_id: str, _: Looker) -> Response:
    """The mail as it came."""
    kept = await _kept(request, mail_id)
    return Response(kept.source, media_type="text/plain; charset=utf-8", headers=_safe("inline", "mail.eml"))


@router.get("/mails/{mail_id}/html")
async def html(request: Request, mail_id: str, _: Looker) -> Response:
    """The HTML of a mail, in which nothing can run."""
    text = ReadMail(await _kept(request, mail_id)).body("html")
    return Response(text, media_type="text/html; charset=utf-8", headers=_safe("inline", "mail.html"))


@router.get("/mails/{mail_id}/files/{number}")
async def file(request: Request, mail_id: str, number: int, _: Looker) -> Response:
    """Download a file of a mail."""
    mail = ReadMail(await _kept(request, mail_id))
    found = existing(mail.file(number), "file of this mail", number)
    name, content = found
    return Response(content, media_type="application/octet-stream", headers=_safe("attachment", name))


async def _kept(request: Request, text: str) -> SinkMail:
    mail_id: UUID | None = parse_id(text)
    found = None if mail_id is None else await services_of(request).store.sink_mails.get(mail_id)
    return existing(found, "mail", text[:100])


def _safe(disposition: str, name: str) -> dict[str, str]:
    ascii_name = name.encode("ascii", "replace").decode().translate({34: "'", 92: "_", 63: "_", 47: "_"})
    return {
        "Content-Security-Policy": HTML_POLICY,
        "Content-Disposition": f"{disposition}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "no-store",
    }
