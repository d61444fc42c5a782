"""Handlers that try to end the process they run in, from wherever their code is called: the same in each executor."""

import asyncio
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from corral.catalog import JobType, job_type


def leave(how: str) -> NoReturn:
    if how == "interrupt":
        raise KeyboardInterrupt
    sys.exit(3)


async def leave_later(how: str) -> None:
    await asyncio.sleep(0.01)
    leave(how)


async def patient() -> None:
    await asyncio.sleep(30)


async def together() -> None:
    await asyncio.gather(asyncio.sleep(2), asyncio.sleep(2))


async def in_gather(how: str) -> None:
    await asyncio.gather(leave_later(how), patient())


async def in_gather_that_keeps_errors(how: str) -> None:
    await asyncio.gather(leave_later(how), patient(), return_exceptions=True)


async def in_task_group(how: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(leave_later(how))
        group.create_task(patient())


async def in_task_nobody_awaits(how: str) -> None:
    task = asyncio.create_task(leave_later(how))
    await patient()
    await task


async def in_callback(how: str) -> None:
    asyncio.get_running_loop().call_soon(leave, how)
    await patient()


async def in_timer(how: str) -> None:
    asyncio.get_running_loop().call_later(0.01, leave, how)
    await patient()


async def in_done_callback(how: str) -> None:
    task = asyncio.create_task(asyncio.sleep(0.01))
    task.add_done_callback(lambda _: leave(how))
    await patient()


async def in_executor(how: str) -> None:
    await asyncio.get_running_loop().run_in_executor(None, leave, how)


async def in_to_thread(how: str) -> None:
    await asyncio.gather(asyncio.to_thread(leave, how), patient())


async def in_wait_for(how: str) -> None:
    await asyncio.wait_for(leave_later(how), 10)


async def in_async_generator(how: str) -> None:
    async def generate() -> Any:
        yield 1
        leave(how)

    async def consume() -> None:
        async for _ in generate():
            pass

    await asyncio.gather(consume(), patient())


COROUTINES = (
    in_gather, in_gather_that_keeps_errors, in_task_group, in_task_nobody_awaits, in_callback, in_timer,
    in_done_callback, in_executor, in_to_thread, in_wait_for, in_async_generator,
)  # fmt: skip
BY_NAME = {function.__name__: function for function in COROUTINES}


async def by_coroutine(payload: Any) -> str:
    await (together() if payload["where"] == "together" else BY_NAME[payload["where"]](payload["how"]))
    return "left nothing"


def declare(name: str, executor: str = "async", **options: Any) -> JobType[Any, Any]:
    return job_type(f"rig.leave_{name}", queue="rig", executor=executor, retries=0, **options)


in_loop, in_process, blocking = declare("async"), declare("process", "process"), declare("thread", "thread")
meddle = declare("meddle")


@in_loop.handler
async def leave_in_loop(payload: Any) -> str:
    return await by_coroutine(payload)


@in_process.handler
async def leave_in_process(payload: Any) -> str:
    return await by_coroutine(payload)


@blocking.handler
def leave_in_thread(payload: Any) -> str:
    """A loop of its own, in a thread."""
    return asyncio.run(by_coroutine(payload))


async def cancel_all(_: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(30)


async def cancel_self(_: asyncio.AbstractEventLoop) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(30)


async def kill(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


async def take_signals(_: asyncio.AbstractEventLoop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(9))


async def break_exception_handler(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(lambda _loop, _context: sys.exit(9))
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.05)
    loop.set_exception_handler(None)


async def break_reader(loop: asyncio.AbstractEventLoop) -> None:
    read, write = os.pipe()
    called = asyncio.Event()
    loop.add_reader(read, lambda: (loop.remove_reader(read), called.set(), sys.exit(9)))
    os.write(write, b"x")
    await called.wait()
    os.close(read)
    os.close(write)


async def change_loops(_: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop_policy(None)
    other = asyncio.new_event_loop()
    asyncio.set_event_loop(other)
    other.close()


async def leave_in_own_thread(_: asyncio.AbstractEventLoop) -> None:
    thread = threading.Thread(target=sys.exit, args=(9,))
    thread.start()
    await asyncio.to_thread(thread.join)


async def leave_threads(loop: asyncio.AbstractEventLoop) -> None:
    threading.Thread(target=time.sleep, args=(600,), name="left behind").start()
    loop.run_in_executor(None, time.sleep, 600)


async def hold_every_thread(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(64):
        loop.run_in_executor(None, time.sleep, 600)


async def come_back_from_fork(_: asyncio.AbstractEventLoop) -> None:
    if (child := os.fork()) != 0:
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status == 0


async def stop(loop: asyncio.AbstractEventLoop) -> None:
    loop.stop()


async def shut_threads(loop: asyncio.AbstractEventLoop) -> None:
    await loop.shutdown_default_executor()


async def replace_threads(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_default_executor(ThreadPoolExecutor(1))


async def close(loop: asyncio.AbstractEventLoop) -> None:
    loop.close()


async def raise_signal(_: asyncio.AbstractEventLoop) -> None:
    signal.raise_signal(signal.SIGINT)


async def end_process(_: asyncio.AbstractEventLoop) -> None:
    os._exit(5)


MEDDLERS = (
    cancel_all, cancel_self, take_signals, break_exception_handler, break_reader, change_loops,
    leave_in_own_thread, leave_threads, hold_every_thread, come_back_from_fork, stop, close, raise_signal, end_process,
    shut_threads, replace_threads,
)  # fmt: skip
MEDDLER = {function.__name__: function for function in MEDDLERS}


@meddle.handler
async def do_meddle(payload: Any) -> str:
    """What a handler might do to the loop, the process and its neighbours."""
    if payload["what"] in ("SIGINT", "SIGTERM"):
        await kill(signal.Signals[payload["what"]])
    else:
        await MEDDLER[payload["what"]](asyncio.get_running_loop())
    return "done"
