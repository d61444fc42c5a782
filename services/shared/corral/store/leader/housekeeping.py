"""The leader's housekeeping: statistics folded, what is old removed, always in bounded pieces."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from corral.catalog.precedence import QueueOverrides, settle
from corral.job.options import Options, Retention
from corral.job.state import State
from corral.store.leader import backfills
from corral.store.leader.finished_jobs import COUNTED, PAIRS, REMOVED, TOO_YOUNG
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import DUTY, Database, Limits

STATS_DAYS = 35
"""Days of statistics that are kept."""
WINDOW = 10
"""How many rows are looked at for each that may be removed in one statement."""
NOTHING = UUID(int=0)
BACKFILL = Limits(statement=1800.0, lock=60.0)
"""A hundred million rows are counted in less."""

Kind = tuple[str, str, State]
"""Queue, type and state of what has ended."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What one round of folding the statistics did."""

    deltas: int
    """Rows that were folded; a full round means that more may wait."""


# What is taken out is put in by the same statement: nothing is counted twice or lost.
FOLD = """
WITH taken AS (
    DELETE FROM corral.job_stats_deltas d
    WHERE d.ctid = ANY(ARRAY(SELECT o.ctid FROM corral.job_stats_deltas o LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING d.*
), measured AS (
    SELECT minute, queue, type, outcome, 'wait' AS measure, wait_bucket AS bucket, count, wait_sum AS sum FROM taken
    UNION ALL
    SELECT minute, queue, type, outcome, 'run', run_bucket, count, run_sum FROM taken
), folded AS (
    INSERT INTO corral.job_stats AS s (minute, queue, type, outcome, measure, bucket, count, sum)
    SELECT minute, queue, type, outcome, measure, bucket, sum(count), sum(sum)
    FROM measured GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (minute, queue, type, outcome, measure, bucket)
    DO UPDATE SET count = s.count + excluded.count, sum = s.sum + excluded.sum
)
SELECT count(*) FROM taken
"""
# What was retried or removed is taken off the counts of what has ended.
FOLD_COUNTS = """
WITH taken AS (
    DELETE FROM corral.job_count_deltas d
    WHERE d.ctid = ANY(ARRAY(SELECT o.ctid FROM corral.job_count_deltas o LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING d.*
), folded AS (
    INSERT INTO corral.job_counts AS n (queue, type, state, count)
    SELECT queue, type, state, sum(count) FROM taken GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (queue, type, state) DO UPDATE SET count = n.count + excluded.count
)
SELECT count(*) FROM taken
"""
UNFOLDED = (
    "SELECT EXISTS (SELECT FROM corral.job_stats_deltas) OR EXISTS (SELECT FROM corral.job_count_deltas)"
)
FORGET_EMPTY = "DELETE FROM corral.job_counts n WHERE n.count = 0"
FORGET_STATS = """
DELETE FROM corral.job_stats s WHERE s.ctid = ANY(ARRAY(
    SELECT o.ctid FROM corral.job_stats o WHERE o.minute < now() - %(days)s * interval '1 day' LIMIT %(limit)s))
RETURNING 1
"""
FORGET_ROLLUPS = """
DELETE FROM corral.job_stats_rollups r WHERE r.ctid = ANY(ARRAY(
    SELECT o.ctid FROM corral.job_stats_rollups o
    WHERE o.span IN ('day', 'hour') AND o.start < now() - (%(days)s + 1) * interval '1 day' LIMIT %(limit)s))
"""
SWEEP_SESSIONS = "DELETE FROM corral.sessions WHERE expires_at < now() RETURNING 1"
SWEEP_LINKS = "DELETE FROM corral.sign_in_links WHERE expires_at < now() RETURNING 1"

KINDS = f"""{PAIRS}
SELECT p.queue, p.type, t.options, t.overrides, q.overrides, q.defaults, q.declared
FROM pairs p LEFT JOIN corral.job_types t ON t.name = p.type LEFT JOIN corral.queues q ON q.name = p.queue
"""
# Only a window of those that can be old enough is looked at; `after` carries on behind it.
BY_AGE = f"""
WITH looked AS MATERIALIZED (
    SELECT j.id, j.finished_at FROM corral.jobs j
    WHERE j.queue = %(queue)s AND j.type = %(type)s AND j.state = %(state)s
      AND j.state IN ('completed', 'failed', 'cancelled')
      AND j.id > %(after)s AND j.id < {TOO_YOUNG}
    ORDER BY j.id LIMIT %(window)s
), gone AS MATERIALIZED (
    SELECT j.id FROM looked JOIN corral.jobs j ON j.id = looked.id
    WHERE looked.finished_at < now() - %(seconds)s * interval '1 second' AND j.state = %(state)s
    ORDER BY j.id LIMIT %(limit)s FOR UPDATE OF j SKIP LOCKED
), {REMOVED}
SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM looked), (SELECT max(id::text)::uuid FROM looked)
"""
# How many there are says whether to look at all: the newest million are not read once a minute to find that they
# are no more than a million.
KEPT = f"SELECT e.queue, e.type, e.state, sum(e.count)::int8 FROM ({COUNTED}) e WHERE {backfills.DONE} GROUP BY 1, 2, 3"
BY_COUNT = f"""
WITH last AS MATERIALIZED (
    SELECT j.id FROM corral.jobs j
    WHERE j.queue = %(queue)s AND j.type = %(type)s AND j.state = %(state)s
      AND j.state IN ('completed', 'failed', 'cancelled')
    ORDER BY j.id DESC OFFSET %(keep)s LIMIT 1
), gone AS MATERIALIZED (
    SELECT j.id FROM corral.jobs j
    WHERE j.queue = %(queue)s AND j.type = %(type)s AND j.state = %(state)s
      AND j.state IN ('completed', 'failed', 'cancelled') AND j.id <= (SELECT last.id FROM last)
    ORDER BY j.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), {REMOVED}
SELECT count(*) FROM removed
"""


class Housekeeping:
    """Folds statistics and removes what is kept no longer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._passed: dict[Kind, UUID] = {}
        """How far retention by age has looked in this round, per queue, type and state."""

    async def backfill(self) -> None:
        """Compute what an interrupted `corral migrate up` did not, unless that was done.

        It rests on no term: what is found done is left alone, and two at once do it one after the other.

        Raises:
            Unavailable: Postgres is away; nothing was done.
        """
        if (await self._database.run(backfills.ASK))[0][0]:
            return
        async with self._database.transaction(BACKFILL) as transaction:
            await transaction.rows(backfills.ALONE)
            if not (await transaction.rows(backfills.ASK))[0][0]:
                for step in backfills.STEPS:
                    await transaction.count(step)

    async def anything_to_fold(self) -> bool:
        """Whether endings appended anything that is not folded yet.

        Raises:
            Unavailable: Postgres is away.
        """
        return bool((await self._database.run(UNFOLDED, limits=DUTY))[0][0])

    async def fold_stats(self, term: Term, limit: int = 20_000) -> Folded:
        """Fold what endings appended into the statistics and counts, and forget statistics that are too old.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            ended = (await transaction.rows(FOLD, {"limit": limit}))[0][0]
            gone = (await transaction.rows(FOLD_COUNTS, {"limit": limit}))[0][0]
            if gone:
                await transaction.count(FORGET_EMPTY)
            for statement in (FORGET_STATS, FORGET_ROLLUPS):
                await transaction.count(statement, {"days": STATS_DAYS, "limit": limit})
        return Folded(ended + gone)

    async def retain(
        self,
        term: Term,
        limit: int = 2_000,
        installation: Mapping[str, Any] | None = None,
        each: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> int:
        """Remove ended jobs that are kept no longer, at most `limit`; how many.

        How long is an option of their type, their queue, or the `installation`. `each` is entered for every type of a
        queue, with its name; what it swallows keeps no other from its turn.

        Fewer than `limit` means that this round found nothing more. Their artifacts are swept later.

        Raises:
            LeaseLost: the rest was not removed.
            Unavailable: Postgres is away.
        """
        removed = 0
        kinds, counts = await self._database.together((KINDS, {}), (KEPT, {}), limits=DUTY)
        kept = {(queue, type, State(state)): count for queue, type, state, count in counts}
        for queue, type, said, set_for_type, overrides, defaults, declared in kinds:
            with each(f"{type} in {queue}"):
                of_queue = QueueOverrides(overrides or {}, defaults or {}, declared or {})
                options = settle(said or {}, of_queue, installation or {}, set_for_type or {}).options
                for state, keep in _rules(options):
                    kind = (queue, type, state)
                    too_many = keep.count is not None and kept.get(kind, 0) > keep.count
                    if keep.seconds is not None or too_many:
                        removed += await self._retain(term, kind, keep, limit - removed, too_many=too_many)
                    if removed >= limit:
                        return removed
        return removed

    async def sweep_sessions(self, term: Term) -> int:
        """Remove sessions and sign-in links that have expired; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            sessions = await transaction.rows(SWEEP_SESSIONS)
            return len(sessions) + len(await transaction.rows(SWEEP_LINKS))

    async def _retain(self, term: Term, kind: Kind, keep: Retention, limit: int, *, too_many: bool) -> int:
        queue, type, state = kind
        params: dict[str, object] = {"queue": queue, "type": type, "state": state.value, "limit": limit}
        removed = 0
        async with as_leader(self._database, term) as transaction:
            if too_many:
                removed += (await transaction.rows(BY_COUNT, {**params, "keep": keep.count}))[0][0]
            if keep.seconds is not None and removed < limit:
                window = WINDOW * limit
                after = self._passed.pop(kind, NOTHING)
                params |= {
                    "seconds": keep.seconds,
                    "after": after,
                    "window": window,
                    "limit": limit - removed,
                }
                gone, looked, last = (await transaction.rows(BY_AGE, params))[0]
                removed += gone
                if (
                    looked == window
                ):  # there is more: behind the window, or in it where the limit cut it short
                    self._passed[kind] = last if removed < limit else after
        return removed


def _rules(options: Options) -> list[tuple[State, Retention]]:
    return [
        (State.COMPLETED, options.keep_finished),
        (State.CANCELLED, options.keep_finished),
        (State.FAILED, options.keep_failed),
    ]
