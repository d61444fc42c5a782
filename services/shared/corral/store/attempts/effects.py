"""Effects that must not be repeated: begin and end are rows that are written under the fence and survive lives (rule 35).

The job's row is locked first, as in every write about a running job: so only its present attempt begins or ends an
effect, and a person settles none that is under way. The token tells a begin that is repeated after a lost answer from
that of an earlier call.
"""

from uuid import UUID

import structlog

from corral import metrics
from corral.errors import Conflict, NotFound
from corral.job.effect import Effect, EffectBegin
from corral.job.state import State
from corral.store.access.audit import record
from corral.store.jobs.shaping import document, moment
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.json_text import checked

log = structlog.get_logger(__name__)

HELD = """
WITH held AS MATERIALIZED (
    SELECT j.id, j.attempt FROM (
        SELECT l.id, l.attempt, l.state FROM corral.jobs l WHERE l.id = %(job)s OFFSET 0 FOR NO KEY UPDATE
    ) j
    WHERE j.attempt = %(attempt)s AND j.state = 'running'
)"""
BEGIN = f"""{HELD}, begun AS (
    INSERT INTO corral.effects AS e (job, name, attempt, token)
    SELECT held.id, %(name)s, held.attempt, %(token)s FROM held
    ON CONFLICT (job, name) DO UPDATE
    SET attempt = excluded.attempt, token = excluded.token, began_at = now()
    WHERE e.ended_at IS NULL AND (e.token = excluded.token OR %(repeat)s)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM begun)
"""
# A statement of its own: what another transaction stored while the lock was waited for is not in that one's snapshot.
READ = """
SELECT e.ended_at IS NOT NULL, e.receipt::text, e.attempt FROM corral.effects e
WHERE e.job = %(job)s AND e.name = %(name)s
"""
END = f"""{HELD}
UPDATE corral.effects e SET ended_at = coalesce(e.ended_at, now()), receipt = %(receipt)s::json
FROM held WHERE e.job = held.id AND e.name = %(name)s AND e.token = %(token)s
RETURNING 1
"""
WITHDRAW = f"""{HELD}
DELETE FROM corral.effects e USING held
WHERE e.job = held.id AND e.name = %(name)s AND e.token = %(token)s AND e.ended_at IS NULL
"""
OF_JOB = """
SELECT e.name, e.attempt, e.began_at, e.ended_at, e.receipt::text, e.settled_by
FROM corral.effects e WHERE e.job = %(job)s ORDER BY e.began_at, e.name
"""
LOCK_JOB = "SELECT j.state FROM corral.jobs j WHERE j.id = %(job)s FOR NO KEY UPDATE"
DONE = """
UPDATE corral.effects e SET ended_at = now(), receipt = %(receipt)s::json, settled_by = %(actor)s
WHERE e.job = %(job)s AND e.name = %(name)s AND e.ended_at IS NULL
RETURNING 1
"""
AGAIN = """
DELETE FROM corral.effects e WHERE e.job = %(job)s AND e.name = %(name)s AND e.ended_at IS NULL
RETURNING 1
"""


class Effects:
    """Begins, ends, shows and settles the effects of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, job: UUID, attempt: int, name: str, token: UUID, *, repeat: bool
    ) -> EffectBegin | None:
        """Say that the attempt is about to do it; None where the attempt no longer holds the job.

        May be repeated with the same token. `repeat`: also where an earlier begin has no end.

        Raises:
            Unavailable: Postgres is away; the begin may be stored or not.
        """
        params = {"job": job, "attempt": attempt, "name": name, "token": token, "repeat": repeat}
        ((held, begun),) = await self._database.hot(BEGIN, params)
        if begun:
            return EffectBegin(token)
        if not held:
            _fenced(job, attempt, name)
            return None
        found = await self._database.hot(READ, {"job": job, "name": name})
        if not found:  # it was withdrawn between the two
            return await self.begin(job, attempt, name, token, repeat=repeat)
        ((ended, receipt, by),) = found
        return EffectBegin(None, receipt) if ended else EffectBegin(None, perhaps_done_by=by)

    async def end(self, job: UUID, attempt: int, name: str, token: UUID, receipt: str | None) -> bool:
        """Say that it is done, with its receipt as JSON text; whether the attempt still holds the job. May be repeated.

        Raises:
            Unavailable: Postgres is away.
            InvalidInput: the receipt can't be stored.
        """
        text = None if receipt is None else checked(receipt, "/receipt")
        params = {"job": job, "attempt": attempt, "name": name, "token": token, "receipt": text}
        if await self._database.hot(END, params):
            return True
        _fenced(job, attempt, name)
        return False

    async def withdraw(self, job: UUID, attempt: int, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done. Without effect where the attempt no longer holds the job.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._database.hot(WITHDRAW, {"job": job, "attempt": attempt, "name": name, "token": token})

    async def of(self, job: UUID) -> list[Effect]:
        """The effects of a job, in the order in which they were begun.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OF_JOB, {"job": job})
        return [
            Effect(name, attempt, moment(began), ended and moment(ended), document(receipt), settled_by)
            for name, attempt, began, ended, receipt, settled_by in rows
        ]

    async def settle(
        self, job: UUID, name: str, actor: str, *, done: bool, receipt: str | None = None
    ) -> None:
        """Say of an effect that is perhaps done that it is, with a receipt, or that it is to be done again.

        Raises:
            NotFound: there is no such job, or it has no such effect.
            Conflict: the job runs, so the effect may be under way; or it is known to be done.
            InvalidInput: the receipt can't be stored.
            Unavailable: Postgres is away.
        """
        text = None if receipt is None else checked(receipt, "/receipt")
        params = {"job": job, "name": name, "receipt": text, "actor": actor}
        async with self._database.transaction(SHORT) as transaction:
            states = await transaction.rows(LOCK_JOB, {"job": job})
            if not states:
                raise NotFound("job", job)
            refuse_running(job, states[0][0])
            if not await transaction.rows(DONE if done else AGAIN, params):
                if await transaction.rows(READ, params):
                    raise Conflict(f"the effect {name!r} of job {job} is done already")
                raise NotFound(f"effect of job {job} with the name", name)
            action = "effect-done" if done else "effect-again"
            await record(
                transaction, actor, action, kind="job", subjects=[str(job)], details={"effect": name}
            )


def refuse_running(job: UUID, state: str) -> None:
    """Refuse to settle what may be under way.

    Raises:
        Conflict: the job runs.
    """
    if state == State.RUNNING:
        raise Conflict(f"job {job} is running: its effects can be settled once this attempt has ended")


def _fenced(job: UUID, attempt: int, name: str) -> None:
    metrics.FENCED.labels("effect").inc()
    log.warning("job.fenced", write="effect", job=str(job), attempt=attempt, effect=name)
