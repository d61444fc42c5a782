"""Which mail belongs to which report, and what became of it: for the list of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.state import State
from corral.store.database import SHORT, Database
from corral.store.sql_params import array


@dataclass(frozen=True, slots=True)
class ReportMail:
    """The mail of one report."""

    to: str | None
    """Whom the report is to be mailed to; None: nobody."""
    job: UUID | None
    """The job that sends it; None while there is none."""
    state: State | None
    """Of that job; None while there is none, or where it was removed."""


# By primary key, reports and mails alike. What is no id is no mail.
OF = """
SELECT r.id, r.search->>'email', m.mail, j.state
FROM corral.jobs r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.result->>'mail' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN (r.result->>'mail')::uuid END AS mail
) m
LEFT JOIN corral.jobs j ON j.id = m.mail
WHERE r.id = ANY(%(ids)s::uuid[])
"""


class ReportMails:
    """Reads the mails of reports: `await store.report_mails(ids)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, reports: Sequence[UUID]) -> dict[UUID, ReportMail]:
        """The mail of each of these reports.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OF, {"ids": array(reports)}, limits=SHORT)
        return {
            report: ReportMail(to, mail, None if state is None else State.read(state))
            for report, to, mail, state in rows
        }
