"""Wakes the claim loop: a token in Redis says that there are new jobs (protocol rule 8)."""

import asyncio

from corral import metrics
from corral.dispatch import Dispatch
from corral.errors import Unavailable

WAIT_SECONDS = 5.0
"""Seconds of one blocking call that waits for a wake-up token."""
RETRY_SECONDS = 0.5


async def listen(dispatch: Dispatch, worker: str, freed: asyncio.Event) -> None:
    """Set `freed` at each wake-up token, for ever. Tokens come only while a pop has registered that this worker waits."""
    while True:
        try:
            if await dispatch.lanes.wait(worker, WAIT_SECONDS):
                freed.set()
        except Unavailable:
            metrics.REDIS_ERRORS.labels("wait").inc()
            await asyncio.sleep(RETRY_SECONDS)
