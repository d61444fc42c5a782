"""Titles of reports, which mail belongs to which, and what became of it: for the list of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.state import State
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.sql_params import array


@dataclass(frozen=True, slots=True)
class ReportDetail:
    """What the list of reports shows beside the job."""

    title: str | None
    """None for one that was asked for before titles were searchable."""
    data_files: bool
    """Whether it has files beside its PDF."""
    mail_to: str | None
    """Whom the report is to be mailed to; None: nobody."""
    mail: UUID | None
    """The job that sends its mail; None while there is none."""
    mail_state: State | None
    """Of that job; None while there is none, or where it was removed."""


# By primary key, reports and mails alike. What is no id is no mail. The title is not read from the payload, which may
# be a megabyte of rows.
OF = """
SELECT r.id, r.search->>'title', json_typeof(r.result->'files') = 'array', r.search->>'email', m.mail, j.state
FROM corral.jobs r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.result->>'mail' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN (r.result->>'mail')::uuid END AS mail
) m
LEFT JOIN corral.jobs j ON j.id = m.mail
WHERE r.id = ANY(%(ids)s::uuid[])
"""


class ReportDetails:
    """Reads the details of reports: `await store.report_details(ids)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, reports: Sequence[UUID]) -> dict[UUID, ReportDetail]:
        """The details of each of these reports.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OF, {"ids": array(reports)}, limits=SHORT)
        return {
            report: ReportDetail(title, bool(files), to, mail, None if state is None else State.read(state))
            for report, title, files, to, mail, state in rows
        }
