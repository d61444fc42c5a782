"""Claims of groups whose limits have room for all that is taken: one statement, in place of two (protocol rule 12).

All or nothing. The jobs are picked, then the rows of their keys are locked in their order, and what is in use is read of
the rows that were locked: a row says itself what is in use of it, and what is locked is seen in its newest version. What
operators set and pause does not change between a claim's beginning and its end (rule 10). Nothing is taken where a limit
is more than a bound on what runs (a rate, a pause, slots held for life, a share of each worker, batches), and the claim of
`limit_claims` decides. Jobs are locked before keys here, and skipped where somebody else holds them: nobody waits for a job
while a key is held.

A claim beyond the free slots (protocol rule 9) picks more, and takes of them what can be put back as it was. It takes nothing
either where it would not leave every limit as much room as it takes: what waits here for a slot keeps nobody else's from starting.

Jobs that wait since before `since` are not looked at: while a snapshot is held, the entries of all jobs that were claimed
before stand there. Whoever asks for that looks from the beginning each second or so (`corral_worker.claiming.open_groups`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.job import Claimed
from corral.store.attempts.claims import COLUMNS, WIDTH, BeyondSlots, claimed_from
from corral.store.limits.room import SLACK
from corral.store.limits.states import ME, PASSABLE
from corral.store.postgres.database import Database, Params
from corral.store.postgres.sql_params import array, numbers, texts


def _claim(
    *,
    turns: str,
    more: str = "",
    looked_at: str = "",
    chosen: str = "",
    source: str = "picked",
    times: int = 1,
) -> str:
    """The claim of what `source` names, where every limit has room for so many times as much.

    `more` are columns of the picked jobs, made of those `looked_at`; `chosen` is a step that chooses of them.
    """
    return f"""
WITH {ME}, picked AS MATERIALIZED (
    SELECT j.id, j.limits, j.costs{more}
    FROM me CROSS JOIN unnest(%(groups)s::uuid[], %(takes)s::int4[], %(since)s::float8[]) {turns}
    CROSS JOIN LATERAL (
        SELECT l.id, l.limits, l.costs{looked_at} FROM corral.jobs l
        WHERE l.limit_group = s.grp AND l.suspect = false AND l.queued_at >= to_timestamp(s.since)
          AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL AND l.limits <> '{{}}' AND {PASSABLE}
        ORDER BY l.queued_at, l.id LIMIT s.take FOR NO KEY UPDATE SKIP LOCKED
    ) j
){chosen}, needs AS MATERIALIZED (
    SELECT u.name, sum(u.cost) AS cost FROM {source} picked CROSS JOIN unnest(picked.limits, picked.costs) AS u(name, cost)
    GROUP BY 1 ORDER BY 1
), keys AS MATERIALIZED (
    SELECT n.name, n.cost,
           {times} * n.cost <= coalesce(CASE k.key WHEN '' THEN d.total ELSE d.each END, 'Infinity') - k.in_use + {SLACK}
           AND k.parked_until IS NULL AND k.probe IS NULL AND k.holder IS NULL AND k.after_end IS NULL AS fits
    FROM needs n CROSS JOIN LATERAL (
        SELECT k.limit_name, k.key, k.in_use, k.parked_until, k.probe, k.holder, k.after_end
        FROM corral.limit_keys k WHERE k.name = n.name OFFSET 0 FOR NO KEY UPDATE
    ) k CROSS JOIN LATERAL (
        SELECT (v.doc->>'total')::float8 AS total, (v.doc->>'each')::float8 AS each
        FROM corral.limits l LEFT JOIN LATERAL (
            SELECT x.overrides, x.paused_at FROM corral.limit_overrides x WHERE x.limit_name = l.name AND x.key = '' OFFSET 0
        ) whole ON true LEFT JOIN LATERAL (
            SELECT x.overrides, x.paused_at FROM corral.limit_overrides x
            WHERE x.limit_name = l.name AND x.key = k.key AND k.key <> '' OFFSET 0
        ) one ON true CROSS JOIN LATERAL (
            SELECT l.declared || coalesce(whole.overrides, '{{}}') || coalesce(one.overrides, '{{}}') AS doc OFFSET 0
        ) v
        WHERE l.name = k.limit_name AND whole.paused_at IS NULL AND one.paused_at IS NULL
          AND coalesce(v.doc->>'hold', 'attempt') = 'attempt' AND NOT v.doc ?| ARRAY['per_worker', 'unit', 'rate'] OFFSET 0
    ) d
), all_fit AS MATERIALIZED (
    SELECT (SELECT count(*) FROM keys WHERE keys.fits) = (SELECT count(*) FROM needs) AS yes
), used AS (
    UPDATE corral.limit_keys k SET in_use = k.in_use + keys.cost FROM all_fit CROSS JOIN keys
    WHERE all_fit.yes AND k.name = keys.name
)
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = clock_timestamp(), updated_at = clock_timestamp(), progress = 0, progress_message = NULL
FROM all_fit CROSS JOIN {source} picked WHERE all_fit.yes AND j.id = picked.id
RETURNING {COLUMNS}, date_part('epoch', j.queued_at)
"""


CLAIM_OPEN = _claim(turns="AS s(grp, take, since)")
# As CLAIM_BEYOND of `corral.store.attempts.claims` chooses: first attempts of quick types, and none behind another type.
# Nothing where a limit counts what waits: a job that is put back would be one more than a submission saw.
CLAIM_OPEN_BEYOND = _claim(
    turns="WITH ORDINALITY AS s(grp, take, since, ord)",
    more=""", j.queued_at, s.ord, j.type = ANY(%(beyond)s::text[]) AS quick,
           j.attempt = 0 AND j.unique_key IS NULL AS returnable, j.counted_by IS NOT NULL AS counted""",
    looked_at=", l.queued_at, l.type, l.attempt, l.unique_key, l.counted_by",
    chosen=""", chosen AS MATERIALIZED (
    SELECT n.id, n.limits, n.costs FROM (
        SELECT p.id, p.limits, p.costs, p.returnable, row_number() OVER before AS number, bool_and(p.quick) OVER before AS quick
        FROM picked p WINDOW before AS (ORDER BY p.ord, p.queued_at, p.id ROWS UNBOUNDED PRECEDING)
    ) n
    WHERE (n.number <= %(free)s OR (n.quick AND n.returnable)) AND NOT EXISTS (SELECT FROM picked p WHERE p.counted)
)""",
    source="chosen",
    times=2,
)


@dataclass(frozen=True, slots=True)
class OpenTake:
    """What is asked of a group: at most so many jobs that wait since that time or later."""

    take: int
    since: float
    """Seconds since 1970, of Postgres' clock."""


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """What such a claim took."""

    claimed: list[Claimed]
    since: dict[UUID, float]
    """Of each group since when the one that waited longest of these had waited."""


async def claim_open(
    database: Database,
    worker: UUID,
    claim: UUID,
    groups: Mapping[UUID, OpenTake],
    types: Sequence[str],
    *,
    beyond: BeyondSlots | None = None,
) -> OpenClaim:
    """Take what is asked of these groups, if every limit has room for all of it; else nothing.

    Raises:
        Unavailable: Postgres is away; where it is ambiguous, ask `Claims.claimed_under(claim)` before anything else.
    """
    statement = CLAIM_OPEN
    params: Params = {
        "worker": worker,
        "claim": claim,
        "types": texts(types),
        "groups": array(groups),
        "takes": array(one.take for one in groups.values()),
        "since": numbers(one.since for one in groups.values()),
    }
    if beyond is not None:
        statement, params = CLAIM_OPEN_BEYOND, {**params, "free": beyond.free, "beyond": texts(beyond.types)}
    rows = await database.hot(statement, params, binary=True)
    claimed = [claimed_from(row) for row in rows]
    return OpenClaim(claimed, earliest(claimed, [row[WIDTH] for row in rows]))


def earliest(claimed: Sequence[Claimed], queued: Sequence[float]) -> dict[UUID, float]:
    """Of each group since when the one of these jobs that waited longest had waited."""
    since: dict[UUID, float] = {}
    for job, at in zip(claimed, queued, strict=True):
        if job.limit_group is not None and at < since.get(job.limit_group, float("inf")):
            since[job.limit_group] = at
    return since
