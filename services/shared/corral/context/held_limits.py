"""Slots of limits from within a handler: held while a block runs, and lost where they could not be renewed."""

import asyncio
from types import TracebackType
from typing import Self
from uuid import UUID

from corral.context.link import ContextLink, SyncContextLink
from corral.errors import LimitLost

Wish = tuple[str, str | None, float | None]
"""The name of a limit, its key, and how many seconds to wait at most."""


class LimitBlock:
    """`async with ctx.limit(…)`: cancels its body where the slot is lost, and raises LimitLost then."""

    def __init__(self, line: ContextLink, wish: Wish) -> None:
        self._line, self._wish = line, wish
        self._lease: UUID | None = None
        self._watch: asyncio.Task[None] | None = None
        self._lost = False

    async def __aenter__(self) -> Self:
        self._lease = await self._line.hold_limit(*self._wish)
        body = asyncio.current_task()
        if self._lease is not None and body is not None:
            self._watch = asyncio.create_task(self._look(self._lease, body))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lease, self._lease = self._lease, None
        if lease is None:
            return
        if self._watch is not None:
            self._watch.cancel()
        kept = await asyncio.shield(self._line.release_limit(lease))
        if self._lost:
            body = asyncio.current_task()
            if kind is asyncio.CancelledError and body is not None and body.uncancel() > 0:
                return  # told to stop for another reason, too
            raise _lost(self._wish) from error
        if not kept and kind is None:
            raise _lost(self._wish)

    async def _look(self, lease: UUID, body: "asyncio.Task[object]") -> None:
        if await self._line.limit_lost(lease):
            self._lost = True
            body.cancel()


class BlockingLimitBlock:
    """The same in a thread or a process, where a body can't be interrupted: LimitLost is raised at its end."""

    def __init__(self, line: SyncContextLink, wish: Wish) -> None:
        self._line, self._wish = line, wish
        self._lease: UUID | None = None

    def __enter__(self) -> Self:
        self._lease = self._line.hold_limit(*self._wish)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lease, self._lease = self._lease, None
        if lease is not None and not self._line.release_limit(lease) and kind is None:
            raise _lost(self._wish)


def _lost(wish: Wish) -> LimitLost:
    return LimitLost(f"the slot of {wish[0]} could not be renewed in time, and others may hold it")
