"""`report.generate`: rows, CSV text or Corral's own statistics, typeset as PDF.

from corral_jobs.report import ReportRequest, generate

Importing this package needs no typesetter: `handlers` makes the document, in workers.
"""

from corral_jobs.report.declaration import generate
from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.result import DownloadLink, PhaseSeconds, RenderedReport, Report

__all__ = [
    "DownloadLink",
    "InvalidReport",
    "PhaseSeconds",
    "RenderedReport",
    "Report",
    "ReportRequest",
    "generate",
]
