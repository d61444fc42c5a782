"""Handlers that announce follow-ups, in each executor. A worker under test imports this module."""

import os
from typing import Any

from corral.catalog import job_type
from corral.context import Context, SyncContext
from corral.errors import CorralError, Discard, JobCancelled
from corral.job.backoff import Fixed

QUEUE = "rig"
EXECUTORS = ("async", "thread", "process")
ONS = ("success", "failure", "cancelled", "end", "retry")


class Order:
    """Announces one follow-up for each outcome and a few that are refused, then ends as it is told."""

    calls = tuple((on, {"on": on}) for on in ONS)
    wrong: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
        ("rig.nowhere", 1, {}),
        ("rig.followed", float("nan"), {}),
        ("rig.followed", 1, {"on": "luck"}),
        ("rig.followed", 1, {"on": 5}),
        ("rig.followed", 1, {"retries": -1}),
        ("rig.followed", 1, {"idempotency_key": "k"}),
    )


def end(payload: Any, attempt: int) -> None:
    match payload["end"]:
        case "failure":
            raise Discard("as asked")
        case "cancelled":
            raise JobCancelled("as asked")
        case "retry" if attempt == 1:
            raise ValueError("as asked")
        case "died" if attempt == 1:
            os._exit(3)
        case _:
            return


follows_async = job_type("rig.follows_async", queue=QUEUE, executor="async", retries=1, backoff=Fixed(0.05))
follows_thread = job_type(
    "rig.follows_thread", queue=QUEUE, executor="thread", retries=1, backoff=Fixed(0.05)
)
follows_process = job_type(
    "rig.follows_process", queue=QUEUE, executor="process", retries=1, backoff=Fixed(0.05)
)
followed = job_type("rig.followed", queue=QUEUE, retries=0)


@follows_async.handler
async def do_follows_async(payload: Any, ctx: Context) -> list[str]:
    """As `blocking` for a coroutine."""
    refused = []
    for name, value, options in Order.wrong:
        try:
            await ctx.then(name, value, **options)
        except (CorralError, TypeError, ValueError) as error:
            refused.append(type(error).__name__)
    for on, value in Order.calls:
        id = await ctx.then(followed, value | {"attempt": ctx.attempt}, on=on, priority="high")
        ctx.log(on, id=str(id))
    end(payload, ctx.attempt)
    return refused


def blocking(payload: Any, ctx: SyncContext) -> list[str]:
    refused = []
    for name, value, options in Order.wrong:
        try:
            ctx.then(name, value, **options)
        except (CorralError, TypeError, ValueError) as error:
            refused.append(type(error).__name__)
    for on, value in Order.calls:
        id = ctx.then(followed, value | {"attempt": ctx.attempt}, on=on, priority="high")
        ctx.log(on, id=str(id))
    end(payload, ctx.attempt)
    return refused


@follows_thread.handler
def do_follows_thread(payload: Any, ctx: SyncContext) -> list[str]:
    return blocking(payload, ctx)


@follows_process.handler
def do_follows_process(payload: Any, ctx: SyncContext) -> list[str]:
    return blocking(payload, ctx)


@followed.handler
async def do_followed(payload: Any) -> Any:
    return payload
