"""Waiting: for an event or a time, for several things at once, and longer after each failure."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence

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


async def all_or_error(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Do several things at once until all have ended or one fails; the others are cancelled then.

    Raises:
        Exception: the error of the one that failed, and not a group of one error.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
