"""The handlers of the demo job types."""

import asyncio
import builtins
import time
from typing import Any

from corral.context import Context, SyncContext
from corral.errors import Discard
from corral_jobs.demo import Cpu, Fail, Sleep, cpu, echo, fail, sleep

PROGRESS_SECONDS = 0.25
"""Seconds between two reports of progress."""


@echo.handler
async def do_echo(payload: Any) -> Any:
    """Return the payload."""
    return payload


@sleep.handler
async def do_sleep(payload: Sleep, ctx: Context) -> dict[str, float]:
    """Wait, telling how far it is."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < payload.seconds:
        ctx.progress(100 * passed / payload.seconds, "sleeping")
        await asyncio.sleep(min(PROGRESS_SECONDS, payload.seconds - passed))
    return {"slept": payload.seconds}


@cpu.handler
def do_cpu(payload: Cpu, ctx: SyncContext) -> dict[str, int]:
    """Count as far as the time allows."""
    started = reported = time.monotonic()
    count = 0
    while (now := time.monotonic()) - started < payload.seconds:
        count += sum(1 for _ in range(10_000))
        if now - reported >= PROGRESS_SECONDS:
            ctx.progress(100 * (now - started) / payload.seconds, "computing")
            reported = now
    return {"counted": count}


@fail.handler
async def do_fail(payload: Fail, ctx: Context) -> dict[str, int]:
    """Raise until it has failed often enough."""
    if ctx.errors < payload.times:
        message = f"error {ctx.errors + 1} of {payload.times}, as asked"
        if payload.exception == "Discard":
            raise Discard(message)
        raise _exception(payload.exception)(message)
    return {"failed": ctx.errors}


def _exception(name: str) -> type[Exception]:
    """The built-in exception of that name, RuntimeError where there is none."""
    named = getattr(builtins, name, None)
    return named if isinstance(named, type) and issubclass(named, Exception) else RuntimeError
