"""Waiting for a job in the request that submits it: answered at its end, or with 202."""

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import Hand
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.dispatch import Dispatch
from corral.dispatch.event import JobsChanged, QueueChanged
from corral.dispatch.events import Listener
from corral.job.job import Accepted, NewJob
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app

only_events = pytest.mark.parametrize("app", [1000.0], ids=["only events"], indirect=True)
"""Nobody looks at rows without a reason."""


@only_events
async def test_wait_answers_with_the_ended_job(
    api: httpx2.AsyncClient, hand: Hand, store: Store, settings: Settings
):
    """As soon as the event comes."""

    async def work() -> None:
        async def appeared() -> Any:
            return (await store.jobs.page()).items

        (job,) = await eventually_async(appeared)
        await hand.complete(job.id, '{"sum": 3}')
        dispatch = Dispatch.open(settings.redis_url)
        await dispatch.events.publish(JobsChanged("completed", (job.id,)))
        await dispatch.close()

    async with asyncio.timeout(19):  # before the wait is over
        answer, _ = await asyncio.gather(
            api.post("/api/v1/jobs?wait=20", json={"type": "test.anything"}), work()
        )
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["result"]) == ("completed", {"sum": 3})


@only_events
async def test_a_waiter_is_registered_before_the_commit(
    app: FastAPI, api: httpx2.AsyncClient, hand: Hand, monkeypatch: pytest.MonkeyPatch
):
    """Rule 28: the job ends, and its event passes, before the submitter hears of the commit."""
    services = app.state.services
    commit = services.submitter.commit

    async def slow(job: NewJob) -> Accepted:
        accepted: Accepted = await commit(job)
        async with services.dispatch.events.listen() as listener:
            await hand.complete(job.id)
            await services.dispatch.events.publish(JobsChanged("completed", (job.id,)))
            await until(listener, JobsChanged)
            await services.dispatch.events.publish(QueueChanged("a round trip later"))
            await until(listener, QueueChanged)
            return accepted

    async def until(listener: Listener, kind: type) -> None:
        while not isinstance(await listener.get(), kind):
            pass

    monkeypatch.setattr(services.submitter, "commit", slow)
    async with asyncio.timeout(29):  # before the wait is over
        answer = await api.post("/api/v1/jobs?wait=30", json={"type": "test.anything"})
    assert (answer.status_code, answer.json()["state"]) == (201, "completed")


async def test_wait_needs_no_event(api: httpx2.AsyncClient, hand: Hand, store: Store):
    """Events are hints: the row is read every second."""

    async def work() -> None:
        async def appeared() -> Any:
            return (await store.jobs.page()).items

        (job,) = await eventually_async(appeared)
        await hand.complete(job.id)

    async with asyncio.timeout(19):  # before the wait is over
        answer, _ = await asyncio.gather(
            api.post("/api/v1/jobs?wait=20", json={"type": "test.anything"}), work()
        )
    assert (answer.status_code, answer.json()["state"]) == (201, "completed")


async def test_a_wait_that_is_too_short_answers_202_with_the_job(api: httpx2.AsyncClient, app: FastAPI):
    answer = await api.post("/api/v1/jobs?wait=0.2", json={"type": "test.anything"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert not app.state.services.waiters._waiting


async def test_waiters_are_bounded(settings: Settings, store: Store, keys: dict[Role, str], hand: Hand):
    app = create_app(Settings(**(settings.__dict__ | {"max_waiters": 1})))
    async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
        first = asyncio.create_task(api.post("/api/v1/jobs?wait=50", json={"type": "test.anything"}))
        (waited_for,) = await eventually_async(lambda: list(app.state.services.waiters._waiting))
        second = await api.post("/api/v1/jobs?wait=50", json={"type": "test.anything"})
        assert (second.status_code, second.json()["state"]) == (202, "queued")
        assert not first.done()

        async def completed() -> bool:  # not yet where its commit is under way
            await hand.complete(waited_for)
            return True

        assert await eventually_async(completed)
        assert (await first).json()["state"] == "completed"
