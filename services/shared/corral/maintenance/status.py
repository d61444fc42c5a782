"""Publishes the reports of the leader's duties in Redis; `dispatch.duties.read` reads them."""

from collections.abc import Mapping
from dataclasses import asdict

from corral.dispatch import Dispatch
from corral.maintenance.duty import Duty, DutyReport
from corral.maintenance.leadership import Reign


class StatusDuty(Duty):
    """The duty that writes the reports of all duties, including its own."""

    name = "status"
    period = 2.0

    def __init__(self, dispatch: Dispatch, holder: str, reports: Mapping[str, DutyReport]) -> None:
        self._dispatch = dispatch
        self._holder = holder
        self._reports = reports

    async def round(self, reign: Reign) -> int:
        """Write all reports in one command."""
        reports = {name: asdict(report) for name, report in self._reports.items()}
        await self._dispatch.duties.write(self._holder, reign.term.term, reports)
        return 0
