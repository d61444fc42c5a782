"""The list of jobs: its address holds the filter and the page, and the first page is updated live."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from corral.actions.access.principal import Principal, Role
from corral.job.job import ListedJob
from corral.job.state import State
from corral.store import Page
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor
from corral_publisher.requests import parameters
from corral_publisher.responses.hint import hint_of
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

ROWS = 30


@router.get("/jobs")
async def jobs(request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]) -> Response:
    """Show one page of jobs."""
    services = services_of(request)
    knowledge = await services.types.all()
    query = request.query_params
    found = await _found(services, query)
    filters = [(name, value) for name, value in query.multi_items() if value and name != "cursor"]
    return render.page(
        request,
        "jobs.html",
        principal,
        jobs=found.items,
        empty=_empty(found, "No jobs match." if filters else "No jobs yet."),
        hint=hint_of(found),
        query={name: query.get(name) for name in parameters.FILTERS},
        states=list(State),
        types=sorted(knowledge.types),
        queues=sorted(knowledge.queues),
        query_string=_query([*filters, *_cursor(query.get("cursor"))]),
        first_page=not query.get("cursor"),
        first_query=_query(filters),
        next_query=_query([*filters, ("cursor", str(found.next))]) if found.next else "",
    )


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The HTML that is updated live: the table."""
    found = await _found(services, request.query_params)
    empty = _empty(found, "No jobs match.")
    return render.fragment(
        request, "_jobs.html", principal, jobs=found.items, empty=empty, hint=hint_of(found)
    )


def _empty(found: Page[ListedJob], words: str) -> str:
    """The text in place of a table without rows."""
    return "None of those fits that were looked at." if found.looked else words


async def _found(services: PublisherServices, query: QueryParams) -> Page[ListedJob]:
    return await services.store.jobs.page(
        parameters.job_filter(query), cursor=parameters.cursor(query), limit=ROWS
    )


def _cursor(text: str | None) -> list[tuple[str, str]]:
    return [("cursor", text)] if text else []


def _query(items: list[tuple[str, str]]) -> str:
    return f"?{urlencode(items)}" if items else ""
