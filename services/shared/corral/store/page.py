"""Pages of jobs, newest first, by keyset: a page costs the same however deep it lies.

Ids are in order of submission, so a page is ordered by id. Which index finds
the jobs depends on the filter, and the statement is composed accordingly:
what is ended is found through jobs_history, one (queue, type, state) at a
time, what is live through the partial index of its state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from corral.job.job import ListedJob
from corral.job.state import TERMINAL, State
from corral.store.engine import Database
from corral.store.history import PAIRS
from corral.store.json_text import encode
from corral.store.reading import LISTED, listed_from
from corral.store.sql import texts

T = TypeVar("T")

CLOCK_SLACK = 10 * 60 * 1000
"""Milliseconds: how far the clocks of those who make ids may be from the database's: a time range first narrows the ids."""
FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items, and the cursor of the next page; None at the end."""

    items: Sequence[T]
    next: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs: all that is given must hold; nothing given is every job."""

    states: frozenset[State] = frozenset()
    type: str | None = None
    queue: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    """Searchable fields of the payload, by name."""
    error_text: str | None = None
    """Part of the error's message or class, in any case."""


CONDITIONS = {
    "type": "j.type = %(type)s",
    "queue": "j.queue = %(queue)s",
    "tag": "j.tags @> ARRAY[%(tag)s::text]",
    "search": "j.search @> %(search)s::jsonb",
    "created_after": "j.created_at >= %(created_after)s",
    "created_before": "j.created_at < %(created_before)s",
    "error_text": "concat_ws(' ', j.error->>'type', j.error->>'message') ILIKE %(error_text)s",
}


class Pages:
    """Lists of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: JobFilter | None = None, *, cursor: UUID | None = None, limit: int = 50
    ) -> Page[ListedJob]:
        """Jobs submitted before the one that the cursor names, newest first.

        Raises:
            Unavailable: Postgres is away, or the search took too long: narrow it.
        """
        wanted = wanted or JobFilter()
        params = _params(wanted, cursor, limit)
        statement = (
            f"SELECT {LISTED} FROM corral.jobs j WHERE j.id = ANY(ARRAY({_ids(wanted)})) ORDER BY j.id DESC"
        )
        jobs = [listed_from(row) for row in await self._database.run(statement, params)]
        return Page(jobs[:limit], jobs[limit - 1].id if len(jobs) > limit else None)


def _ids(wanted: JobFilter) -> str:
    """The query for the ids of the page and one more."""
    names = [name for name in CONDITIONS if getattr(wanted, name)]
    where = " AND ".join(["j.id < %(below)s", "j.id >= %(above)s", *(CONDITIONS[name] for name in names)])
    states = wanted.states
    if not states and wanted.error_text:
        states = frozenset(State) - {State.COMPLETED}  # a success clears the error
    if wanted.tag or wanted.search or not (states or wanted.type or wanted.queue):
        where += " AND j.state = ANY(%(states)s::text[])" if states else ""
        return f"SELECT j.id FROM corral.jobs j WHERE {where} ORDER BY j.id DESC LIMIT %(rows)s"
    parts = [_of_state(state, where) for state in sorted((states or frozenset(State)) - TERMINAL)]
    ended = (states or frozenset(State)) & TERMINAL
    if State.COMPLETED not in ended and not (wanted.queue or wanted.type):
        parts += [_of_state(state, where) for state in sorted(ended)]
        ended = frozenset()
    if ended:
        parts += [_of_pairs(state, wanted, where) for state in sorted(ended)]
    union = " UNION ALL ".join(f"({part})" for part in parts)
    pairs = PAIRS if ended else ""
    return f"{pairs} SELECT id FROM ({union}) found ORDER BY id DESC LIMIT %(rows)s"


def _of_state(state: State, where: str) -> str:
    """Through the partial index of that state."""
    return f"SELECT j.id FROM corral.jobs j WHERE j.state = '{state}' AND {where} ORDER BY j.id DESC LIMIT %(rows)s"


def _of_pairs(state: State, wanted: JobFilter, where: str) -> str:
    """Through jobs_history: the newest of every queue and type that fits."""
    which = " AND ".join(
        [
            "true",
            *(["p.queue = %(queue)s"] if wanted.queue else []),
            *(["p.type = %(type)s"] if wanted.type else []),
        ]
    )
    return f"""
    SELECT newest.id FROM pairs p CROSS JOIN LATERAL (
        SELECT j.id FROM corral.jobs j
        WHERE j.queue = p.queue AND j.type = p.type AND j.state = '{state}' AND {where}
        ORDER BY j.id DESC LIMIT %(rows)s
    ) newest WHERE {which}
    """


def _params(wanted: JobFilter, cursor: UUID | None, limit: int) -> dict[str, object]:
    below, above = cursor or LAST, FIRST
    if wanted.created_before:
        below = min(below, _id_at(wanted.created_before, CLOCK_SLACK))
    if wanted.created_after:
        above = _id_at(wanted.created_after, -CLOCK_SLACK)
    return {
        "type": wanted.type,
        "queue": wanted.queue,
        "tag": wanted.tag,
        "search": encode(dict(wanted.search)),
        "created_after": wanted.created_after,
        "created_before": wanted.created_before,
        "error_text": None if wanted.error_text is None else f"%{_literal(wanted.error_text)}%",
        "states": texts(sorted(wanted.states)),
        "below": below,
        "above": above,
        "rows": limit + 1,
    }


def _id_at(moment: datetime, milliseconds_on: int) -> UUID:
    """The lowest id of version 7 so long after that moment; counted in whole numbers, which have no last year."""
    milliseconds = min(max(0, int(moment.timestamp() * 1000) + milliseconds_on), 2**48 - 1)
    return UUID(int=milliseconds << 80)


def _literal(text: str) -> str:
    """Text as a pattern of ILIKE that means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
