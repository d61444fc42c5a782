"""Job types whose handlers make spans of their own, in each way in which a handler can run."""

import os
from collections.abc import Sequence

from opentelemetry import trace
from pydantic import BaseModel

from corral.catalog.declaration import job
from corral.context import BatchJob, Context, SyncBatchJob, SyncContext
from corral.job.backoff import Fixed
from corral.job.batch import Batch
from corral.job.options import Executor

tracer = trace.get_tracer("tests")


class Work(BaseModel):
    """What the handler does."""

    url: str = ""
    how: str = ""


@job(name="traced.async", queue="traced", retries=1, backoff=Fixed(0.1), timeout=30)
async def on_loop(payload: Work, ctx: Context) -> str:
    """Make a span, send a request, submit a child."""
    with tracer.start_as_current_span("own"):
        if payload.how == "fail" and ctx.attempt == 1:
            raise ValueError("a wrong beginning")
        if payload.url:
            async with ctx.outgoing.stream("GET", payload.url) as answer:
                await answer.read()
        if payload.how == "submit":
            await ctx.submit("traced.thread", {})
    return "done"


@job(name="traced.thread", queue="traced", executor=Executor.THREAD)
def in_thread(payload: Work, ctx: SyncContext) -> str:
    """Make a span."""
    with tracer.start_as_current_span("own", attributes={"text": "a", "numbers": [1, 2]}):
        return "done"


@job(name="traced.process", queue="traced", executor=Executor.PROCESS, retries=0)
def in_process(payload: Work, ctx: SyncContext) -> str:
    """Make a span, submit a child; or die after the span."""
    with tracer.start_as_current_span("own", attributes={"text": "a", "numbers": [1, 2]}) as span:
        span.add_event("noted", {"where": "here"})
        if payload.how == "submit":
            ctx.submit("traced.thread", {})
    if payload.how == "die":
        os._exit(7)
    if payload.how == "many":
        for _ in range(1_500):
            tracer.start_span("one of many").end()
    return "done"


@job(name="traced.batch", queue="traced", batch=Batch(size=3, wait=60), retries=0)
async def batch(jobs: Sequence[BatchJob[Work]]) -> None:
    """Make a span for all; fail the last one."""
    with tracer.start_as_current_span("own"):
        for one in jobs[:-1]:
            one.succeed("done")
        jobs[-1].fail(ValueError("the last one"))


@job(name="traced.batch_process", queue="traced", executor=Executor.PROCESS, batch=Batch(size=2, wait=60))
def batch_in_process(jobs: Sequence[SyncBatchJob[Work]]) -> None:
    """Make a span for all."""
    with tracer.start_as_current_span("own"):
        for one in jobs:
            one.succeed("done")
