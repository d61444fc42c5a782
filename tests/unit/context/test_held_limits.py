"""A block that holds a slot of a limit is cancelled when the slot is lost, and never swallows another cancel."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from corral.context.held_limits import BlockingLimitBlock, LimitBlock
from corral.errors import LimitLost

LEASE = UUID(int=1)


class Line:
    """Where the slot is lost when a test says so."""

    def __init__(self, lease: UUID | None = LEASE) -> None:
        self.lease, self.gone, self.released = lease, asyncio.Event(), False

    async def hold_limit(self, *_: Any) -> UUID | None:
        return self.lease

    async def limit_lost(self, _: UUID) -> bool:
        await self.gone.wait()
        return True

    async def release_limit(self, _: UUID) -> bool:
        self.released = True
        return not self.gone.is_set()


def block(line: Any) -> LimitBlock:
    return LimitBlock(line, ("openai", None, None))


async def test_the_body_is_cancelled_when_the_slot_is_lost() -> None:
    line = Line()

    async def body() -> None:
        async with block(line):
            line.gone.set()
            await asyncio.Event().wait()

    with pytest.raises(LimitLost, match="openai"):
        await body()
    assert line.released
    await asyncio.sleep(0)  # no cancel is left behind


async def test_a_slot_that_is_held_until_the_end_is_given_back() -> None:
    line = Line()
    async with block(line):
        await asyncio.sleep(0)
    assert line.released


async def test_what_is_held_already_is_not_given_back() -> None:
    line = Line(None)
    async with block(line):
        pass
    assert not line.released


async def test_a_cancel_from_elsewhere_stays_a_cancel() -> None:
    line, begun = Line(), asyncio.Event()

    async def body() -> None:
        async with block(line):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.released


class BlockingLine:
    kept = False

    def hold_limit(self, *_: Any) -> UUID | None:
        return LEASE

    def release_limit(self, _: UUID) -> bool:
        return self.kept


def test_where_a_body_cannot_be_interrupted_it_hears_at_its_end() -> None:
    line: Any = BlockingLine()
    with pytest.raises(LimitLost), BlockingLimitBlock(line, ("openai", None, None)):
        pass
    with pytest.raises(KeyError), BlockingLimitBlock(line, ("openai", None, None)):
        raise KeyError
