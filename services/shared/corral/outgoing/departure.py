"""The moment before a request leaves: a connection is there, and no byte was sent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from corral.http_trace import SENDING

Permission = Callable[[], Awaitable[None]]
"""Returns when the request may leave; raises where it may not."""


class Departure:
    """Waits for the permission, as a `trace` of the HTTP library; meanwhile the request's time stands still."""

    def __init__(self, permission: Permission, until: asyncio.Timeout) -> None:
        self._permission, self._until = permission, until

    async def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        """Called by the HTTP library at each step."""
        if not event.endswith(SENDING):
            return
        loop, when = asyncio.get_running_loop(), self._until.when()
        left = None if when is None else when - loop.time()
        self._until.reschedule(None)
        try:
            await self._permission()
        finally:
            if left is not None and not self._until.expired():
                self._until.reschedule(loop.time() + left)
