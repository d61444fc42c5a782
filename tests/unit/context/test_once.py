"""`ctx.once` and `ctx.then` without a worker: what is begun, ended, taken back and refused."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from corral.catalog import job_type
from corral.context import Context
from corral.errors import Conflict, InvalidInput, NotDone
from corral_testing.context import Recording, context, sync_context

sends = job_type("unit.sends")


def add(first: int, second: int = 1) -> int:
    return first + second


async def test_a_function_or_a_coroutine_function_is_called_once_and_its_receipt_kept():
    ctx, recording = context(sends, effects={"earlier": {"id": 7}})

    async def later(value: int) -> dict[str, int]:
        return {"value": value}

    assert await ctx.once("sum", add, 1, second=2) == 3
    assert await ctx.once("sum", add, 5, second=5) == 3, "it is not called again"
    assert await ctx.once("later", later, 4) == {"value": 4}
    assert await ctx.once("earlier", add, 1) == {"id": 7}
    assert await ctx.once("nothing", lambda: None) is None
    assert recording.effects == {"earlier": {"id": 7}, "sum": 3, "later": {"value": 4}, "nothing": None}


@pytest.mark.parametrize(
    ("name", "call", "said"),
    [
        (5, (add, 1), "the name of an effect is a text"),
        ("", (add, 1), "1 to 200 printable characters"),
        ("x" * 201, (add, 1), "1 to 200 printable characters"),
        ("a\nb", (add, 1), "1 to 200 printable characters"),
        ("x", ("add", 1), "calls a function, not a str"),
        ("x", (add,), "missing a required argument: 'first'"),
        ("x", (add, 1, 2, 3), "too many positional arguments"),
    ],
)
async def test_a_call_that_can_not_be_made_begins_nothing(name: Any, call: tuple[Any, ...], said: str):
    ctx, recording = context(sends)
    blocking, other = sync_context(sends)
    with pytest.raises((TypeError, ValueError), match=said):
        await ctx.once(name, *call)
    with pytest.raises((TypeError, ValueError), match=said):
        blocking.once(name, *call)
    assert (recording.effects, other.effects) == ({}, {})


async def test_what_is_not_done_may_be_done_by_a_second_call():
    ctx, recording = context(sends)

    async def refused() -> None:
        raise NotDone("the connection was refused")

    with pytest.raises(NotDone):
        await ctx.once("sent", refused)
    assert recording.effects == {}
    assert await ctx.once("sent", add, 1) == 2


async def test_what_is_done_is_done_though_its_receipt_can_not_be_stored():
    ctx, recording = context(sends)
    with pytest.raises(InvalidInput, match="/receipt"):
        await ctx.once("sent", lambda: float("nan"))
    assert recording.effects == {"sent": None}
    assert await ctx.once("sent", add, 1) is None


async def test_one_effect_is_not_done_twice_at_once_and_two_are():
    ctx, _ = context(sends)
    opened = asyncio.Event()

    async def wait() -> int:
        await opened.wait()
        return 1

    first = asyncio.create_task(ctx.once("sent", wait))
    await asyncio.sleep(0)
    with pytest.raises(Conflict, match="under way in this attempt"):
        await ctx.once("sent", wait)
    assert await ctx.once("other", add, 1) == 2
    opened.set()
    assert await first == 1


def test_a_blocking_handler_gives_a_plain_function():
    ctx, recording = sync_context(sends)

    async def coroutine() -> None: ...

    for function in (coroutine, lambda: coroutine()):  # noqa: PLW0108  the second is a plain one
        with pytest.raises(TypeError, match="a plain function, not a coroutine function"):
            ctx.once("sent", function)
    assert recording.effects == {}
    assert ctx.once("sent", add, 1) == 2


class Slow:
    """A link that takes its time to store an end."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.asked, self.go_on = recording, asyncio.Event(), asyncio.Event()

    async def begin_effect(self, _: str) -> tuple[UUID | None, str | None]:
        return UUID(int=1), None

    async def end_effect(self, name: str, _token: UUID, receipt: str | None) -> None:
        self.asked.set()
        await self.go_on.wait()
        self.recording.effects[name] = receipt


async def test_a_handler_that_is_told_to_stop_lets_the_end_of_what_is_done_be_stored_first():
    real, recording = context(sends)
    slow = Slow(recording)
    stopping = Context(real._claimed, slow, None)  # type: ignore[arg-type]  # what it needs of a link
    slow.cancelled = False  # type: ignore[attr-defined]
    handler = asyncio.create_task(stopping.once("sent", add, 1))
    await slow.asked.wait()
    handler.cancel()
    await asyncio.sleep(0)
    assert not handler.done()
    slow.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await handler
    assert recording.effects == {"sent": "2"}


async def test_follow_ups_are_recorded_with_the_outcome_that_they_wait_for():
    ctx, recording = context(sends)
    await ctx.then("unit.sends", {"n": 1}, delay=5)
    blocking, other = sync_context(sends)
    blocking.then(sends, {"n": 2}, on="failure")
    assert recording.follow_ups == [("success", "unit.sends", {"n": 1}, {"delay": 5.0})]
    assert other.follow_ups == [("failure", "unit.sends", {"n": 2}, {})]
    with pytest.raises(ValueError, match="on is one of success, failure, cancelled, end, retry, not 'luck'"):
        await ctx.then("unit.sends", on="luck")
    with pytest.raises(TypeError, match="takes no idempotency_key"):
        await ctx.then("unit.sends", idempotency_key="k")  # type: ignore[call-arg]
