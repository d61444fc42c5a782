"""What only workers import. `CORRAL_HANDLERS=sync_handlers` names it."""

import asyncio
import time

from syncs import Sync, deliver, export, render, sync

from corral.context import Context
from corral.errors import Retry


@sync.handler
async def run_sync(work: Sync) -> int:
    """Stand in for a sync."""
    await asyncio.sleep(0.5)
    return work.version


@export.handler
async def run_export(work: Sync) -> int:
    """Stand in for an export."""
    return await run_sync(work)


@deliver.handler
async def run_delivery(work: Sync, ctx: Context) -> dict[str, float]:
    """The first version fails once: those that came later wait for it."""
    if work.version == 0 and ctx.attempt == 1:
        raise Retry("the other side was away")
    return {"ended": time.time()}


@render.handler
async def run_render(_: Sync) -> dict[str, float]:
    """Stand in for a rendering, and say from when to when it took."""
    began = time.time()
    await asyncio.sleep(0.2)
    return {"began": began, "ended": time.time()}
