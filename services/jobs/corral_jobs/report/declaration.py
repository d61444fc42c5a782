"""The declaration of `report.generate`."""

from corral.catalog.declaration import JobType, job_type
from corral.job.backoff import Exponential
from corral.job.options import Executor
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.result import Report

generate: JobType[ReportRequest, Report] = job_type(
    "report.generate",
    payload=ReportRequest,
    result=Report,
    queue="reports",
    retries=3,
    backoff=Exponential(2),  # 2, 4 and 8 seconds exactly: without jitter
    timeout=300,
    executor=Executor.PROCESS,
    search=["customer", "email", "title"],
    description="Typesets a report as PDF: title, chart, table over as many pages as it takes.",
)
