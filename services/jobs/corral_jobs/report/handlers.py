"""The handler of `report.generate`. Runs in a process: typesetting takes a processor for seconds."""

from corral.context import SyncContext
from corral.errors import Discard, InvalidInput
from corral.ids import time_of
from corral_jobs import installation
from corral_jobs.mail import send
from corral_jobs.report.announcement import announce
from corral_jobs.report.declaration import generate
from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.pace import PacedProgress
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.result import Report


@generate.handler
def do_generate(request: ReportRequest, ctx: SyncContext) -> Report:
    """Typeset the report, unless an earlier attempt has, keep it under its file name, and have its mail sent."""
    if (request.pace is not None or request.fail_times) and not installation.settings().demo_jobs:
        raise Discard("pace and fail_times are for demo mode (CORRAL_DEMO_JOBS)")
    report = _made_before(ctx) or _made(request, ctx)
    if request.email is None:
        return report
    settings = installation.settings()
    announcement = announce(
        report,
        request.title,
        to=request.email,
        job=ctx.job_id,
        base_url=settings.public_url or f"http://{settings.host}:{settings.port}",
        hours=settings.link_hours,
    )
    try:
        mail = ctx.then(send, announcement.mail)
    except InvalidInput as error:  # the report is made: its mail changes nothing of that
        ctx.log(f"the mail can't be submitted: {error}")
        return report
    return report.model_copy(update={"link": announcement.link, "mail": mail})


def _made_before(ctx: SyncContext) -> Report | None:
    """What an earlier attempt made, where it was lost before that was recorded: a report is rendered once."""
    if ctx.checkpointed is None:
        return None
    report = Report.model_validate(ctx.checkpointed)
    return report if ctx.artifacts.get(report.name) is not None else None


def _made(request: ReportRequest, ctx: SyncContext) -> Report:
    from corral_jobs.report.document import render  # noqa: PLC0415  a worker that makes no report starts sooner

    rows = ctx.statistics() if request.source is not None else None
    try:
        # The time is the job's, not this attempt's: every attempt makes the same bytes.
        made = render(request, rows, progress=PacedProgress(request, ctx), now=time_of(ctx.job_id))
    except InvalidReport as error:
        raise Discard(f"the report can't be made of these data: {error}") from error
    for file, content in zip(made.report.files, made.files, strict=True):
        ctx.artifacts.put(file.name, content, file.media_type)
    ctx.artifacts.put(made.report.name, made.pdf, made.report.media_type)
    ctx.checkpoint(made.report)
    for file in made.report.files:
        ctx.artifacts.publish(file.name)
    ctx.artifacts.publish(made.report.name)  # last: where it is there, so are the others
    return made.report
