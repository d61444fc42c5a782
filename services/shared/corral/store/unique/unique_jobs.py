"""Storing jobs that are unique: their keys are locked and read, what becomes of each job is decided, and is written.

All in one transaction. A submission that would change a job which somebody else holds begins anew.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import OutcomeUnknown, Refused, Unavailable
from corral.job.duplicates import Decisions, JobSeen, KeySeen, KeyTaken, decide
from corral.job.job import Accepted, NewJob
from corral.job.priority import Priority
from corral.job.state import WAITING, State
from corral.job.unique import OnDuplicate, UniqueKey
from corral.refusals import Duplicate
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import EXISTING, RESOLVE_PAUSE_SECONDS, RESOLVE_SECONDS, insert_within
from corral.store.jobs.insert_columns import columns_of
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database, Limits, Params, Transaction
from corral.store.postgres.pg_errors import Ambiguous
from corral.store.postgres.sql_params import array, numbers, texts
from corral.store.unique import unique_keys
from corral.store.unique.answers import SeenKeys, answer_of, refusal, stored_before

log = structlog.get_logger(__name__)

WAIT = Limits(statement=8.0, lock=1.0)
"""Whoever holds a key in an open transaction is waited for no longer than the lock's second."""
ANEW_SECONDS = 1.0
"""How long a submission begins anew, where somebody holds the job that it would change."""
ANEW_PAUSE_SECONDS = 0.01
TAKEN_OVER = (
    "payloads",
    "run_ats",
    "expiries",
    "retries",
    "timeouts",
    "tags",
    "searches",
    "traces",
    "limit_groups",
    "limits",
    "costs",
    "counted_by",
)
"""Columns of a new job that the one which it replaces takes over."""
HELD = "another request holds this unique key right now"


class JobHeld(Refused):
    """A job whose payload is to be replaced is held by another transaction: begin anew."""

    def __init__(self) -> None:
        super().__init__("postgres", "another transaction holds the job that is to be replaced")


class UniqueJobs:
    """Stores submissions among whose jobs are unique ones."""

    def __init__(self, database: Database, wait: Limits = WAIT) -> None:
        """`wait`: how long a key that somebody else is storing is waited for."""
        self._database = database
        self._wait = wait

    async def insert(
        self, submissions: Sequence[Sequence[NewJob]], *, partial: bool = False
    ) -> list[list[Accepted] | Duplicate]:
        """Store submissions, in the order given; all or none of them, but for those that are refused as duplicates.

        A submission with a duplicate that is refused stores nothing, and its answer is the error. With `partial` only
        the duplicate is not stored, and its answer says so. A commit whose answer was lost is resolved by doing it
        again: the keys then lead to the same jobs.

        Raises:
            InvalidInput: a value that Postgres can't hold; nothing was stored.
            Unavailable: nothing was stored; a Refused where somebody holds one of the keys.
            OutcomeUnknown: the commit was lost and Postgres stayed away.
        """
        deadline, lost = 0.0, False
        while True:
            try:
                return await self._insert(submissions, partial=partial)
            except Ambiguous as error:
                log.warning("unique.ambiguous", submissions=len(submissions), reason=str(error))
                lost, deadline = True, deadline or time.monotonic() + RESOLVE_SECONDS
            except Refused as error:
                if not lost:
                    raise Refused("postgres", f"{HELD}; {error.reason}") from error
            except Unavailable:
                if not lost:
                    raise
            if time.monotonic() >= deadline:
                ids = tuple(job.id for jobs in submissions for job in jobs)
                metrics.OUTCOMES_UNKNOWN.labels("insert", "no").inc(len(ids))
                raise OutcomeUnknown(ids)
            await asyncio.sleep(RESOLVE_PAUSE_SECONDS)

    async def _insert(
        self, submissions: Sequence[Sequence[NewJob]], *, partial: bool
    ) -> list[list[Accepted] | Duplicate]:
        until = time.monotonic() + ANEW_SECONDS
        while True:
            try:
                async with self._database.transaction(self._wait) as transaction:
                    return await insert_unique(transaction, submissions, partial=partial)
            except JobHeld:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(ANEW_PAUSE_SECONDS)


async def insert_unique(
    transaction: Transaction, submissions: Sequence[Sequence[NewJob]], *, partial: bool = False
) -> list[list[Accepted] | Duplicate]:
    """Store submissions as a part of a transaction; see `UniqueJobs.insert`.

    Raises:
        InvalidInput: a value that Postgres can't hold.
        JobHeld: a job whose payload would be replaced is held by somebody else; roll back and begin anew.
    """
    jobs = [job for submission in submissions for job in submission]
    seen = await _locked(transaction, jobs)
    mine = {job.id for job in jobs}
    if not mine.isdisjoint(seen.holders) or not mine.isdisjoint(seen.newest.values()):
        return await stored_before(transaction, submissions, seen)
    decisions = decide(await _settled(transaction, jobs, seen.keys), submissions, partial=partial)
    written = await _write(transaction, decisions, seen)
    return [
        refusal(jobs, refused)
        if answers is None
        else [answer_of(job, one, written, seen.keys) for job, one in zip(jobs, answers, strict=True)]
        for jobs, answers, refused in zip(submissions, decisions.answers, decisions.refused, strict=True)
    ]


async def _locked(transaction: Transaction, jobs: Sequence[NewJob]) -> SeenKeys:
    """Lock the keys of these jobs, make those that are missing, and read the others."""
    first: dict[str, tuple[UUID, UniqueKey]] = {}
    for job in jobs:
        if job.unique is not None:
            first.setdefault(job.unique.name, (job.id, job.unique))
    params = {
        "keys": texts(first),
        "jobs": array(id for id, _ in first.values()),
        "withins": numbers(_within(unique) for _, unique in first.values()),
    }
    made = {row[0]: first[row[0]][0] for row in await transaction.rows(unique_keys.LOCK, params)}
    others = [name for name in first if name not in made]
    rows = await transaction.rows(unique_keys.SEEN, {"keys": texts(others)}) if others else []
    return SeenKeys(
        {row[0]: _seen(row) for row in rows},
        {row[0]: row[1] for row in rows},
        {row[4]: accepted_from(row[11:]) for row in rows if not row[6]},
        made,
    )


def _seen(row: Row) -> KeySeen:
    _, _, timed, open, holder, state, removed, waiting, waits, queue, priority, *rest = row
    held = JobSeen(holder, State.read(state), removed=removed)
    return KeySeen(
        held if removed else replace(held, queue=rest[1], priority=Priority.read(rest[2])),
        None if waits is None else JobSeen(waiting, State.read(waits), queue, Priority.read(priority)),
        open=open,
        over=timed and not open,
    )


async def _settled(
    transaction: Transaction, jobs: Sequence[NewJob], seen: Mapping[str, KeySeen]
) -> dict[str, KeySeen]:
    """The keys, with the jobs that may be replaced locked, as they are under the lock."""
    replacing = {OnDuplicate.REPLACE, OnDuplicate.KEEP_LATEST}
    wanted: dict[UUID, str] = {}
    for job in jobs:
        if job.unique is not None and job.unique.on_duplicate in replacing and job.unique.name in seen:
            one = seen[job.unique.name]
            target = one.waiting or one.holder
            if one.held and target.state in WAITING:
                wanted[target.id] = job.unique.name
    settled = dict(seen)
    if not wanted:
        return settled
    rows = await transaction.rows(unique_keys.TARGETS, {"ids": array(wanted)})
    if len(rows) < len(wanted):
        raise JobHeld
    for id, state in rows:
        one = seen[wanted[id]]
        now = State.read(state)
        settled[wanted[id]] = (
            replace(one, holder=replace(one.holder, state=now))
            if one.holder.id == id
            else replace(one, waiting=one.waiting and replace(one.waiting, state=now))
        )
    return settled


async def _write(transaction: Transaction, decisions: Decisions, seen: SeenKeys) -> dict[UUID, Accepted]:
    """Write what was decided; the jobs that are told, as they are now."""
    accepted = {one.id: one for one in await insert_within(transaction, list(decisions.new.values()))}
    behind = [
        one.waiting
        for one in decisions.keys.values()
        if one.waiting is not None and one.waiting in decisions.new
    ]
    if behind:
        await transaction.count(unique_keys.PARK, {"ids": array(behind)})
    if decisions.payloads:
        await transaction.count(unique_keys.REPLACE, _replacing(decisions.payloads))
    changed = {
        name: one
        for name, one in decisions.keys.items()
        if seen.made.get(name) != one.holder or one.waiting is not None
    }
    if changed:
        await transaction.count(unique_keys.HOLD, _holding(changed))
    if unused := seen.made.keys() - decisions.keys.keys():
        await transaction.count(unique_keys.FREE, {"keys": texts(unused)})
    read = [*decisions.payloads, *behind]
    rows = await transaction.rows(EXISTING, {"ids": array(read)}) if read else []
    return {**seen.holders, **accepted, **{row[0]: accepted_from(row) for row in rows}}


def _replacing(payloads: Mapping[UUID, NewJob]) -> Params:
    """The parameters of REPLACE."""
    columns = columns_of(list(payloads.values()))
    uniques = [job.unique for job in payloads.values() if job.unique is not None]
    return {
        **{name: columns[name] for name in TAKEN_OVER},
        "delays": numbers(job.delay for job in payloads.values()),
        "ids": array(payloads),
        "keys": texts(unique.name for unique in uniques),
        "max_waits": numbers(unique.max_wait for unique in uniques),
        "stays": array(unique.on_duplicate is OnDuplicate.KEEP_LATEST for unique in uniques),
    }


def _holding(keys: Mapping[str, KeyTaken]) -> Params:
    """The parameters of HOLD."""
    taken = keys.values()
    return {
        "keys": texts(keys),
        "holders": array(one.holder for one in taken),
        "waitings": texts(str(one.waiting) if one.waiting else None for one in taken),
        "newests": array(one.newest for one in taken),
        "anews": array(one.anew for one in taken),
        "withins": numbers(_within(one.unique) for one in taken),
    }


def _within(unique: UniqueKey) -> float | None:
    return unique_keys.FOR_EVER if unique.within == inf else unique.within
