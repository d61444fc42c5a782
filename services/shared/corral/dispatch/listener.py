"""One who listens to events: a bounded queue that says so when it overflowed."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from corral import metrics
from corral.dispatch.event import Event, Gap


class Listener:
    """Iterate over it. A slow one loses events, never memory: it then gets one `Gap` in their place."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: deque[Event | Gap] = deque()
        self._news = asyncio.Event()

    def offer(self, event: Event | Gap) -> None:
        """Add an event; never blocks."""
        if isinstance(event, Gap) or len(self._events) >= self._limit:
            metrics.EVENTS_DROPPED.inc(sum(not isinstance(old, Gap) for old in self._events))
            self._events.clear()
            event = Gap()
        self._events.append(event)
        self._news.set()

    def taken(self) -> list[Event | Gap]:
        """All that is there now, without waiting."""
        events = list(self._events)
        self._events.clear()
        return events

    async def get(self) -> Event | Gap:
        """The next event; waits for it."""
        while not self._events:
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    async def __aiter__(self) -> AsyncIterator[Event | Gap]:
        while True:
            yield await self.get()
