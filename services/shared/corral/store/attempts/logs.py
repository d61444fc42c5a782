"""Log lines of running jobs: written under the fence, capped per job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.storable import printable, storable
from corral.store.postgres.database import Database
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import array, texts

MAX_LINES = 2_000
"""Lines kept per job, over all its attempts."""
MAX_BYTES = 1_048_576
"""Bytes of text and fields kept per job."""
MAX_LINE = 8_000
"""Characters of one line."""


@dataclass(frozen=True, slots=True)
class NewLogLine:
    """A line of an attempt. `at` is the writer's clock; it is shown and never compared."""

    id: UUID
    attempt: int
    at: datetime
    text: str
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch of lines."""

    fenced: frozenset[UUID]
    """Jobs whose lines were not written: the attempt is no longer their own."""
    truncated: frozenset[UUID]
    """Jobs whose log is full: some of their lines were not kept."""


# Jobs are locked in the order of their ids, as everywhere; a running sum of bytes applies the cap.
APPEND = """
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(ats)s::timestamptz[], %(texts)s::text[],
                         %(fields)s::text[])
         WITH ORDINALITY AS i(id, attempt, at, text, fields, place)
), mine AS MATERIALIZED (
    SELECT j.id, j.attempt FROM (SELECT DISTINCT i.id, i.attempt FROM input i ORDER BY i.id, i.attempt) i
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) j
    WHERE j.attempt = i.attempt AND j.state = 'running'
), ends AS MATERIALIZED (
    SELECT m.id, m.attempt, coalesce(l.seq, 0) AS seq, coalesce(l.size, 0) AS size
    FROM mine m LEFT JOIN LATERAL (
        SELECT l.seq, l.size FROM corral.job_logs l WHERE l.job = m.id ORDER BY l.seq DESC LIMIT 1
    ) l ON true
), numbered AS MATERIALIZED (
    SELECT i.id, i.attempt, i.at, i.text, i.fields,
           e.seq + row_number() OVER line AS seq,
           e.size + sum(octet_length(i.text) + coalesce(octet_length(i.fields), 0)) OVER line AS size
    FROM input i JOIN ends e ON e.id = i.id AND e.attempt = i.attempt
    WINDOW line AS (PARTITION BY i.id ORDER BY i.place)
), kept AS (
    INSERT INTO corral.job_logs (job, seq, attempt, size, at, text, fields)
    SELECT n.id, n.seq, n.attempt, n.size, n.at, n.text, n.fields::jsonb FROM numbered n
    WHERE n.seq <= %(lines)s AND n.size <= %(bytes)s
)
SELECT m.id, EXISTS (
    SELECT FROM numbered n WHERE n.id = m.id AND (n.seq > %(lines)s OR n.size > %(bytes)s)
) FROM mine m
"""


class Logs:
    """Writes the log lines of running jobs."""

    def __init__(self, database: Database, *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> None:
        """`max_lines`, `max_bytes`: what is kept of one job's log at most."""
        self._database = database
        self._max_lines, self._max_bytes = max_lines, max_bytes

    async def append_logs(self, lines: Sequence[NewLogLine]) -> Appended:
        """Append lines in the order given; what is beyond the cap is not kept.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {
            "ids": array(line.id for line in lines),
            "attempts": array(line.attempt for line in lines),
            "ats": texts(line.at.isoformat() for line in lines),
            "texts": texts(printable(line.text, MAX_LINE) for line in lines),
            "fields": texts(_fields(line) for line in lines),
            "lines": self._max_lines,
            "bytes": self._max_bytes,
        }
        rows = await self._database.hot(APPEND, params)
        written = {row[0] for row in rows}
        return Appended(
            fenced=frozenset(line.id for line in lines) - written,
            truncated=frozenset(row[0] for row in rows if row[1]),
        )


def _fields(line: NewLogLine) -> str | None:
    """Fields as JSON; what is no JSON, and what Postgres can't hold, in words."""
    return encode(storable(line.fields)) if line.fields else None
