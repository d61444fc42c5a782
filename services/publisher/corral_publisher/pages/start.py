"""The start page: a form to submit a job, made from its schema, and the newest jobs, updated live."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.known_type import KnownType
from corral.errors import FieldError, InvalidInput, TooLarge
from corral.job import mail_hold
from corral.job.priority import Priority
from corral.job.state import State
from corral_publisher.pages import pools, render
from corral_publisher.pages.forms import kinds, load_form, type_form
from corral_publisher.pages.forms import upload as form_upload
from corral_publisher.pages.forms.form import Field, FieldKind, payload_of
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.release import VERSION
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.responses.json_response import answer
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

SHOWN_JOBS = 12
"""Jobs shown on the start page."""
SHOWN_POOLS = 4
"""Pools shown on the start page."""
FIRST_CHOICE = "report.generate"
"""The job type whose form a new user sees first: its result is a report to look at."""


@router.get("/")
async def start(request: Request, type_: Annotated[str, Query(alias="type")] = "") -> Response:
    """Show the page; programs get the addresses of the API."""
    if not wants_html(request):
        return answer(
            {"name": "corral", "version": VERSION, "api": "/api/v1", "openapi": "/api/v1/openapi.json"}
        )
    principal = await Visitor(Role.VIEWER)(request)
    return await page(request, services_of(request), principal, type_)


@router.post("/jobs")
async def submit(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.OPERATOR))]
) -> Response:
    """Submit the job and show it; where the form is wrong, show it again with the errors."""
    services = services_of(request)
    form = await form_of(request, services)
    name = str(form.get("type") or "")
    known, _ = await services.types.get(name)
    fields = type_form.form_fields(known)
    sent: dict[str, str] = {}
    for key, value in form.multi_items():
        if isinstance(value, str):
            sent.setdefault(key, value)
    try:
        sent = await _texts(form, services, known, fields, principal.name)
        accepted = await services.submitter.submit(
            NewSubmission(
                type=name,
                payload=payload_of(fields, sent),
                queue=sent.get("queue") or None,
                priority=Priority(sent["priority"]) if sent.get("priority") in set(Priority) else None,
                delay=_delay(sent.get("delay", "")),
                created_by=principal.name,
            )
        )
    except (InvalidInput, TooLarge) as error:
        errors = error.errors if isinstance(error, InvalidInput) else (FieldError("/payload", str(error)),)
        return await page(request, services, principal, name, sent=sent, errors=errors, status=422)
    return RedirectResponse(f"/jobs/{accepted.id}", status_code=303)


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The HTML that is updated live: problems, counts, pools and newest jobs."""
    return render.fragment(request, "_start_live.html", principal, **await _live(services))


async def page(
    request: Request,
    services: PublisherServices,
    principal: Principal,
    chosen: str,
    *,
    sent: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    load: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """Make the page; after a wrong form, with what was sent and the errors."""
    if load is None and principal.role.includes(Role.ADMIN):
        load = await load_form.values(request, services, request.query_params)
    types = (await services.types.all()).types
    known = types.get(chosen) or types.get(FIRST_CHOICE) or next(iter(types.values()), None)
    shown = await type_form.type_form(services, known, sent) if known else None
    return render.page(
        request,
        "start.html",
        principal,
        status=status,
        here="/",
        groups=kinds.grouped(types),
        first={name: label for name, label in kinds.FIRST.items() if name in types},
        form=shown,
        example_picture=form_upload.EXAMPLE,
        errors=errors,
        wrong={error.pointer: error.message for error in errors},
        may_submit=principal.role.includes(Role.OPERATOR),
        load=load,
        **await _live(services),
    )


async def _live(services: PublisherServices) -> dict[str, Any]:
    page = await services.store.jobs.page(limit=SHOWN_JOBS)
    known = services.pools.known()
    return {
        "problems": [*(await services.servers.lately()).problems, *await _held_mails(services)],
        "jobs": page.items,
        "counts": await services.counts.totals(),
        "pools": pools.shown(known[:SHOWN_POOLS]),
        "more_pools": len(known[SHOWN_POOLS:]),
    }


async def _held_mails(services: PublisherServices) -> list[str]:
    """That mails wait for a mail server, where some do."""
    waiting = (await services.counts.by_queue()).get(mail_hold.QUEUE, {}).get(State.QUEUED, 0)
    queue = await services.store.queues.get(mail_hold.QUEUE) if waiting else None
    if queue is None or queue.paused_by != mail_hold.HOLDER:
        return []
    told = "1 mail is" if waiting == 1 else f"{waiting:,} mails are"
    return [f"{told} held, because no mail server is set. {mail_hold.ACTION}."]


async def _texts(
    form: FormData, services: PublisherServices, known: KnownType, fields: tuple[Field, ...], created_by: str
) -> dict[str, str]:
    """A form's fields as text. A chosen file takes precedence over typed text; one that is an upload is stored."""
    uploads = {item.pointer for item in fields if item.kind is FieldKind.UPLOAD}
    texts: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            texts.setdefault(name, value)
            continue
        content = await value.read()
        await value.close()
        if content and name in uploads:
            texts[name] = await form_upload.kept_upload(
                services, value.filename or "", content, pointer=name, created_by=created_by
            )
        elif content:
            texts[name] = _decoded(content)
    if type_form.wants_example_picture(known, fields, texts):
        pointer = type_form.UPLOAD
        texts[pointer] = await form_upload.kept_example(services, pointer=pointer, created_by=created_by)
    return texts


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _delay(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(FieldError("/delay", f"{text[:50]!r} is no number")) from error
