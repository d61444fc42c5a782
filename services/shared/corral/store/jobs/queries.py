"""Reading jobs: one, some, their attempts and logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.job.job import LISTED_BYTES, Job, ListedJob
from corral.store.jobs.shaping import TIMES, document, moment, shaped
from corral.store.limits.states import SHOWN as SHOWN_STATE
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database
from corral.store.postgres.sql_params import array


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An attempt that did not simply succeed, or the successful one of an earlier life."""

    job: UUID
    attempt: int
    life: int
    outcome: str
    """completed, errored, failed, stalled, released or cancelled."""
    worker: UUID | None
    started_at: datetime | None
    ended_at: datetime
    error: dict[str, Any] | None
    reason: str | None
    result: Any
    """A `Document`, None where there is none."""


@dataclass(frozen=True, slots=True)
class StoredLogLine:
    """One line that a handler logged."""

    seq: int
    attempt: int
    at: datetime
    text: str
    fields: Any
    """A `Document` with an object, None where there are none."""


FIELDS = (
    "id",
    "type",
    "queue",
    "priority",
    "state",
    "payload",
    "result",
    "error",
    "attempt",
    "errors",
    "stalls",
    "releases",
    "snoozes",
    "life",
    "retries",
    "timeout",
    "max_stalls",
    "suspect",
    *TIMES,
    "worker",
    "progress",
    "progress_message",
    "tags",
    "parent",
    "created_by",
    "unique_key",
)
# A payload and a result are passed on as text: no number is rounded, and nothing in them can break a list.
TEXTS = ("payload", "result")
READ_AS = {"state": SHOWN_STATE, "unique_key": "substr(j.unique_key, strpos(j.unique_key, ':') + 1)"} | {
    field: f"j.{field}::text" for field in TEXTS
}
COLUMNS = ", ".join(READ_AS.get(field, f"j.{field}") for field in FIELDS)
# The length of what is stored apart is known without reading it; json and text are the same bytes.
LISTED = (
    ", ".join(
        f"CASE WHEN octet_length(j.{field}::text) <= {LISTED_BYTES} THEN j.{field}::text END AS {field}"
        if field in TEXTS
        else READ_AS.get(field, f"j.{field}")
        for field in FIELDS
    )
    + ", octet_length(j.payload::text), octet_length(j.result::text)"
)
MANY = f"SELECT {COLUMNS} FROM corral.jobs j WHERE j.id = ANY(%(ids)s::uuid[])"
ATTEMPTS = """
SELECT job, attempt, life, outcome, worker, started_at, ended_at, error, reason, result::text
FROM corral.attempts WHERE job = %(id)s ORDER BY attempt
"""
LOGS = """
SELECT seq, attempt, at, text, fields::text FROM corral.job_logs
WHERE job = %(id)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
"""


class JobQueries:
    """Reads jobs, their attempts and their log lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, id: UUID) -> Job | None:
        """The job with that id; None where there is none.

        Raises:
            Unavailable: Postgres is away.
        """
        found = await self.many([id])
        return found[0] if found else None

    async def many(self, ids: Sequence[UUID]) -> list[Job]:
        """Those of the ids that are stored, in the order given.

        Raises:
            Unavailable: Postgres is away.
        """
        jobs = {row[0]: job_from(row) for row in await self._database.run(MANY, {"ids": array(ids)})}
        return [jobs[id] for id in ids if id in jobs]

    async def attempts(self, id: UUID) -> list[AttemptRecord]:
        """The job's attempts, oldest first, but for the one that runs or that completed this life.

        Raises:
            Unavailable: Postgres is away.
        """
        return [_attempt(row) for row in await self._database.run(ATTEMPTS, {"id": id})]

    async def logs(self, id: UUID, after_seq: int = 0, limit: int = 500) -> list[StoredLogLine]:
        """Lines after `after_seq`, in order.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(LOGS, {"id": id, "after": after_seq, "limit": limit})
        return [
            StoredLogLine(seq, attempt, moment(at), text, document(fields))
            for seq, attempt, at, text, fields in rows
        ]


def job_from(row: Row) -> Job:
    """The job in a row of FIELDS."""
    return Job(**shaped(dict(zip(FIELDS, row, strict=True))))


def listed_from(row: Row) -> ListedJob:
    """The job in a row of LISTED."""
    *fields, payload_bytes, result_bytes = row
    sizes = {"payload": payload_bytes, "result": result_bytes or 0}
    return ListedJob(
        **shaped(dict(zip(FIELDS, fields, strict=True))),
        payload_bytes=payload_bytes,
        result_bytes=result_bytes,
        omitted=[name for name, size in sizes.items() if size > LISTED_BYTES],
    )


def _attempt(row: Row) -> AttemptRecord:
    job, attempt, life, outcome, worker, started_at, ended_at, error, reason, result = row
    return AttemptRecord(
        job=job,
        attempt=attempt,
        life=life,
        outcome=outcome,
        worker=worker,
        started_at=started_at and moment(started_at),
        ended_at=moment(ended_at),
        error=error if error is None or isinstance(error, dict) else {"message": str(error)},
        reason=reason,
        result=document(result),
    )
