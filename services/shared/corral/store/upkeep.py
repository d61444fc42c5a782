"""The leader's housekeeping: statistics folded, what is old removed, always in bounded pieces."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from corral.catalog.precedence import QueueOptions, settle
from corral.job.options import Options, Retention
from corral.job.state import State
from corral.store.engine import DUTY, Database
from corral.store.history import PAIRS, REMOVED
from corral.store.leases import Term, hold

STATS_DAYS = 35
"""Days of statistics that are kept."""
WINDOW = 10
"""How many rows are looked at for each that may be removed in one statement."""
NOTHING = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Folded:
    """One round of folding."""

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
FORGET_STATS = """
DELETE FROM corral.job_stats s WHERE s.ctid = ANY(ARRAY(
    SELECT o.ctid FROM corral.job_stats o WHERE o.minute < now() - %(days)s * interval '1 day' LIMIT %(limit)s))
RETURNING 1
"""
SWEEP_SESSIONS = "DELETE FROM corral.sessions WHERE expires_at < now() RETURNING 1"
SWEEP_LINKS = "DELETE FROM corral.sign_in_links WHERE expires_at < now() RETURNING 1"

KINDS = f"""{PAIRS}
SELECT p.queue, p.type, t.options, q.overrides, q.defaults
FROM pairs p LEFT JOIN corral.job_types t ON t.name = p.type LEFT JOIN corral.queues q ON q.name = p.queue
"""
# Ids are in order of submission, and nothing ends before it is submitted: an id of the last `seconds`
# can't be old enough. Only a window of those before is looked at; `after` carries on behind it.
BY_AGE = f"""
WITH looked AS MATERIALIZED (
    SELECT j.id, j.finished_at FROM corral.jobs j
    WHERE j.queue = %(queue)s AND j.type = %(type)s AND j.state = %(state)s
      AND j.state IN ('completed', 'failed', 'cancelled')
      AND j.id > %(after)s AND j.id < (lpad(to_hex(
            greatest(0, (date_part('epoch', now()) - %(seconds)s) * 1000)::int8 + 600000), 12, '0')
            || repeat('0', 20))::uuid
    ORDER BY j.id LIMIT %(window)s
), gone AS MATERIALIZED (
    SELECT j.id FROM looked JOIN corral.jobs j ON j.id = looked.id
    WHERE looked.finished_at < now() - %(seconds)s * interval '1 second' AND j.state = %(state)s
    ORDER BY j.id LIMIT %(limit)s FOR UPDATE OF j SKIP LOCKED
), {REMOVED}
SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM looked), (SELECT max(id::text)::uuid FROM looked)
"""
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


class Upkeep:
    """What is done now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._passed: dict[tuple[str, str, State], UUID] = {}
        """How far retention by age has looked in this round, per queue, type and state."""

    async def fold_stats(self, term: Term, limit: int = 20_000) -> Folded:
        """Fold what endings appended into the statistics, and forget statistics that are too old.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(DUTY) as transaction:
            await hold(transaction, term)
            rows = await transaction.rows(FOLD, {"limit": limit})
            await transaction.count(FORGET_STATS, {"days": STATS_DAYS, "limit": limit})
        return Folded(rows[0][0])

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
        for queue, type, said, overrides, defaults in await self._database.run(KINDS, limits=DUTY):
            with each(f"{type} in {queue}"):
                of_queue = QueueOptions(overrides or {}, defaults or {})
                options = settle(said or {}, of_queue, installation or {}).options
                for state, keep in _rules(options):
                    removed += await self._retain(term, (queue, type, state), keep, limit - removed)
                    if removed >= limit:
                        return removed
        return removed

    async def sweep_sessions(self, term: Term) -> int:
        """Remove sessions and links that are over; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(DUTY) as transaction:
            await hold(transaction, term)
            sessions = await transaction.rows(SWEEP_SESSIONS)
            return len(sessions) + len(await transaction.rows(SWEEP_LINKS))

    async def _retain(self, term: Term, kind: tuple[str, str, State], keep: Retention, limit: int) -> int:
        queue, type, state = kind
        params: dict[str, object] = {"queue": queue, "type": type, "state": state.value, "limit": limit}
        removed = 0
        async with self._database.transaction(DUTY) as transaction:
            await hold(transaction, term)
            if keep.count is not None:
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
