"""Pages of jobs, newest first, by keyset: a page costs the same however deep it lies and however long the history.

What the indexes tell is found at once. What only the rows tell (a text in an error, a tag that many have) is looked
for among the newest of what the indexes tell, portion by portion, for as long as `SearchBounds.seconds`: then the page is
what was found so far, says how far back it looked, and the next one goes on there.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from corral.job.job import ListedJob
from corral.job.state import State
from corral.store.jobs.candidates import EDGE, guessed, held, looked_through, newest, of_slice
from corral.store.jobs.filter import HELD, READ, JobFilter, conditions
from corral.store.jobs.queries import LISTED, listed_from
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database, Params
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import array, texts

T = TypeVar("T")

CLOCK_SLACK_MILLISECONDS = 10 * 60 * 1000
"""Milliseconds: how far the clocks of those who make ids may be from the database's: a time range first narrows the ids."""
FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)
LONGEST_LOOK = 2_500
"""Rows in one portion, at most. Where those of the portion before were in Postgres' memory and these are not, they take
some ten times as long (10 µs each, measured with ten million jobs): so many are still read in a moment."""
LONGEST_SLICE = 500_000
"""Ids in one portion, at most, where indexes tell which rows to read."""
RARE = 0.01
"""A tag or a field that fewer of the newest have is looked up in its own index."""

# Of a tag that a million jobs have, an index tells some tens of thousands at random: enough to see that they are many.
# It only ever leaves any out where there are far more than `most_held`.
COMMON = 50_000
FEW = f"SELECT set_config('gin_fuzzy_search_limit', '{COMMON}', true)"
# The bitmaps of both indexes, before any row is read.
TOGETHER = "SELECT set_config('enable_indexscan', 'off', true)"
# The values of a page differ too much for one plan, and none of these statements reads so much that compiling it or
# sharing it out would help. A table is never read whole: a partial index is always the shorter way.
CAREFULLY = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
"""
SHOWN = f"SELECT {LISTED} FROM corral.jobs j WHERE j.id = ANY({{ids}}) ORDER BY j.id DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBounds:
    """How far one page looks for jobs that only their rows tell."""

    seconds: float = 0.035
    """How long it goes on looking."""
    first_look: int = 600
    """Rows in the first portion."""
    time_range_rows: int = 4_000
    """So many are looked at for a time range alone, whatever that takes: some are beside it, and are read in a moment."""
    first_slice: int = 50_000
    """Ids in the first portion, where indexes tell which rows to read."""
    most_held: int = 2_000
    """A rare tag or field that more jobs have in all is looked for on, portion by portion."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items, and the cursor of the next page; None at the end."""

    items: Sequence[T]
    next: UUID | None
    looked: int = 0
    """How many rows were looked at where that took so long that the page stopped before it was full; 0: it is whole."""
    looked_back_to: datetime | None = None
    """When the oldest of them was submitted."""


@dataclass(slots=True)
class Search:
    """The state of a search for one page: what was found, and where to look next."""

    wanted: int
    """Ids that make it full: one more than are shown tells that there is another page."""
    below: UUID
    found: list[UUID]
    looked: int = 0
    ended: bool = False
    """Whether there is nothing left to look at."""

    @property
    def missing(self) -> int:
        """How many jobs the page still needs."""
        return self.wanted - len(self.found)

    @property
    def full(self) -> bool:
        """Whether the page has all the jobs it can hold."""
        return self.missing <= 0

    def take(self, found: Sequence[UUID], looked: int, oldest: UUID | None, *, ended: bool) -> None:
        """Take note of what a portion brought, and go on behind its oldest."""
        self.found += found
        self.looked += looked
        self.ended = ended
        self.below = oldest or self.below


class JobLists:
    """Lists of jobs by filter, page by page."""

    bounds = SearchBounds()

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: JobFilter | None = None, *, cursor: UUID | None = None, limit: int = 50
    ) -> Page[ListedJob]:
        """Jobs submitted before the one that the cursor names, newest first.

        A page may end before it is full, and be empty, although there are more: then it says how far it looked.

        Raises:
            Unavailable: Postgres is away.
        """
        wanted = wanted or JobFilter()
        params = _params(wanted, cursor)
        if not conditions(wanted, HELD, READ):
            statement = SHOWN.format(ids=f"ARRAY({newest(wanted)})")
            return _page(await self._rows(statement, params | {"look": limit + 1}), limit)
        search = await self._search(wanted, params, limit + 1)
        rows = await self._rows(SHOWN.format(ids="%(ids)s::uuid[]"), {"ids": array(search.found)})
        if search.full or search.ended:
            return _page(rows, limit)
        jobs = [listed_from(row) for row in rows]
        return Page(jobs, search.below, search.looked, _moment_of(search.below))

    async def _search(self, wanted: JobFilter, params: Params, rows: int) -> Search:
        """Look through portions until the page is full, the end is reached, or the time is up."""
        search = Search(rows, params["below"], [])
        until = time.monotonic() + self.bounds.seconds
        has_index = bool(conditions(wanted, HELD))
        fewest = self.bounds.first_look if has_index or wanted.error_text else self.bounds.time_range_rows
        look = max(self.bounds.first_look, rows)
        await self._look(search, wanted, params, look)
        portion, longest = self._look, LONGEST_LOOK
        if has_index and len(search.found) < RARE * look and not search.ended:
            await self._look_up(search, wanted, params)
            if State.COMPLETED in wanted.wanted_states:
                portion, longest, look = self._slice, LONGEST_SLICE, self.bounds.first_slice
        while not search.full and not search.ended:
            began = time.monotonic()
            if began >= until and search.looked >= fewest:
                break
            await portion(search, wanted, params, look)
            ended = time.monotonic()
            look = max(fewest, min(longest, 4 * look, int(look / (ended - began) * (until - ended))))
        return search

    async def _look(self, search: Search, wanted: JobFilter, params: Params, look: int) -> None:
        """Look through the rows of the next portion."""
        given = {**params, "below": search.below, "look": look, "rows": search.missing}
        *fits, (oldest, count) = await self._rows(looked_through(wanted), given)
        search.take([row[0] for row in fits], count, oldest, ended=count < look)

    async def _slice(self, search: Search, wanted: JobFilter, params: Params, look: int) -> None:
        """Look through the indexes of the next portion."""
        given = {**params, "below": search.below, "look": look, "rows": search.missing}
        edge = await self._rows(EDGE, given)
        oldest = edge[0][0] if edge else params["above"]
        fits = await self._rows(of_slice(wanted), {**given, "above": oldest}, (TOGETHER, {}))
        search.take([row[0] for row in fits], look, oldest, ended=not edge)

    async def _look_up(self, search: Search, wanted: JobFilter, params: Params) -> None:
        """Find the rest at once, where a tag or field is rare."""
        given = {**params, "below": search.below, "most": self.bounds.most_held, "rows": search.missing}
        ((plan,),) = await self._rows(guessed(wanted), given)
        if plan[0]["Plan"]["Plan Rows"] > COMMON:
            return
        *fits, (_, count) = await self._rows(held(wanted), given, (FEW, {}))
        if count <= self.bounds.most_held:
            search.take([row[0] for row in fits], count, None, ended=True)

    async def _rows(self, statement: str, params: Params, *settings: tuple[str, Params]) -> Sequence[Row]:
        steps = ((CAREFULLY, {}), *settings, (statement, params))
        return (await self._database.together(*steps, limits=SHORT))[-1]


def _page(rows: Sequence[Row], limit: int) -> Page[ListedJob]:
    """A page of which nothing is missing, from its rows and one more."""
    jobs = [listed_from(row) for row in rows]
    return Page(jobs[:limit], jobs[limit - 1].id if len(jobs) > limit else None)


def _params(wanted: JobFilter, cursor: UUID | None) -> dict[str, object]:
    below, above = cursor or LAST, FIRST
    if wanted.created_before:
        below = min(below, _id_at(wanted.created_before, CLOCK_SLACK_MILLISECONDS))
    if wanted.created_after:
        above = _id_at(wanted.created_after, -CLOCK_SLACK_MILLISECONDS)
    return {
        "type": wanted.type,
        "queue": wanted.queue,
        "tag": wanted.tag,
        "search": encode(dict(wanted.search)),
        "one_field": encode(dict(list(wanted.search.items())[:1])),
        "created_after": wanted.created_after,
        "created_before": wanted.created_before,
        "error_text": None if wanted.error_text is None else f"%{_literal(wanted.error_text)}%",
        "states": texts(sorted(wanted.wanted_states)),
        "below": below,
        "above": above,
    }


def _id_at(moment: datetime, milliseconds_on: int) -> UUID:
    """The lowest id of version 7 so long after that moment; counted in whole numbers, which have no last year."""
    milliseconds = min(max(0, int(moment.timestamp() * 1000) + milliseconds_on), 2**48 - 1)
    return UUID(int=milliseconds << 80)


def _moment_of(id: UUID) -> datetime | None:
    """When an id of version 7 was made; None for one that nobody made."""
    try:
        return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _literal(text: str) -> str:
    """Text as a pattern of ILIKE that means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
