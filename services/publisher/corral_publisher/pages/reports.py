"""The page of reports: badges, progress that moves, and buttons; programs get and send JSON at the same paths."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.errors import Conflict
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.requests import parameters
from corral_publisher.requests.auth import Operator, Requires
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.routes import reports as api
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views.reports import ReportPage, ReportStatus, find_report, list_reports

router = APIRouter(include_in_schema=False)

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Reader(Visitor):
    """The dependency of a path that is a page to browsers and JSON to programs."""

    async def __call__(self, request: Request) -> Principal:
        """The caller. Raises as `Visitor` for browsers, as `Requires` for programs."""
        if wants_html(request):
            return await super().__call__(request)
        return await Requires(self.role)(request)


Looker = Annotated[Principal, Depends(Reader(Role.VIEWER))]
Doer = Annotated[Principal, Depends(Visitor(Role.OPERATOR))]


@router.get("/reports")
async def reports(request: Request, principal: Looker) -> Response:
    """Show the page; list the reports as JSON for programs."""
    query = request.query_params
    if not wants_html(request):
        return await api.listed(
            request, parameters.cursor(query), query.get("status", ""), query.get("q", "")
        )
    return await _page(request, services_of(request), principal)


@router.post("/reports")
async def start(request: Request, caller: Operator) -> Response:
    """Ask for a report: a button for people, JSON for programs."""
    services = services_of(request)
    if not _by_form(request):
        return await api.start_report(request, caller)
    form = await form_of(request, services)
    asked: dict[str, Any] = {"pace": True} if services.settings.demo_jobs else {}
    email = form.get("email")
    if isinstance(email, str) and email.strip():
        asked["email"] = email.strip()
    await api.started(request, services, caller, asked)
    return RedirectResponse("/reports", status_code=303)


@router.post("/reports/{report_id}/retry")
async def retry(request: Request, report_id: str, caller: Operator) -> Response:
    """Make a report again: a button for people, JSON for programs."""
    if not _by_form(request):
        return await api.retry_report(request, report_id, caller)
    return await _act(request, report_id, caller, "retry")


@router.post("/reports/{report_id}/cancel")
async def cancel(request: Request, report_id: str, principal: Doer) -> Response:
    """Cancel a report, by its button; programs send DELETE."""
    return await _act(request, report_id, principal, "cancel")


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The HTML that is updated live: the table."""
    return render.fragment(
        request, "_reports.html", principal, **await _values(services, principal, request.query_params)
    )


async def _act(request: Request, report_id: str, principal: Principal, action: str) -> Response:
    services = services_of(request)
    await form_of(request, services)
    job = await find_report(services, parameters.job_id(report_id))
    try:
        if action == "cancel":
            await api.cancelled(services, job, principal)
        else:
            await api.retried(services, job, principal)
    except Conflict as error:
        return await _page(request, services, principal, status=409, refused=str(error))
    return RedirectResponse("/reports", status_code=303)


async def _page(
    request: Request,
    services: PublisherServices,
    principal: Principal,
    *,
    status: int = 200,
    refused: str = "",
) -> Response:
    query = request.query_params
    values = await _values(services, principal, query)
    filters = [(name, query[name]) for name in ("status", "q") if query.get(name)]
    found: ReportPage = values["found"]
    return render.page(
        request,
        "reports.html",
        principal,
        status=status,
        refused=refused,
        query={name: query.get(name, "") for name in ("status", "q")},
        statuses=list(ReportStatus),
        live_query=_query([*filters, *_cursor(query)]),
        next_query=_query([*filters, ("cursor", str(found.next))]) if found.next else "",
        first_query=_query(filters),
        first_page=not query.get("cursor"),
        **values,
    )


async def _values(services: PublisherServices, principal: Principal, query: QueryParams) -> dict[str, Any]:
    status = api.status_of(query.get("status", ""))
    found = await list_reports(
        services, status=status, id_begins=query.get("q", ""), cursor=parameters.cursor(query)
    )
    return {
        "found": found,
        "filtered": bool(status or query.get("q")),
        "may_act": principal.role.includes(Role.OPERATOR),
    }


def _by_form(request: Request) -> bool:
    """Whether a person pressed a button; a program sends its key, whatever it says of its body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in FORMS and "authorization" not in request.headers


def _cursor(query: QueryParams) -> list[tuple[str, str]]:
    return [("cursor", query["cursor"])] if query.get("cursor") else []


def _query(items: list[tuple[str, str]]) -> str:
    return f"?{urlencode(items)}" if items else ""
