"""Lists of jobs: whatever the filter, the pages together show exactly the jobs that fit, newest first."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from corral.job.state import TERMINAL, State
from corral.store import JobFilter, Store
from corral.store.jobs.list import SearchBounds
from corral_testing.subject import Subject

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
INSERT = """
INSERT INTO corral.jobs (id, created_at, run_at, finished_at, state, type, queue, priority, payload, retries,
                         max_stalls, tags, search, error)
VALUES (%(id)s, %(created_at)s, %(run_at)s, %(finished_at)s, %(state)s, %(type)s, %(queue)s, 'normal', '{}', 0, 0,
        %(tags)s, %(search)s, %(error)s)
"""
TYPES, QUEUES, TAGS, NUMBERS = ("a", "b", "c"), ("one", "two"), ("rare", "common", "old"), (1, 2)
TEXTS = ("it broke", "100% wrong", "under_score")


@dataclass(frozen=True)
class Stored:
    """A row, as far as filters go."""

    id: UUID
    created_at: datetime
    state: State
    type: str
    queue: str
    tags: list[str] | None
    search: dict[str, int] | None
    error: dict[str, str] | None

    def fits(self, wanted: JobFilter) -> bool:
        """What a filter means."""
        error = self.error or {}
        text = " ".join([error.get("type", ""), error.get("message", "")]).lower()
        return all(
            (
                not wanted.states or self.state in wanted.states,
                wanted.type in (None, self.type),
                wanted.queue in (None, self.queue),
                wanted.tag is None or wanted.tag in (self.tags or []),
                all((self.search or {}).get(name) == value for name, value in wanted.search.items()),
                wanted.created_after is None or self.created_at >= wanted.created_after,
                wanted.created_before is None or self.created_at < wanted.created_before,
                not wanted.error_text or (bool(error) and wanted.error_text.lower() in text),
            )
        )


def _stored(chance: random.Random, number: int) -> Stored:
    made = BEGINNING + timedelta(minutes=number, seconds=chance.random())
    state = chance.choice(list(State))
    tags = [tag for tag, share in (("rare", 0.02), ("common", 0.6)) if chance.random() < share]
    tags += ["old"] if 50 < number < 100 else []
    broke = state is not State.COMPLETED and chance.random() < 0.5
    return Stored(
        id=UUID(int=(int(made.timestamp() * 1000) << 80) | 0x7000_8000_0000_0000_0000 | number),
        created_at=made + timedelta(seconds=chance.uniform(-120, 120)),  # the clock of another
        state=state,
        type=chance.choice(TYPES),
        queue=chance.choice(QUEUES),
        tags=tags or None,
        search={"n": chance.choice(NUMBERS)} if chance.random() < 0.3 else None,
        error={"type": "acme.Broken", "message": chance.choice(TEXTS)} if broke else None,
    )


def _filters(chance: random.Random, number: int) -> Iterator[JobFilter]:
    for _ in range(number):
        moments = sorted(BEGINNING + timedelta(minutes=chance.uniform(-20, 220)) for _ in range(2))
        given = {
            "states": frozenset(chance.sample(list(State), chance.randint(1, 4))),
            "type": chance.choice([*TYPES, "unknown"]),
            "queue": chance.choice([*QUEUES, "unknown"]),
            "tag": chance.choice([*TAGS, "unknown"]),
            "search": {"n": chance.choice(NUMBERS)},
            "error_text": chance.choice(["BROKE", "0% w", "r_s", "acme", "nothing"]),
            "created_after": moments[0],
            "created_before": moments[1],
        }
        yield JobFilter(**{name: value for name, value in given.items() if chance.random() < 0.3})


@pytest.mark.parametrize("patient", [True, False])
async def test_pages_show_all_that_fit_and_nothing_else(
    store: Store, sql: psycopg.Connection, patient: bool
) -> None:
    """Also where every page stops after a few rows, and where a tag is found through its own index."""
    store.jobs.bounds = SearchBounds(
        seconds=60.0 if patient else 0.0, first_look=7, time_range_rows=7, first_slice=7, most_held=20
    )
    chance = random.Random(16)
    jobs = [_stored(chance, number) for number in range(200)]
    with sql.cursor() as cursor:
        cursor.executemany(INSERT, [_row(job) for job in jobs])
    short = 0
    for wanted in _filters(chance, 30):
        limit, cursor_id, seen = chance.randint(3, 40), None, []
        while True:
            found = await store.jobs.page(wanted, cursor=cursor_id, limit=limit)
            seen += [job.id for job in found.items]
            assert len(found.items) <= limit
            assert len(found.items) == limit or found.next is None or found.looked
            short += bool(found.looked)
            if (cursor_id := found.next) is None:
                break
        assert seen == [job.id for job in reversed(jobs) if job.fits(wanted)], wanted
    assert (short == 0) is patient


async def test_a_page_that_stopped_says_how_far_it_looked(subject: Subject, store: Store) -> None:
    store.jobs.bounds = SearchBounds(first_look=4, seconds=0.0)
    ids = [await subject.submit() for _ in range(6)]
    await store.jobs.cancel(ids, "ann")
    first = await store.jobs.page(JobFilter(error_text="x"), limit=3)
    assert (first.items, first.next, first.looked) == ([], ids[2], 4)
    assert first.looked_back_to is not None
    assert abs(first.looked_back_to - datetime.now(UTC)) < timedelta(minutes=1)
    last = await store.jobs.page(JobFilter(error_text="x"), limit=3, cursor=first.next)
    assert (last.items, last.next, last.looked) == ([], None, 0)


def _row(job: Stored) -> dict[str, object]:
    return {
        "id": job.id,
        "created_at": job.created_at,
        "run_at": BEGINNING if job.state is State.SCHEDULED else None,
        "finished_at": job.created_at if job.state in TERMINAL else None,
        "state": job.state.value,
        "type": job.type,
        "queue": job.queue,
        "tags": job.tags,
        "search": psycopg.types.json.Jsonb(job.search) if job.search else None,
        "error": psycopg.types.json.Jsonb(job.error) if job.error else None,
    }
