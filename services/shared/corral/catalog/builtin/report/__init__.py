"""Reports: rows, CSV text or Corral's own statistics, typeset as PDF.

Importing this package needs no typesetter; only `render` does, when it is called.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from corral.catalog.builtin.report.data import Row
from corral.catalog.builtin.report.invalid import InvalidReport
from corral.catalog.builtin.report.request import ReportRequest
from corral.catalog.builtin.report.result import PhaseSeconds, RenderedReport, Report

__all__ = ["InvalidReport", "PhaseSeconds", "RenderedReport", "Report", "ReportRequest", "render"]


def render(
    request: ReportRequest,
    rows: Sequence[Row] | None = None,
    *,
    progress: Callable[[int, str], None],
    now: datetime,
) -> RenderedReport:
    """Make the report; `document.render` says how.

    Raises:
        InvalidReport: the data are not a table, or the request names a column that they lack.
    """
    from corral.catalog.builtin.report import document  # noqa: PLC0415 (the publisher has no typesetter)

    return document.render(request, rows, progress=progress, now=now)
