"""The loop that handlers share, on asyncio's own and on uvloop's: no handler ends it, stops it, or cancels others."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import uvloop

from corral_worker.own_process import attribution, event_loop, runner
from corral_worker.own_process.attribution import Held
from corral_worker.own_process.event_loop import as_worker

ONE: Held = (UUID(int=1), 1)
OTHER: Held = (UUID(int=2), 1)
uvloop.new_event_loop().close()  # libuv opens a pipe for signals with the first loop, and keeps it
LOOPS = [asyncio.SelectorEventLoop, uvloop.Loop]


class Told:
    """What the loop said of attempts whose code asked the process to end."""

    def __init__(self) -> None:
        self.exits: list[tuple[Held, str]] = []

    def hear(self, attempt: Held, error: BaseException) -> None:
        self.exits.append((attempt, repr(error)))


def running(loop_class: type[Any], main: Callable[[Told], Awaitable[Any]], **how: Any) -> Any:
    """Run it as a worker's coroutine."""

    async def worker() -> Any:
        told = Told()
        asyncio.get_running_loop().exits.hear = told.hear  # type: ignore[attr-defined]
        return await main(told)

    return runner.run(worker(), loop_class, **how)


def of(attempt: Held, coroutine: Any) -> asyncio.Task[Any]:
    """A task that runs an attempt, as the worker starts it."""

    async def run() -> Any:
        attribution.belong_to(attempt)
        task = asyncio.current_task()
        assert isinstance(task, event_loop.OwnedTask)
        task.owner = attempt
        return await coroutine

    return asyncio.get_running_loop().create_task(run())


async def leave() -> None:
    await asyncio.sleep(0)
    sys.exit(3)


@pytest.mark.parametrize("loop_class", LOOPS)
def test_a_task_that_exits_is_cancelled_and_told_with_its_attempt(loop_class: type[Any]):
    async def main(told: Told) -> None:
        async def handler() -> str:
            task = asyncio.create_task(leave())
            await asyncio.wait([task])
            return "cancelled" if task.cancelled() else "not"

        neighbour = of(OTHER, asyncio.sleep(0.02, "well"))
        assert await of(ONE, handler()) == "cancelled"
        assert told.exits == [(ONE, "SystemExit(3)")]
        assert await neighbour == "well"

    running(loop_class, main)


@pytest.mark.parametrize("loop_class", LOOPS)
@pytest.mark.parametrize("how", ["call_soon", "call_later", "call_at", "call_soon_threadsafe", "done"])
def test_a_callback_that_exits_is_told_with_its_attempt(loop_class: type[Any], how: str):
    async def main(told: Told) -> None:
        async def handler() -> None:
            loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
            match how:
                case "call_later":
                    loop.call_later(0.001, sys.exit, 3)
                case "call_at":
                    loop.call_at(loop.time(), sys.exit, 3)
                case "done":
                    future.add_done_callback(lambda _: sys.exit(3))
                    future.set_result(None)
                case _:
                    getattr(loop, how)(lambda: sys.exit(3))
            await asyncio.sleep(0.01)

        await of(ONE, handler())
        assert told.exits == [(ONE, "SystemExit(3)")]

    running(loop_class, main)


@pytest.mark.parametrize("loop_class", LOOPS)
def test_what_leaves_the_loop_all_the_same_does_not_end_it(loop_class: type[Any]):
    async def main(told: Told) -> str:
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        called = asyncio.Event()
        loop.add_reader(read, lambda: (loop.remove_reader(read), called.set(), sys.exit(9)))
        os.write(write, b"x")
        await called.wait()
        loop.call_soon(sys.exit, 9)
        await asyncio.sleep(0.01)
        for descriptor in (read, write):
            os.close(descriptor)
        assert told.exits == []
        return "done"

    assert running(loop_class, main) == "done"


@pytest.mark.parametrize("loop_class", LOOPS)
def test_one_that_leaves_the_loop_again_and_again_ends_it(loop_class: type[Any]):
    read, write = os.pipe()
    os.write(write, b"x")

    left = 0

    async def main(_: Told) -> None:
        def leave_again() -> None:
            nonlocal left
            left += 1
            if left == 40:
                loop.remove_reader(read)
            sys.exit(9)

        loop = asyncio.get_running_loop()
        loop.add_reader(read, leave_again)  # called as long as nobody reads
        await asyncio.sleep(30)

    with pytest.raises(SystemExit):
        running(loop_class, main, too_often=(5, 10.0))
    assert left >= 5
    for descriptor in (read, write):
        os.close(descriptor)


@pytest.mark.parametrize("loop_class", LOOPS)
def test_a_handler_neither_stops_the_loop_nor_cancels_others(loop_class: type[Any]):
    async def main(_: Told) -> None:
        async def together() -> str:
            await asyncio.gather(asyncio.sleep(0.02), asyncio.sleep(0.02))
            return "well"

        async def handler() -> None:
            with pytest.raises(RuntimeError, match="can't stop the event loop"):
                asyncio.get_running_loop().stop()
            own = asyncio.create_task(asyncio.sleep(30))
            assert asyncio.all_tasks() == {own, asyncio.current_task()}
            assert not neighbour.cancel()
            assert not workers.cancel()
            assert own.cancel()

        workers, neighbour = asyncio.create_task(asyncio.sleep(0.02, "well")), of(OTHER, together())
        await of(ONE, handler())
        assert (await workers, await neighbour) == ("well", "well")
        assert asyncio.create_task(asyncio.sleep(30)).cancel(), "the worker cancels what it wants"

    running(loop_class, main)


@pytest.mark.parametrize("loop_class", LOOPS)
def test_what_the_worker_does_for_a_handler_is_the_workers_and_the_handler_may_cancel_it(
    loop_class: type[Any],
):
    async def main(_: Told) -> None:
        started: list[asyncio.Task[Any]] = []

        async def service() -> str:
            assert attribution.owner() is None
            started.append(asyncio.create_task(asyncio.sleep(0.01, "shared")))
            await asyncio.sleep(0.01)
            return "done"

        async def handler() -> str:
            done = await as_worker(service())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await as_worker(asyncio.sleep(30))
            return done

        assert await of(ONE, handler()) == "done"
        assert isinstance(started[0], event_loop.WorkerTask)
        assert started[0].owner is None
        assert await started[0] == "shared"

    running(loop_class, main)


@pytest.mark.parametrize("loop_class", LOOPS)
def test_a_task_that_is_cancelled_before_it_began_is_closed(loop_class: type[Any]):
    async def main(_: Told) -> None:
        async def handler() -> None:
            task = asyncio.create_task(leave())
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert task.get_coro().__qualname__ == "leave"

        await of(ONE, handler())

    running(loop_class, main)
