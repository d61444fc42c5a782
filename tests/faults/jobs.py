"""The job types that the faults run: each leaves a trace outside Postgres of what really happened."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel

from corral.catalog.declaration import job
from corral.catalog.limits.limit import Limit, Rate
from corral.context import Context, SyncContext
from corral.job.backoff import Fixed
from corral.job.options import Executor

FOLDER = Path(os.environ.get("FAULTS_FOLDER", "."))
"""Where traces go: `starts` with a line per handler start, and a file per effect."""
SOON = Fixed(0.2)
LOOK = 0.05
"""Seconds between two looks for the file that lets a job end."""
CHUNK = 16 * 2**20


SEVERAL, EACH = Limit("several", total=6), Limit("customers", each=2, by="how")
"""What jobs beside others take of, in every test under load."""
AMPLE = Limit("ample", total=90)
"""What leaves several workers room to claim beyond their slots, until they have much of it."""
PROVIDER, CALLER = Limit("provider", total=80), Limit("caller", each=20, total=150, by="key")
"""80 calls at once at the receiver, and 20 for each key."""
STARTS = Rate("starts", 170, per=5)
CALLS = Rate("calls", 680, per=20, at="call", deadline=0.5)
"""680 calls at the receiver in any twenty seconds. The deadline has room for 200 ms of the network and a busy machine."""


class Work(BaseModel):
    """What the job should do, and for how long: so many seconds, or until there is a file of that name."""

    seconds: float = 0.0
    until: str = ""
    how: str = ""

    @property
    def held(self) -> bool:
        """Whether the test has not let it end yet."""
        return bool(self.until) and not (FOLDER / self.until).exists()


class Call(BaseModel):
    """A call of the receiver, which answers after `seconds`."""

    key: str = ""
    seconds: float = 0.0


def trace(ctx: Context | SyncContext) -> None:
    """Note that a handler started: one short line, appended atomically."""
    line = f"{ctx.job_id} {ctx.attempt}\n".encode()
    handle = os.open(FOLDER / "starts", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def effect(ctx: Context | SyncContext) -> None:
    """Do something outside, keyed by the job's id, as every effect should be."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(FOLDER / f"effect-{ctx.job_id}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def alone_in(process: str, ctx: SyncContext) -> None:
    """Write down which process runs the job, for the test to find it."""
    (FOLDER / f"{process}-{ctx.job_id}").write_text(str(os.getpid()))


@job(name="faults.work", queue="work", backoff=SOON, timeout=120)
async def work(payload: Work, ctx: Context) -> dict[str, Any]:
    """Wait, then leave the effect."""
    trace(ctx)
    if payload.seconds:  # without, it ends as soon as it begins
        await asyncio.sleep(payload.seconds)
    while payload.held:  # noqa: ASYNC110  a test says so with a file
        await asyncio.sleep(LOOK)
    effect(ctx)
    return {"attempt": ctx.attempt}


@job(name="faults.limited", queue="work", backoff=SOON, timeout=120, limits=[SEVERAL, EACH])
async def limited(payload: Work, ctx: Context) -> dict[str, Any]:
    """The same, beside a few others only."""
    trace(ctx)
    await asyncio.sleep(payload.seconds)
    effect(ctx)
    return {"attempt": ctx.attempt}


@job(name="faults.ample", queue="work", backoff=SOON, timeout=120, limits=[AMPLE])
async def ample(payload: Work, ctx: Context) -> dict[str, Any]:
    """The same as `faults.work`, of a limit that is seldom full."""
    return await work(payload, ctx)


@job(name="faults.call", queue="calls", backoff=SOON, timeout=120, limits=[PROVIDER, CALLER])
async def call(payload: Call, ctx: Context) -> dict[str, Any]:
    """Call the receiver, which counts how many call it at once."""
    trace(ctx)
    await called(payload, ctx, "call")
    effect(ctx)
    return {"attempt": ctx.attempt}


@job(name="faults.rated", queue="calls", backoff=SOON, timeout=120, limits=[STARTS])
async def rated(payload: Call, ctx: Context) -> dict[str, Any]:
    """The same, so many in a time."""
    trace(ctx)
    await called(payload, ctx, "rated")
    effect(ctx)
    return {"attempt": ctx.attempt}


@job(name="faults.budgeted", queue="calls", backoff=SOON, timeout=120)
async def budgeted(payload: Call, ctx: Context) -> dict[str, Any]:
    """The same by an HTTP client, of a budget that is taken as the call leaves."""
    trace(ctx)
    url = f"{os.environ['FAULTS_RECEIVER']}{path_of(payload, ctx, 'budgeted')}"
    async with httpx2.AsyncClient(timeout=60) as client:
        answer = await client.get(url, extensions={"trace": ctx.request_budget(CALLS.name)})
        answer.raise_for_status()
    effect(ctx)
    return {"attempt": ctx.attempt}


async def called(payload: Call, ctx: Context, kind: str) -> None:
    """Ask the receiver, over a connection of its own, and wait for its answer."""
    url = urlsplit(os.environ["FAULTS_RECEIVER"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(
            f"GET {path_of(payload, ctx, kind)} HTTP/1.1\r\nHost: receiver\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        if not (await reader.readline()).startswith(b"HTTP/1.1 200"):
            raise ConnectionError("the receiver did not answer")
    finally:
        writer.close()


def path_of(payload: Call, ctx: Context, kind: str) -> str:
    """What the receiver is asked for: it tells calls apart by it."""
    return f"/calls/{kind}/{ctx.job_id}/{ctx.attempt}/{payload.key or '-'}/{payload.seconds}"


@job(name="faults.other", queue="other", backoff=SOON, timeout=120)
async def other(payload: Work, ctx: Context) -> dict[str, Any]:
    """The same on another queue, to be paused or left without workers."""
    trace(ctx)
    await asyncio.sleep(payload.seconds)
    return {"attempt": ctx.attempt}


@job(name="faults.child", queue="children", backoff=SOON, timeout=120, executor=Executor.PROCESS)
def child(payload: Work, ctx: SyncContext) -> dict[str, Any]:
    """The same in a process of its own, with the ways in which a process can go wrong, once each."""
    trace(ctx)
    alone_in("child", ctx)
    match payload.how if ctx.errors == 0 else "":
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "sysexit":
            sys.exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "base":
            raise KeyboardInterrupt
        case "hungry":
            hoard()
        case "shout":
            shout()
        case "fork":
            fork(payload.seconds)
        case "thread":
            threading.Thread(target=time.sleep, args=(payload.seconds,)).start()
        case _:
            stay(payload)
    effect(ctx)
    return {"attempt": ctx.attempt}


def stay(payload: Work) -> None:
    """Return when the time is over, or the file is there."""
    time.sleep(payload.seconds)
    while payload.held:
        time.sleep(LOOK)


def hoard() -> None:
    """Take memory until somebody ends it; two gigabytes would be the end anyway."""
    hoarded = []
    for _ in range(128):
        hoarded.append(b"x" * CHUNK)
        time.sleep(0.01)
    time.sleep(60)


def shout() -> None:
    """Eight megabytes on each of both outputs."""
    for _ in range(8000):
        sys.stdout.write("x" * 999 + "\n")
        os.write(2, b"y" * 999 + b"\n")


def fork(seconds: float) -> None:
    """Leave a process behind that holds everything open."""
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)


@job(name="faults.poison", queue="work", backoff=SOON, timeout=120)
async def poison(payload: Work, ctx: Context) -> None:
    """Take the worker down with it, every time."""
    trace(ctx)
    await asyncio.sleep(payload.seconds)
    os.kill(os.getpid(), signal.SIGKILL)


@job(name="faults.block", queue="work", backoff=SOON, timeout=120)
async def block(payload: Work, ctx: Context) -> dict[str, Any]:
    """Block the event loop, as careless code does."""
    trace(ctx)
    time.sleep(payload.seconds)  # noqa: ASYNC251  this is the fault
    effect(ctx)
    return {"attempt": ctx.attempt}


@job(name="faults.deaf", queue="work", backoff=SOON, retries=1, timeout=1)
async def deaf(payload: Work, ctx: Context) -> dict[str, Any]:
    """Never return, nor honour a cancellation, the first time."""
    trace(ctx)
    while ctx.errors == 0 and payload.held:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.1)
    return {"attempt": ctx.attempt}


@job(name="faults.endless", queue="children", backoff=SOON, retries=1, timeout=1, executor=Executor.PROCESS)
def endless(payload: Work, ctx: SyncContext) -> dict[str, Any]:
    """Never return, the first time."""
    trace(ctx)
    while ctx.errors == 0:
        time.sleep(0.1)
    return {"attempt": ctx.attempt}


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the declaration says that threads can't be killed: that is the point

    @job(name="faults.stuck", queue="threads", backoff=SOON, retries=1, timeout=1, executor=Executor.THREAD)
    def stuck(payload: Work, ctx: SyncContext) -> dict[str, Any]:
        """Not return for long, the first time, whatever the context says."""
        trace(ctx)
        if ctx.attempt == 1:
            time.sleep(payload.seconds)
            (FOLDER / f"returned-{ctx.job_id}").touch()
        return {"attempt": ctx.attempt}


@job(name="faults.junk", queue="work", retries=1, backoff=SOON)
async def junk(payload: Work, ctx: Context) -> Any:
    """Return what JSON or Postgres can't hold."""
    trace(ctx)
    circle: list[Any] = []
    circle.append(circle)
    return {
        "nan": {"value": float("nan")},
        "surrogate": {"value": "\ud800"},
        "nul": {"value": "\0"},
        "object": {"value": object()},
        "circle": circle,
        "huge": "x" * (17 * 2**20),
    }[payload.how]
