"""Follow-ups that carry a unique key: kept with the outcome, stored as jobs apart from it (protocol rules 33 and 34).

A key may be held by somebody who takes a while, and no outcome waits for that. So the statement that writes the outcome
keeps the submission; the worker stores it right afterwards, and the leader what a worker that died did not.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

from corral.errors import Conflict, InvalidInput
from corral.job.follow_up import FollowUp
from corral.job.job import Accepted, NewJob
from corral.job.limit_use import LimitUses
from corral.job.outcome import Finished
from corral.job.priority import Priority
from corral.job.unique import OnDuplicate, UniqueKey
from corral.refusals import Duplicate
from corral.storable import printable
from corral.store.attempts.logs import MAX_LINE, MAX_LINES
from corral.store.postgres.database import Database, Params
from corral.store.postgres.json_text import checked, decode, encode
from corral.store.postgres.sql_params import array, texts
from corral.store.unique.unique_jobs import WAIT, insert_unique

# In the transaction that has just written the outcomes: those alone that it wrote itself.
KEEP = """
INSERT INTO corral.keyed_follow_ups (id, job, attempt, follows_on, submission)
SELECT i.id, i.job, i.attempt, i.follows_on, i.submission::json
FROM unnest(%(ids)s::uuid[], %(jobs)s::uuid[], %(attempts)s::int4[], %(follows_on)s::text[], %(submissions)s::text[])
    AS i(id, job, attempt, follows_on, submission)
JOIN corral.jobs j ON j.id = i.job AND j.attempt = i.attempt AND j.updated_at = now() AND j.state <> 'running'
LEFT JOIN corral.attempts a ON a.job = i.job AND a.attempt = i.attempt
CROSS JOIN LATERAL (SELECT coalesce(a.outcome, j.state) AS outcome) e
WHERE i.follows_on = CASE e.outcome WHEN 'completed' THEN 'success' WHEN 'failed' THEN 'failure'
                     WHEN 'errored' THEN 'retry' ELSE e.outcome END
   OR i.follows_on = 'end' AND e.outcome IN ('completed', 'failed', 'cancelled')
ON CONFLICT (id) DO NOTHING
"""
TAKE = """
SELECT k.id, k.job, k.attempt, k.follows_on, k.submission::text FROM corral.keyed_follow_ups k
WHERE k.id = ANY(%(ids)s::uuid[]) ORDER BY k.id FOR UPDATE SKIP LOCKED
"""
LEFT = """
SELECT k.id FROM corral.keyed_follow_ups k
WHERE k.created_at < now() - %(seconds)s * interval '1 second' ORDER BY k.id LIMIT %(limit)s
"""
DONE = "DELETE FROM corral.keyed_follow_ups k WHERE k.id = %(id)s"
NOTE = """
INSERT INTO corral.follow_ups (job, attempt, follows_on, follow_up)
VALUES (%(job)s, %(attempt)s, %(follows_on)s, %(follow_up)s) ON CONFLICT DO NOTHING
"""
LOG = f"""
INSERT INTO corral.job_logs (job, seq, attempt, size, at, text)
SELECT %(job)s, coalesce(l.seq, 0) + 1, %(attempt)s, coalesce(l.size, 0) + octet_length(%(text)s::text), now(), %(text)s
FROM (SELECT 1) one LEFT JOIN LATERAL (
    SELECT x.seq, x.size FROM corral.job_logs x WHERE x.job = %(job)s ORDER BY x.seq DESC LIMIT 1
) l ON true
WHERE coalesce(l.seq, 0) < {MAX_LINES} AND EXISTS (SELECT FROM corral.jobs j WHERE j.id = %(job)s)
ON CONFLICT DO NOTHING
"""


class StoredApart(NamedTuple):
    """What became of one follow-up with a key."""

    job: NewJob
    accepted: Accepted | None
    """The job that it is, or the one that holds its key; None: it is refused."""
    why: str | None
    """Why it is refused, as the log of the job says that announced it."""


class KeyedFollowUps:
    """Stores follow-ups that carry a unique key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def left(self, seconds: float, limit: int) -> list[UUID]:
        """Those that nobody stored within so many seconds.

        Raises:
            Unavailable: Postgres is away.
        """
        return [row[0] for row in await self._database.run(LEFT, {"seconds": seconds, "limit": limit})]

    async def store(self, id: UUID) -> StoredApart | None:
        """Store one of those that were kept, or note in the log of its job why not; None where it is done already.

        Raises:
            Unavailable: nothing was done; a Refused where somebody holds its key.
        """
        try:
            return await self._store(id, None)
        except (InvalidInput, Conflict) as error:
            return await self._store(id, str(error))

    async def _store(self, id: UUID, why: str | None) -> StoredApart | None:
        async with self._database.transaction(WAIT) as transaction:
            rows = await transaction.rows(TAKE, {"ids": array([id])})
            if not rows:
                return None
            _, announced_by, attempt, follows_on, submission = rows[0]
            job, accepted = from_json(submission), None
            if why is None:
                (answer,) = await insert_unique(transaction, [[job]])
                if isinstance(answer, Duplicate):
                    why = str(answer)
                else:
                    accepted = answer[0]
            about: dict[str, object] = {"job": announced_by, "attempt": attempt}
            if accepted is not None:
                note = about | {"follows_on": follows_on, "follow_up": accepted.id}
                await transaction.count(NOTE, note)
            else:
                text = printable(f"the follow-up {job.id} ({job.type}) is not stored: {why}", MAX_LINE)
                await transaction.count(LOG, about | {"text": text})
            await transaction.count(DONE, {"id": id})
        return StoredApart(job, accepted, why)


def keyed(item: Finished) -> list[FollowUp]:
    """The follow-ups of an attempt that carry a key."""
    return [one for one in item.follow_ups if one.job.unique is not None]


def keeping(finished: Sequence[Finished]) -> list[tuple[str, Params]]:
    """The step that keeps the follow-ups with keys of these outcomes; none where there are none."""
    offered = [(item, one) for item in finished for one in keyed(item)]
    if not offered:
        return []
    params = {
        "ids": array(one.job.id for _, one in offered),
        "jobs": array(item.id for item, _ in offered),
        "attempts": array(item.attempt for item, _ in offered),
        "follows_on": texts(one.on.value for _, one in offered),
        "submissions": texts(checked(to_json(one.job), "/follow_up") for _, one in offered),
    }
    return [(KEEP, params)]


def to_json(job: NewJob) -> str:
    """The job as JSON text, as `from_json` reads it."""
    assert job.unique is not None
    made = asdict(job)
    made["unique"]["within"] = "ever" if job.unique.within == inf else job.unique.within
    made["limits"] = job.limits and {**job.limits._asdict(), "group": str(job.limits.group)}
    for name in ("id", "parent"):
        made[name] = made[name] and str(made[name])
    made["run_at"] = job.run_at and job.run_at.isoformat()
    return encode(made)


def from_json(text: str) -> NewJob:
    """The job that `to_json` wrote."""
    made: dict[str, Any] = decode(text)
    limits, unique = made["limits"], made["unique"]
    made["id"] = UUID(made["id"])
    made["priority"] = Priority.read(made["priority"])
    made["parent"] = made["parent"] and UUID(made["parent"])
    made["run_at"] = made["run_at"] and datetime.fromisoformat(made["run_at"])
    made["tags"] = tuple(made["tags"])
    if limits is not None:
        names = {name: tuple(value) for name, value in limits.items() if name != "group"}
        made["limits"] = LimitUses(group=UUID(limits["group"]), **names)
    unique["on_duplicate"] = OnDuplicate(unique["on_duplicate"])
    unique["within"] = inf if unique["within"] == "ever" else unique["within"]
    made["unique"] = UniqueKey(**unique)
    return NewJob(**made)
