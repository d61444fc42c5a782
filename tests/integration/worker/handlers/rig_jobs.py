"""Job types that misbehave in every way a worker has to survive. A worker under test imports this module."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tests.integration.worker.handlers.junk import Unprintable, junk_of

from corral.catalog import JobType, job, job_type
from corral.context import Context, SyncContext
from corral.errors import Discard, Retry
from corral.job.backoff import Fixed

SOON = Fixed(0.05)
QUEUE = "rig"


class Count(BaseModel):
    n: int


def declare(name: str, executor: str = "async", **options: Any) -> JobType[Any, Any]:
    return job_type(f"rig.{name}", queue=QUEUE, executor=executor, retries=0, backoff=SOON, **options)


def effect(payload: Any, ctx: Context | SyncContext, what: str) -> None:
    """Leave a line in the effects' own log, if the payload names one."""
    path = payload.get("effects") if isinstance(payload, dict) else None
    if path:
        with Path(path).open("a") as log:
            log.write(f"{what} {ctx.job_id} {ctx.attempt} {os.getpid()}\n")


def enough(payload: Any) -> bool:
    """Whether the file is there with which a test says so, if the payload names one."""
    return "file" in payload and Path(payload["file"]).exists()


sleep = declare("sleep")
until = declare("until")
stubborn = declare("stubborn")
block = declare("block")
raises = declare("raises")
exits = declare("exits")
junk = declare("junk")
typed: JobType[Count, Count] = job_type("rig.typed", payload=Count, result=Count, queue=QUEUE, retries=0)
context = declare("context")
count_up = declare("count_up")
thread_sleep = declare("thread_sleep", "thread")
thread_context = declare("thread_context", "thread")
child_sleep = declare("child_sleep", "process")
child_context = declare("child_context", "process")
child_async = declare("child_async", "process")
child_ends = declare("child_ends", "process")
child_junk = declare("child_junk", "process")
child_fork = declare("child_fork", "process")
child_prints = declare("child_prints", "process")
child_family = declare("child_family", "process")
nowhere = declare("nowhere", "process")
followed = declare("followed")


@sleep.handler
async def do_sleep(payload: Any, ctx: Context) -> str:
    effect(payload, ctx, "start")
    if payload.get("then"):
        await ctx.then(followed, {"after": str(ctx.job_id)})
    await asyncio.sleep(payload["seconds"])
    effect(payload, ctx, "end")
    return "slept"


@followed.handler
async def do_followed(payload: Any) -> Any:
    return payload


@until.handler
async def do_until(payload: Any, ctx: Context) -> str:
    """Go on until the file is there, or somebody stops it."""
    effect(payload, ctx, "start")
    while not enough(payload):  # noqa: ASYNC110  # a test says so with a file
        await asyncio.sleep(0.02)
    effect(payload, ctx, "end")
    return "went on"


@stubborn.handler
async def do_stubborn(payload: Any, ctx: Context) -> str:
    """Go on, whatever anybody says, for so many seconds or until the file is there."""
    effect(payload, ctx, "start")
    ends = time.monotonic() + payload["seconds"]
    while time.monotonic() < ends and not enough(payload):
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            effect(payload, ctx, "ignored")
    return "done all the same"


@block.handler
async def do_block(payload: Any, ctx: Context) -> str:
    effect(payload, ctx, "start")
    time.sleep(payload["seconds"])  # noqa: ASYNC251  # the fault that is tested
    return "blocked"


@raises.handler
async def do_raise(payload: Any, ctx: Context) -> None:
    match payload["what"]:
        case "retry":
            raise Retry("not yet", after=payload["after"])
        case "discard":
            raise Discard("never")
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "unprintable":
            raise Unprintable
        case "long":
            raise ValueError("x" * 1_000_000)
        case "odd":
            raise ValueError("nul \0 and surrogate \ud800")
        case "cancelled":
            raise asyncio.CancelledError
        case _:
            raise ValueError("as asked")


@junk.handler
async def do_junk(payload: Any) -> Any:
    return junk_of(payload["what"])


@typed.handler
async def do_typed(payload: Count) -> Any:
    return {"n": "not a number"} if payload.n < 0 else Count(n=payload.n + 1)


@context.handler
async def do_context(payload: Any, ctx: Context) -> dict[str, Any]:
    ctx.progress(40, "halfway")
    ctx.log("hello", n=1)
    before = ctx.checkpointed
    await ctx.checkpoint({"step": (before or {"step": 0})["step"] + 1})
    await ctx.artifacts.put("a.txt", "text")
    echo, key = {"from": str(ctx.job_id)}, payload.get("key")
    child = await ctx.submit("demo.echo", echo, idempotency_key=key) if payload.get("submit") else None
    many = await ctx.submit_many("demo.echo", [echo] * payload.get("many", 0), tags=["many"])
    if ctx.attempt == 1 and payload.get("retry"):
        raise Retry(after=0.01)
    return {"before": before, "child": child, "many": many, "attempt": ctx.attempt, "left": ctx.remaining}


@count_up.handler
async def do_count_up(payload: Any, ctx: Context) -> dict[str, Any]:
    for n in range(payload["lines"]):
        ctx.log(f"line {n}")
        ctx.progress(100 * n / payload["lines"])
    return {}


@thread_sleep.handler
def do_thread_sleep(payload: Any, ctx: SyncContext) -> str:
    effect(payload, ctx, "start")
    time.sleep(payload["seconds"])
    effect(payload, ctx, "end")
    return "slept"


ignores_stop = declare("thread_until", "thread")


@ignores_stop.handler
def do_thread_until(payload: Any, ctx: SyncContext) -> str:
    """Go on, whatever anybody says, until the file is there."""
    effect(payload, ctx, "start")
    while not enough(payload):
        time.sleep(0.02)
    effect(payload, ctx, "end")
    return "went on all the same"


def blocking_context(payload: Any, ctx: SyncContext) -> dict[str, Any]:
    ctx.progress(40, "halfway")
    ctx.log("hello", n=1)
    before = ctx.checkpointed
    ctx.checkpoint({"step": 1})
    ctx.artifacts.put("a.txt", b"text")
    echo, key = {"from": str(ctx.job_id)}, payload.get("key")
    child = ctx.submit("demo.echo", echo, idempotency_key=key) if payload.get("submit") else None
    many = ctx.submit_many("demo.echo", [echo] * payload.get("many", 0), tags=["many"])
    if ctx.attempt == 1 and payload.get("retry"):
        raise Retry(after=0.01)
    return {"before": before, "child": child, "many": many, "attempt": ctx.attempt, "pid": os.getpid()}


@thread_context.handler
def do_thread_context(payload: Any, ctx: SyncContext) -> dict[str, Any]:
    return blocking_context(payload, ctx)


@child_context.handler
def do_child_context(payload: Any, ctx: SyncContext) -> dict[str, Any]:
    return blocking_context(payload, ctx)


@child_async.handler
async def do_child_async(payload: Any, ctx: Context) -> dict[str, Any]:
    await ctx.checkpoint({"step": 1})
    await ctx.artifacts.put("a.txt", b"text")
    return {"pid": os.getpid()}


@child_sleep.handler
def do_child_sleep(payload: Any, ctx: SyncContext) -> int:
    effect(payload, ctx, "start")
    time.sleep(payload["seconds"])
    effect(payload, ctx, "end")
    return os.getpid()


@child_ends.handler
def do_child_ends(payload: Any) -> None:
    match payload["how"]:
        case "exit":
            os._exit(payload["code"])
        case "sys.exit":
            sys.exit(payload["code"])
        case "signal":
            os.kill(os.getpid(), signal.Signals[payload["signal"]])
            time.sleep(60)


@child_junk.handler
def do_child_junk(payload: Any) -> Any:
    return junk_of(payload["what"])


@child_fork.handler
def do_child_fork(payload: Any, ctx: SyncContext) -> str:
    if os.fork() == 0:
        return "I am the fork"
    return "I am the child"


@child_family.handler
def do_child_family(payload: Any, ctx: SyncContext) -> str:
    pid = os.fork()
    if pid == 0:
        effect(payload, ctx, f"fork {os.getpid()}")
        time.sleep(600)
        os._exit(0)
    time.sleep(600)
    return "never"


@child_prints.handler
def do_child_prints(payload: Any) -> str:
    for _ in range(payload["megabytes"]):
        sys.stdout.write("x" * 1_000_000 + "\n")
    return "printed"


@nowhere.handler
def do_nowhere(payload: Any) -> None: ...


poison = declare("poison", max_stalls=2)


@poison.handler
async def do_poison(payload: Any, ctx: Context) -> None:
    effect(payload, ctx, "poison")
    os.kill(os.getpid(), signal.SIGKILL)


large = declare("large")


@large.handler
async def do_large(payload: Any) -> str:
    return "x" * payload["megabytes"] * 1_000_000


@job("rig.single", queue=QUEUE, executor="process", retries=0)
def single(n: int) -> int:
    return n + 1
