"""Answers of the database that may be a few seconds old: kept for a moment, bounded, one question at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

V = TypeVar("V")

MAX_KEPT = 10_000


class TtlCache(Generic[V]):
    """Keeps answers by key for some seconds, and asks one question at a time. Belongs to one event loop."""

    def __init__(
        self, ask: Callable[[bytes], Awaitable[V]], seconds: float, *, cost_factor: float = 0.0
    ) -> None:
        """`cost_factor`: an answer is kept for at least so many times what asking took."""
        self._ask = ask
        self._cost_factor = cost_factor
        self._seconds = seconds
        self._kept: dict[bytes, tuple[float, V]] = {}
        self._asking: dict[bytes, asyncio.Task[V]] = {}

    async def get(self, key: bytes) -> V:
        """The answer for `key`, at most `seconds` old, or older where asking takes long. Errors are not kept."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._renew(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    def forget(self, key: bytes) -> None:
        """Drop the answer for `key`, so that the next caller asks anew."""
        self._kept.pop(key, None)

    async def _renew(self, key: bytes) -> V:
        began = time.monotonic()
        answer = await self._ask(key)
        now = time.monotonic()
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = (now + max(self._seconds, self._cost_factor * (now - began)), answer)
        return answer
