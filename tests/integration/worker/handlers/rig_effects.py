"""Handlers that do something only once, in each executor. A worker under test imports this module."""

import os
import socket
from pathlib import Path
from typing import Any

from corral.catalog import job_type
from corral.context import Context, SyncContext
from corral.errors import NotDone
from corral.job.backoff import Fixed

QUEUE = "rig"
EXECUTORS = ("async", "thread", "process")
OPTIONS: dict[str, Any] = {"queue": QUEUE, "retries": 2, "backoff": Fixed(0.05)}

once_async = job_type("rig.once_async", executor="async", **OPTIONS)
once_thread = job_type("rig.once_thread", executor="thread", **OPTIONS)
once_process = job_type("rig.once_process", executor="process", **OPTIONS)
again_async = job_type("rig.again_async", executor="async", perhaps_done="repeat", **OPTIONS)
again_thread = job_type("rig.again_thread", executor="thread", perhaps_done="repeat", **OPTIONS)
again_process = job_type("rig.again_process", executor="process", perhaps_done="repeat", **OPTIONS)


def charge(payload: dict[str, Any], attempt: int) -> dict[str, int]:
    """Do it, as far as the payload says, and leave a line for it."""
    do = payload["do"]
    if do == "refused first" and attempt == 1:
        raise NotDone("the connection was refused", after=0.05)
    with Path(payload["effects"]).open("a") as log:
        log.write(f"charge {payload['name']} {attempt}\n")
    if do == "drop":
        call(payload["port"])
    if do == "die" and attempt == 1:
        os._exit(3)
    return {"by": attempt}


def call(port: int) -> bytes:
    """Ask a server that takes the request, does what is asked, and drops its answer."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"charge\n")
        answer = connection.recv(100)
        if not answer:
            raise ConnectionError("the answer was lost")
        return answer


def after(payload: dict[str, Any], attempt: int) -> None:
    if payload["do"] == "fail later" and attempt == 1:
        raise ValueError("as asked")


async def in_coroutine(payload: dict[str, Any], ctx: Context) -> Any:
    async def awaited() -> dict[str, int]:
        return charge(payload, ctx.attempt)

    receipt = await ctx.once("charged", awaited)
    assert await ctx.once("charged", awaited) == receipt
    after(payload, ctx.attempt)
    return receipt


def in_function(payload: dict[str, Any], ctx: SyncContext) -> Any:
    receipt = ctx.once("charged", charge, payload, attempt=ctx.attempt)
    assert ctx.once("charged", charge, payload, attempt=ctx.attempt) == receipt
    after(payload, ctx.attempt)
    return receipt


@once_async.handler
async def do_once_async(payload: Any, ctx: Context) -> Any:
    return await in_coroutine(payload, ctx)


@once_thread.handler
def do_once_thread(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)


@once_process.handler
def do_once_process(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)


@again_async.handler
async def do_again_async(payload: Any, ctx: Context) -> Any:
    return await in_coroutine(payload, ctx)


@again_thread.handler
def do_again_thread(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)


@again_process.handler
def do_again_process(payload: Any, ctx: SyncContext) -> Any:
    return in_function(payload, ctx)
