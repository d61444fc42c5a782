"""A job type as two releases declare it: in the one that knows limits, it takes of one."""

import asyncio
from typing import Any

from pydantic import BaseModel

from corral.catalog.declaration import job
from corral.context import Context

NAME, TOTAL = "upgrade", 3
limited: dict[str, Any] = {}
try:
    from corral.catalog.limits.limit import Limit
except ImportError:  # the release before
    pass
else:
    limited = {"limits": [Limit(NAME, total=TOTAL)]}


class Call(BaseModel):
    """What the job should do."""

    seconds: float = 0.0


@job(name="upgrade.call", queue="upgrade", timeout=60, **limited)
async def call(payload: Call, ctx: Context) -> None:
    """Wait."""
    await asyncio.sleep(payload.seconds)
