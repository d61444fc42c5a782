"""The event loop of one coroutine in a child process."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from corral_worker.own_process.runner import close

T = TypeVar("T")

CLEAR_SECONDS = 0.5
"""How long what a handler left behind may take to be cancelled: the next handler waits."""


def run_handler(handler: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine of a handler; its result, or what it raised.

    What it left behind is cancelled for a moment. Unlike `asyncio.run` nothing waits for it, and nothing that it raises
    takes the place of the result.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(handler)
    finally:
        close(loop, CLEAR_SECONDS)
