"""What only workers import: the calls to the provider. `CORRAL_HANDLERS=ask_handlers` names it."""

import asyncio
import time

from asks import Ask, ask, calls, summary

from corral.context import Context


@ask.handler
async def call(_: Ask, ctx: Context) -> dict[str, float]:
    """Stand in for a call to the provider, and say from when to when it took.

    A provider that says 429 is told to Corral with `raise RateLimited(after=…, limit="ask-provider")`.
    """
    await ctx.budget(calls.name)
    began = time.time()
    await asyncio.sleep(0.3)
    return {"began": began, "ended": time.time()}


@summary.handler
async def summarise(question: Ask, ctx: Context) -> dict[str, float]:
    """Call the same provider: both types share its limit."""
    return await call(question, ctx)
