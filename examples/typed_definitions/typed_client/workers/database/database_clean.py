"""The handler of database.clean. `corral codegen` wrote it once; it is yours now."""

import os

from corral.context import Context
from definitions import Cleaned, clean_database
from typed_client import AsyncClient

__all__ = ["clean_database", "handle_database_clean"]

DAY = 86_400.0
"""Seconds."""


@clean_database.handler
async def handle_database_clean(ctx: Context) -> Cleaned:
    """Remove ended jobs that are older than a day, queue by queue. The key in CORRAL_KEY is an administrator's."""
    removed: dict[str, int] = {}
    async with AsyncClient(os.environ["CORRAL_URL"], os.environ.get("CORRAL_KEY")) as corral:
        queues = (await corral.call("GET", "/queues"))["items"]
        for number, queue in enumerate(queues):
            ctx.progress(100 * number / len(queues), f"cleaning {queue['name']}")
            removed[queue["name"]] = await _clean(corral, queue["name"])
    return Cleaned(removed=removed)


async def _clean(corral: AsyncClient, queue: str) -> int:
    """Ended jobs are removed a bounded number at a time."""
    removed, more = 0, True
    while more:
        answer = await corral.call("POST", f"/queues/{queue}/clean", {"older_than": DAY})
        removed, more = removed + answer["removed"], answer["more"]
    return removed
