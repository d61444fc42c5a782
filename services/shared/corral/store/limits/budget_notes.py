"""Rates of calls in Postgres: the values in force, and notes of what was taken, which Redis may lose.

A note says what was taken until then, and how much may be taken before the next one. It replaces the one that its writer
saw, and no other: a writer that slept over a newer note changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from corral.catalog.limits.limit import TakenAt
from corral.job.budget import BURST_SHARE, BudgetNote, BudgetState, BudgetTerms, deadline_of
from corral.job.limit_use import name_of
from corral.store.postgres.database import Database
from corral.store.postgres.sql_params import numbers


@dataclass(frozen=True, slots=True)
class BudgetValues:
    """A limit as `ctx.budget` finds it: what is in force for it, or for one of its keys."""

    values: dict[str, Any]
    """As `Rate.values`, with what operators set."""
    paused_at: datetime | None

    @property
    def terms(self) -> BudgetTerms | None:
        """None where it is no rate of calls."""
        if self.values.get("at") != TakenAt.CALL or "rate" not in self.values:
            return None
        return terms_of(self.values)


def terms_of(values: dict[str, Any]) -> BudgetTerms:
    """The terms of a rate of calls with these values."""
    rate, per = float(values["rate"]), float(values["per"])
    burst = min(rate, float(values.get("burst") or rate * BURST_SHARE))
    deadline = float(values.get("deadline") or deadline_of(per))
    return BudgetTerms(rate, per, deadline, burst, int(values.get("slices") or 0))


VALUES = """
SELECT l.declared || coalesce(whole.overrides, '{}') || coalesce(one.overrides, '{}'),
       coalesce(one.paused_at, whole.paused_at)
FROM corral.limits l
LEFT JOIN corral.limit_overrides whole ON whole.limit_name = l.name AND whole.key = ''
LEFT JOIN corral.limit_overrides one ON one.limit_name = l.name AND one.key = %(key)s AND %(key)s <> ''
WHERE l.name = %(limit)s
"""
READ = """
SELECT k.refilled_at::text, ARRAY(
           SELECT date_part('epoch', clock_timestamp() - t.at) FROM unnest(k.taken_at) WITH ORDINALITY AS t(at, n) ORDER BY n
       ), k.taken, k.tokens, date_part('epoch', clock_timestamp() - k.refilled_at), k.reserved
FROM corral.limit_keys k WHERE k.name = %(name)s AND k.refilled_at IS NOT NULL
"""
NOTE = """
INSERT INTO corral.limit_keys AS k (name, limit_name, key, taken_at, taken, tokens, reserved, refilled_at)
SELECT %(name)s, %(limit)s, %(key)s, ARRAY(
           SELECT clock_timestamp() - a.age * interval '1 second'
           FROM unnest(%(ages)s::float8[]) WITH ORDINALITY AS a(age, n) ORDER BY n
       ), %(amounts)s::float8[], %(tokens)s::float8, %(reserved)s::float8, clock_timestamp()
ON CONFLICT (name) DO UPDATE
SET taken_at = excluded.taken_at, taken = excluded.taken, tokens = excluded.tokens, reserved = excluded.reserved,
    refilled_at = excluded.refilled_at
WHERE k.refilled_at IS NOT DISTINCT FROM nullif(%(version)s, '')::timestamptz
RETURNING k.refilled_at::text
"""
# What a job took when it started is corrected where it is counted: less from the time of the take on, more from now on.
SETTLE = """
WITH mine AS MATERIALIZED (
    SELECT u.name, j.started_at, %(actual)s - coalesce(%(before)s::float8, u.cost) AS more
    FROM corral.jobs j CROSS JOIN unnest(j.limits, j.costs) AS u(name, cost)
    WHERE j.id = %(job)s AND j.attempt = %(attempt)s AND j.state = 'running' AND u.name = %(name)s
)
UPDATE corral.limit_keys k
SET taken_at = CASE WHEN k.tokens IS NULL THEN
        array_append(k.taken_at, CASE WHEN mine.more < 0 THEN mine.started_at ELSE clock_timestamp() END) END,
    taken = CASE WHEN k.tokens IS NULL THEN array_append(k.taken, mine.more) END,
    tokens = k.tokens - mine.more
FROM mine WHERE k.name = mine.name
RETURNING k.name
"""


class BudgetNotes:
    """Rates of calls, and the corrections of costs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def values(self, limit: str, key: str = "") -> BudgetValues | None:
        """What is in force for a limit, or for one of its keys; None where no code declares it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(VALUES, {"limit": limit, "key": key})
        return BudgetValues(*rows[0]) if rows else None

    async def read(self, limit: str, key: str = "") -> BudgetNote | None:
        """The last note; None where nothing was taken for longer than matters.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(READ, {"name": name_of(limit, key)})
        if not rows:
            return None
        version, ages, amounts, tokens, age, reserved = rows[0]
        return BudgetNote(
            version, BudgetState(tuple(ages), tuple(amounts or ()), tokens), age, reserved or 0.0
        )

    async def note(
        self, limit: str, key: str, *, after: str, state: BudgetState, reserved: float
    ) -> str | None:
        """Write the note that follows the version `after` (empty: the first one); its version, None where another one did.

        Raises:
            Unavailable: Postgres is away, and it may be written.
        """
        params = {
            "name": name_of(limit, key),
            "limit": limit,
            "key": key,
            "ages": numbers(state.ages),
            "amounts": numbers(state.amounts),
            "tokens": state.tokens,
            "reserved": reserved,
            "version": after,
        }
        rows = await self._database.run(NOTE, params)
        return str(rows[0][0]) if rows else None

    async def settle(self, job: Any, attempt: int, name: str, *, before: float | None, actual: float) -> bool:
        """Correct what a running attempt took of a rate when it started; whether it still holds the job.

        Raises:
            Unavailable: Postgres is away, and it may be corrected.
        """
        params = {"job": job, "attempt": attempt, "name": name, "before": before, "actual": actual}
        return bool(await self._database.run(SETTLE, params))
