"""Parameters of paths and queries that FastAPI's declarations can't check."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from corral import json_codec
from corral.actions.existing import existing
from corral.actions.submissions.json_value import faults
from corral.bounded import Bounded
from corral.errors import FieldError, InvalidInput
from corral.ids import parse_id
from corral.job import moment
from corral.job.bounds import Bounds
from corral.job.state import State
from corral.store import JobFilter

SEARCH = "search."
FILTERS = frozenset({"state", "type", "queue", "tag", "created_after", "created_before", "error"})
PAGING = frozenset({"cursor", "limit"})


class InvalidParameter(InvalidInput):
    """A query parameter is wrong; the pointer of its error is the parameter's name."""


def refuse_nul(request: Request) -> None:
    """Refuse a NUL character anywhere in the address of a request: nothing that Postgres keeps has one.

    Raises:
        HTTPException: the path holds one, so nothing is there.
        InvalidParameter: the name or the value of a parameter holds one.
    """
    if "\0" in request.scope["path"]:
        raise HTTPException(404)
    if b"%00" in request.scope["query_string"]:
        raise InvalidParameter(
            *(
                FieldError(
                    name.replace("\0", "\\u0000")[:100],
                    f"{where} a NUL character (\\u0000), which nothing stored has",
                )
                for name, value in request.query_params.multi_items()
                if (where := "has a name with" if "\0" in name else "contains" if "\0" in value else "")
            )
        )


def job_id(text: str) -> UUID:
    """The job's id in a path.

    Raises:
        NotFound: the text is not an id, so there is no such job.
    """
    return existing(parse_id(text), "job", text[:100])


def job_filter(query: QueryParams) -> JobFilter:
    """The filter of a list of jobs, from the query. Searchable fields are `search.<field>=<value>`.

    Raises:
        InvalidParameter: a parameter is unknown or its value is not allowed.
    """
    wrong = [
        FieldError(name, "is not a known parameter")
        for name in query
        if name not in FILTERS and name not in PAGING and not name.startswith(SEARCH)
    ]
    if wrong:
        raise InvalidParameter(*wrong[:20])
    return JobFilter(
        states=frozenset(_state(text) for text in query.getlist("state") if text),
        type=query.get("type") or None,
        queue=query.get("queue") or None,
        tag=query.get("tag") or None,
        created_after=_moment("created_after", query.get("created_after")),
        created_before=_moment("created_before", query.get("created_before")),
        search={
            name.removeprefix(SEARCH): _search_value(value)
            for name, value in query.items()
            if name.startswith(SEARCH)
        },
        error_text=query.get("error") or None,
    )


def cursor(query: QueryParams) -> UUID | None:
    """The cursor at which a page begins; None for the first page.

    Raises:
        InvalidParameter: it is not a cursor that a page returned.
    """
    return _cursor(query.get("cursor"))


async def _cursor_of_request(
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
) -> UUID | None:
    return _cursor(cursor)


Cursor = Annotated[UUID | None, Depends(_cursor_of_request)]
"""The cursor of a list whose items have ids; raises as `cursor`."""
Limit = Annotated[int, Bounded(Bounds(1, 200, "items")), Query(description="Items on one page.")]


def _cursor(text: str | None) -> UUID | None:
    if not text:
        return None
    found = parse_id(text)
    if found is None:
        raise InvalidParameter(
            FieldError("cursor", "is not a cursor; take it from `next` of the page before")
        )
    return found


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError as error:
        known = ", ".join(State)
        raise InvalidParameter(FieldError("state", f"{text[:50]!r} is no state; known: {known}")) from error


def _moment(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return moment.parse(text)
    except ValueError as error:
        raise InvalidParameter(FieldError(name, str(error))) from error


def _search_value(text: str) -> Any:
    """The JSON value of a search: numbers, true, false and null as such; anything else, or in quotes, is text."""
    try:
        value = json_codec.loads(text)
    except ValueError:
        return text
    plain = not isinstance(value, dict | list) and next(faults(value, ""), None) is None
    return value if plain else text
