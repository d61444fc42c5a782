"""Waiting: for an event or a time, whichever comes first, and longer after each failure."""

import asyncio
from collections.abc import Iterator

POSTGRES_RETRY_SECONDS = (0.1, 2.0)
"""First and longest wait between two tries while Postgres is away."""


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, and at most for so many seconds; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return event.is_set()


def doubling(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait after the first failure, the second and so on: `first`, twice that, never more than `longest`."""
    wait = first
    while True:
        yield wait
        wait = min(2 * wait, longest)
