"""Handlers that take of budgets, and ask for a wait, in each executor. A worker under test imports this module."""

from typing import Any

from corral.catalog import Limit, Rate, job_type
from corral.context import Context, SyncContext
from corral.errors import (
    BudgetExhausted,
    Conflict,
    CorralError,
    InvalidInput,
    LimitTimeout,
    RateLimited,
    Snooze,
)

QUEUE = "rig"
EXECUTORS = ("async", "thread", "process")
provider = Limit("rig-provider", total=5)
calls = Rate("rig-calls", 20, per=3600, at="call", by="customer")
amount = Rate("rig-bytes", 20_000, per=86_400, burst=5000, cost="expected", at="call")
started = Rate("rig-started", 1000, per=3600, cost="expected")
slots = Limit("rig-slots", total=2)
keyed = Limit("rig-zones", each=1, total=5, by="customer")
OPTIONS: dict[str, Any] = {"queue": QUEUE, "retries": 0, "limits": [provider, started]}

takes_async = job_type("rig.takes_async", executor="async", **OPTIONS)
takes_thread = job_type("rig.takes_thread", executor="thread", **OPTIONS)
takes_process = job_type("rig.takes_process", executor="process", **OPTIONS)

WRONG: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((5,), {}),
    (("rig-calls", "two"), {}),
    (("rig-calls", -1), {}),
    (("rig-calls", 21), {}),
    (("rig-provider",), {}),
    (("rig-nowhere",), {}),
    (("rig-bytes",), {"key": "a"}),
)


def told(error: Exception) -> str:
    return type(error).__name__


def asked(payload: dict[str, Any], attempt: int) -> bool:
    """Ask for a wait, the first time; whether that is all."""
    if payload["do"] == "snooze" and attempt == 1:
        raise Snooze("not yet", after=0.05)
    if payload["do"] == "429" and attempt == 1:
        raise RateLimited("429 Too Many Requests", after=0.05, limit="rig-provider")
    return payload["do"] != "take"


async def hold(ctx: Context) -> list[str]:
    said = []
    async with ctx.limit("rig-provider"), ctx.limit("rig-slots"), ctx.limit("rig-slots", timeout=1):
        ctx.log("held")
        async with ctx.limit("rig-zones", key="a"):
            try:
                async with ctx.limit("rig-other"):
                    pass
            except (Conflict, InvalidInput) as error:
                said.append(told(error))
    async with ctx.limit("rig-zones", key="a"):
        try:
            async with ctx.limit("rig-slots"):
                pass
        except Conflict as error:
            said.append(told(error))
        try:
            async with ctx.limit("rig-zones", key="taken", timeout=0.1):
                pass
        except LimitTimeout as error:
            said.append(told(error))
    for name, options in (("rig-started", {}), ("rig-zones", {}), ("rig-slots", {"key": "a"})):
        try:
            async with ctx.limit(name, **options):
                pass
        except InvalidInput as error:
            said.append(told(error))
    return said


def hold_blocking(ctx: SyncContext) -> list[str]:
    said = []
    with ctx.limit("rig-provider"), ctx.limit("rig-slots"), ctx.limit("rig-slots", timeout=1):
        ctx.log("held")
        with ctx.limit("rig-zones", key="a"):
            try:
                with ctx.limit("rig-other"):
                    pass
            except (Conflict, InvalidInput) as error:
                said.append(told(error))
    with ctx.limit("rig-zones", key="a"):
        try:
            with ctx.limit("rig-slots"):
                pass
        except Conflict as error:
            said.append(told(error))
        try:
            with ctx.limit("rig-zones", key="taken", timeout=0.1):
                pass
        except LimitTimeout as error:
            said.append(told(error))
    for name, options in (("rig-started", {}), ("rig-zones", {}), ("rig-slots", {"key": "a"})):
        try:
            with ctx.limit(name, **options):
                pass
        except InvalidInput as error:
            said.append(told(error))
    return said


async def in_coroutine(payload: dict[str, Any], ctx: Context) -> list[str]:
    if asked(payload, ctx.attempt):
        return []
    said = []
    for arguments, options in WRONG:
        try:
            await ctx.budget(*arguments, **options)
        except (CorralError, TypeError, ValueError) as error:
            said.append(told(error))
    try:
        await ctx.settle("rig-bytes", 1)
    except CorralError as error:
        said.append(told(error))
    await ctx.budget("rig-calls", 5)
    await ctx.budget("rig-calls", 5, key=7, timeout=30)
    await ctx.budget("rig-bytes")
    await ctx.settle("rig-bytes", 900)
    await ctx.settle("rig-started", 40)
    try:
        await ctx.budget("rig-calls", 20, timeout=0.1)
    except BudgetExhausted as error:
        said.append(f"{told(error)} {error.name} {error.after > 600}")
    return said + await hold(ctx)


def in_function(payload: dict[str, Any], ctx: SyncContext) -> list[str]:
    if asked(payload, ctx.attempt):
        return []
    said = []
    for arguments, options in WRONG:
        try:
            ctx.budget(*arguments, **options)
        except (CorralError, TypeError, ValueError) as error:
            said.append(told(error))
    try:
        ctx.settle("rig-bytes", 1)
    except CorralError as error:
        said.append(told(error))
    ctx.budget("rig-calls", 5)
    ctx.budget("rig-calls", 5, key=7, timeout=30)
    ctx.budget("rig-bytes")
    ctx.settle("rig-bytes", 900)
    ctx.settle("rig-started", 40)
    try:
        ctx.budget("rig-calls", 20, timeout=0.1)
    except BudgetExhausted as error:
        said.append(f"{told(error)} {error.name} {error.after > 600}")
    return said + hold_blocking(ctx)


@takes_async.handler
async def do_takes_async(payload: Any, ctx: Context) -> Any:
    return await in_coroutine(payload, ctx)


@takes_thread.handler
def do_takes_thread(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)


@takes_process.handler
def do_takes_process(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)
