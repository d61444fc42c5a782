"""What people ask of jobs: cancel, retry, run now. Each writes `audit` in its own transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from corral.job.job import Accepted
from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.store.access.audit import record
from corral.store.attempts.stat_deltas import appended
from corral.store.limits.states import READY, SHOWN
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.sql_params import array
from corral.store.unique.holders import given_back, retaken
from corral.store.webhooks.events import EVENT, told


class CommandEffect(StrEnum):
    """What a command did to one job."""

    DONE = "done"
    REQUESTED = "requested"
    """A cancel of a running job: it ends when its handler hears of it."""
    REFUSED = "refused"
    """The job is not in a state in which this can be done."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Commanded:
    """The answer for one id. The fields after `effect` are None where no such job exists."""

    id: UUID
    effect: CommandEffect
    state: State | None = None
    """After the command."""
    lane: Lane | None = None
    worker: UUID | None = None
    """Who runs it, to hurry a cancel."""
    attempt: int | None = None
    limit_group: UUID | None = None
    holder: UUID | None = None
    """Who holds its unique key, where that is why a retry is refused."""
    promoted: tuple[Accepted, ...] = ()
    """Jobs that waited for the end of one that was cancelled with this one, and go on."""


ANSWER = f"j.id, {SHOWN} AS state, j.queue, j.priority, j.suspect, j.worker, j.attempt, j.limit_group, j.unique_key"

KEYED = "keyed"
"""What RETRY answers of jobs with unique keys, which are looked at first."""
LOCKED = """
WITH locked AS MATERIALIZED (
    SELECT j.* FROM corral.jobs j WHERE j.id = ANY(%(ids)s::uuid[]) ORDER BY j.id FOR NO KEY UPDATE
)"""

CANCEL = f"""{LOCKED}, ended AS (
    UPDATE corral.jobs j SET state = 'cancelled', finished_at = now(), updated_at = now(), run_at = NULL,
           cancel_requested_at = now(), suspect = false
    FROM locked WHERE j.id = locked.id AND locked.state IN ('blocked', 'scheduled', 'queued')
    RETURNING {ANSWER}, j.type, 'cancelled' AS outcome,
              date_part('epoch', now() - j.queued_at) AS wait, NULL::float8 AS run{EVENT}
), asked AS (
    UPDATE corral.jobs j SET cancel_requested_at = coalesce(j.cancel_requested_at, now()), updated_at = now()
    FROM locked WHERE j.id = locked.id AND locked.state = 'running'
    RETURNING {ANSWER}
), {told("ended")}, counted AS ({appended("ended")})
SELECT 'done', j.id, j.state, j.queue, j.priority, j.suspect, j.worker, j.attempt, j.limit_group, j.unique_key FROM ended j
UNION ALL SELECT 'requested', j.* FROM asked j
UNION ALL SELECT 'refused', {ANSWER} FROM locked j WHERE j.state IN ('completed', 'failed', 'cancelled')
"""

# The successful attempt of the life that ends here is kept; the others have their rows already.
RETRY = f"""{LOCKED}, kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, ended_at, result)
    SELECT j.id, j.attempt, j.life, 'completed', j.worker, j.started_at, j.finished_at, j.result
    FROM locked j WHERE j.state = 'completed' AND (j.unique_key IS NULL OR %(keyed)s)
    ON CONFLICT DO NOTHING
), renewed AS (
    UPDATE corral.jobs j
    SET state = {READY}, errors = 0, stalls = 0, snoozes = 0, life = j.life + 1, suspect = false, result = NULL, error = NULL,
        run_at = NULL, expires_at = NULL, queued_at = now(), started_at = NULL, finished_at = NULL,
        cancel_requested_at = NULL, worker = NULL, claim = NULL, progress = 0, progress_message = NULL,
        checkpoint = CASE WHEN locked.state = 'completed' THEN NULL ELSE j.checkpoint END, updated_at = now()
    FROM locked WHERE j.id = locked.id AND locked.state IN ('completed', 'failed', 'cancelled')
      AND (locked.unique_key IS NULL OR %(keyed)s)
    RETURNING {ANSWER}
)
SELECT 'done', j.* FROM renewed j
UNION ALL
SELECT CASE WHEN j.state IN ('completed', 'failed', 'cancelled') THEN 'keyed' ELSE 'refused' END, {ANSWER} FROM locked j
WHERE j.state NOT IN ('completed', 'failed', 'cancelled') OR j.unique_key IS NOT NULL AND NOT %(keyed)s
"""

RUN_NOW = f"""{LOCKED}, moved AS (
    UPDATE corral.jobs j SET state = {READY}, run_at = NULL, queued_at = now(), updated_at = now()
    FROM locked WHERE j.id = locked.id AND locked.state = 'scheduled'
    RETURNING {ANSWER}
)
SELECT 'done', j.* FROM moved j
UNION ALL SELECT 'refused', {ANSWER} FROM locked j WHERE j.state <> 'scheduled'
"""


class JobCommands:
    """Changes of a job's state that a person or a service asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cancel(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Cancel jobs: waiting ones end at once, running ones are asked to end. Answers in the order given.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(CANCEL, {"ids": array(ids)})
            answers = {row[1]: _commanded(row) for row in rows}
            keyed = [row[1] for row in rows if row[0] == CommandEffect.DONE and row[-1] is not None]
            if keyed:
                promoted = await given_back(transaction, keyed)
                answers[keyed[0]] = replace(answers[keyed[0]], promoted=tuple(promoted))
            await _noted(transaction, actor, "cancel", answers)
        return _in_order(answers, ids)

    async def retry(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Give ended jobs a new life: queued, with all tries, the history kept. Answers in the order given.

        One whose unique key another live job holds is refused, and of several of one key all but one.

        Raises:
            Unavailable: Postgres is away; a Refused where somebody holds a key.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(RETRY, {"ids": array(ids), "keyed": False})
            answers = {row[1]: _commanded(row) for row in rows if row[0] != KEYED}
            keyed = [row[1] for row in rows if row[0] == KEYED]
            if keyed:
                held = await retaken(transaction, keyed)
                free = [id for id in keyed if id not in held]
                renewed = await transaction.rows(RETRY, {"ids": array(free), "keyed": True})
                answers |= {row[1]: _commanded(row) for row in renewed}
                answers |= {
                    row[1]: replace(_commanded(("refused", *row[1:])), holder=held[row[1]])
                    for row in rows
                    if row[1] in held
                }
            await _noted(transaction, actor, "retry", answers)
        return _in_order(answers, ids)

    async def run_now(self, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        """Queue scheduled jobs before their time; in the order given.

        Raises:
            Unavailable: Postgres is away.
        """
        return await self._command("run-now", RUN_NOW, ids, actor)

    async def _command(self, action: str, statement: str, ids: Sequence[UUID], actor: str) -> list[Commanded]:
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(statement, {"ids": array(ids)})
            answers = {row[1]: _commanded(row) for row in rows}
            await _noted(transaction, actor, action, answers)
        return _in_order(answers, ids)


async def _noted(
    transaction: Transaction, actor: str, action: str, answers: Mapping[UUID, Commanded]
) -> None:
    changed = [str(id) for id, answer in answers.items() if answer.effect is not CommandEffect.REFUSED]
    await record(transaction, actor, action, kind="job", subjects=changed)


def _in_order(answers: Mapping[UUID, Commanded], ids: Sequence[UUID]) -> list[Commanded]:
    return [answers.get(id, Commanded(id, CommandEffect.MISSING)) for id in ids]


def _commanded(row: Row) -> Commanded:
    effect, id, state, queue, priority, suspect, worker, attempt, group, _ = row
    lane = lane_of(queue, Priority.read(priority), suspect=suspect)
    return Commanded(id, CommandEffect(effect), State.read(state), lane, worker, attempt, group)
