"""Handlers of batches, in each executor. A worker under test imports this module."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from corral.catalog import Batch, job_type
from corral.context import BatchJob, SyncBatchJob
from corral.errors import Discard, Retry
from corral.job.backoff import Fixed

QUEUE = "rig"
EXECUTORS = ("async", "thread", "process")
SIZE = 4
OPTIONS: dict[str, Any] = {
    "queue": QUEUE,
    "retries": 1,
    "backoff": Fixed(60),
    "batch": Batch(size=SIZE, wait=60, by="lot"),
}


class Piece(BaseModel):
    """What the handlers get: which batch it is of, and what is to become of it."""

    lot: str
    n: int
    do: str = "nothing"
    effects: str = ""


in_async = job_type("rig.batch_async", payload=Piece, executor="async", **OPTIONS)
in_thread = job_type("rig.batch_thread", payload=Piece, executor="thread", **OPTIONS)
in_process = job_type("rig.batch_process", payload=Piece, executor="process", **OPTIONS)


@in_async.handler
async def handle_async(jobs: Sequence[BatchJob[Piece]]) -> Any:
    answer = handle(jobs)
    while waits(jobs):  # noqa: ASYNC110  # a test says so with a file
        await asyncio.sleep(0.02)
    raise_for_the_rest(jobs)
    return answer


@in_thread.handler
def handle_thread(jobs: Sequence[SyncBatchJob[Piece]]) -> Any:
    return blocking(jobs)


@in_process.handler
def handle_process(jobs: Sequence[SyncBatchJob[Piece]]) -> Any:
    return blocking(jobs)


def blocking(jobs: Sequence[Any]) -> Any:
    answer = handle(jobs)
    while waits(jobs):
        time.sleep(0.02)
    raise_for_the_rest(jobs)
    return answer


def waits(jobs: Sequence[Any]) -> bool:
    """Whether the handler is to go on until somebody says so."""
    for job in jobs:
        if job.payload.do.startswith("wait"):
            return not Path(f"{job.payload.effects}.go").exists() and not (
                job.payload.do == "wait for cancel" and job.cancelled
            )
    return False


def handle(jobs: Sequence[Any]) -> Any:
    with Path(jobs[0].payload.effects).open("a") as log:
        log.write(f"batch {jobs[0].payload.lot} {','.join(str(job.payload.n) for job in jobs)}\n")
    answers: dict[UUID | str, Any] = {}
    for job in jobs:
        job.context.log("got", n=job.payload.n)
        job.context.progress(job.payload.n * 10)
        match job.payload.do:
            case "succeed":
                job.succeed({"n": job.payload.n})
            case "fail":
                job.fail(ValueError(f"piece {job.payload.n}"))
            case "discard":
                job.fail(Discard("not wanted"))
            case "retry":
                job.fail(Retry(after=120))
            case "answer":
                answers[job.id] = {"n": job.payload.n}
            case "answer an error":
                answers[str(job.id)] = ValueError("as answered")
            case "die" if job.attempt == 1:
                os._exit(3)
            case _:
                pass
    return answers or None


def raise_for_the_rest(jobs: Sequence[Any]) -> None:
    if any(job.payload.do == "raise" for job in jobs):
        raise RuntimeError("the rest")
