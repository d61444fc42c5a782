"""What only workers import: the calls to the provider. `CORRAL_HANDLERS=ask_handlers` names it."""

import asyncio
import time

from asks import Ask, ask, summary


@ask.handler
async def call(_: Ask) -> dict[str, float]:
    """Stand in for a call to the provider, and say from when to when it took."""
    began = time.time()
    await asyncio.sleep(0.3)
    return {"began": began, "ended": time.time()}


@summary.handler
async def summarise(question: Ask) -> dict[str, float]:
    """Call the same provider: both types share its limit."""
    return await call(question)
