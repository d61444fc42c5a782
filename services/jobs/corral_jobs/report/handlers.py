"""The handler of `report.generate`. Runs in a process: typesetting takes a processor for seconds."""

from datetime import UTC, datetime

from corral.context import SyncContext
from corral.errors import Discard
from corral_jobs.report.declaration import generate
from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.result import Report


@generate.handler
def do_generate(request: ReportRequest, ctx: SyncContext) -> Report:
    """Typeset the report and keep it as an artifact under its file name."""
    from corral_jobs.report.document import render  # noqa: PLC0415  a worker that makes no report starts sooner

    rows = ctx.statistics() if request.source is not None else None
    try:
        made = render(request, rows, progress=ctx.progress, now=datetime.now(UTC))
    except InvalidReport as error:
        raise Discard(f"the report can't be made of these data: {error}") from error
    ctx.artifacts.put(made.report.name, made.pdf, made.report.media_type)
    return made.report
