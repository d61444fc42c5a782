"""Progress and log lines on their way to Postgres: one that is refused takes no other along."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import structlog
from tests.contract.subjects import of_store
from tests.integration.worker.handlers.rig_context import say_async

from corral import metrics
from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.job.job import Claimed
from corral_testing.subject import Subject
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.updates import UpdateBatch, Updates, write_updates


@pytest.fixture
async def subject(database_url: str) -> AsyncIterator[Subject]:
    async with of_store(database_url) as subject:
        yield subject


async def running(subject: Subject, count: int) -> list[Claimed]:
    worker = await subject.worker()
    ids = [await subject.submit() for _ in range(count)]
    return list((await subject.claim(worker, *ids)).claimed)


def dropped() -> float:
    return metrics.SWALLOWED.labels("notes")._value.get()


async def test_one_that_postgres_refuses_is_dropped_alone_counted_and_named(
    subject: Subject, dispatch: Dispatch
):
    good, bad, other = await running(subject, 3)
    updates = Updates(partial(write_updates, subject.store, dispatch))
    before = dropped()
    for claimed in (good, replace(bad, attempt=2**40), other):  # no such number fits its column
        execution = Execution(claimed, say_async)
        updates.progress(execution, 50, "half")
        updates.log(execution, "said", {"n": 1})
    with structlog.testing.capture_logs() as logged:
        await updates.flush()
    for claimed in (good, other):
        assert [line.text for line in await subject.store.jobs.logs(claimed.id)] == ["said"]
        assert (await subject.job(claimed.id)).progress == 50
    assert await subject.store.jobs.logs(bad.id) == []
    assert dropped() - before == 2
    told = [line for line in logged if line["event"] == "notes.dropped"]
    assert [(line["job"], line["what"]) for line in told] == [
        (str(bad.id), "progress"),
        (str(bad.id), "log line"),
    ]
    assert not updates.pending


async def test_lines_that_wait_for_postgres_are_written_once_also_when_one_is_refused(
    subject: Subject, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
):
    good, bad, other = await running(subject, 3)
    updates = Updates(partial(write_updates, subject.store, dispatch))
    for claimed in (good, replace(bad, attempt=2**40), other):
        updates.log(Execution(claimed, say_async), "said", {})
    append, asked = subject.store.attempts.append_logs, 0

    async def away_in_between(lines: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 4:  # together; the good one; the bad one; then the server is away
            raise Unavailable("postgres", "rigged")
        return await append(lines)

    monkeypatch.setattr(subject.store.attempts, "append_logs", away_in_between)
    with pytest.raises(Unavailable):
        await updates.flush()
    assert updates.pending
    await updates.flush()
    texts: dict[UUID, list[str]] = {
        claimed.id: [line.text for line in await subject.store.jobs.logs(claimed.id)]
        for claimed in (good, bad, other)
    }
    assert texts == {good.id: ["said"], bad.id: [], other.id: ["said"]}


async def test_an_outcome_waits_for_the_lines_that_are_being_written(subject: Subject, dispatch: Dispatch):
    """Else the attempt would have ended before its own lines, and they would be refused."""
    (claimed,) = await running(subject, 1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(batch: UpdateBatch) -> None:
        begun.set()
        await go_on.wait()
        await write_updates(subject.store, dispatch, batch)

    updates = Updates(slowly)
    updates.log(Execution(claimed, say_async), "said", {})
    first = asyncio.create_task(updates.flush())
    await begun.wait()
    assert updates.pending
    second = asyncio.create_task(updates.flush())
    go_on.set()
    await asyncio.gather(first, second)
    assert not updates.pending
    assert [line.text for line in await subject.store.jobs.logs(claimed.id)] == ["said"]


async def test_lines_of_an_attempt_that_is_not_the_jobs_own_are_counted_and_named(
    subject: Subject, dispatch: Dispatch
):
    (claimed,) = await running(subject, 1)
    updates = Updates(partial(write_updates, subject.store, dispatch))
    updates.log(Execution(replace(claimed, attempt=2), say_async), "said", {})
    with structlog.testing.capture_logs() as logged:
        await updates.flush()
    assert [line["job"] for line in logged if line["event"] == "job.fenced"] == [str(claimed.id)]
