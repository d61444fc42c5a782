"""Rules 1 and 2: a commit whose answer is lost or late is neither repeated nor given up."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.actions.conftest import Make
from tests.integration.actions.gate import Broken, Gate, stored

from corral.actions.submissions.group_commit import GroupCommit
from corral.errors import OutcomeUnknown, Unavailable
from corral.job.job import Accepted
from corral.job.state import State
from corral.store import Store
from corral.store.postgres.loaders import MomentLoader


async def test_a_lost_commit_names_each_callers_own_jobs(database_url: str, store: Store, make: Make):
    """Postgres is cut off while it commits, and stays away: nobody knows, and each hears of its own ids."""
    with Proxy(database_url) as proxy:
        away = Store.open(proxy.url, pool_size=1, application_name="away")
        commits = GroupCommit(away.jobs.insert, away.jobs.existing)
        await commits.commit([make()])
        proxy.freeze()
        first = asyncio.create_task(commits.commit([make()]))
        await asyncio.sleep(0)
        units = [[make()], [make(), make()]]
        others = [asyncio.create_task(commits.commit(unit)) for unit in units]
        await eventually_async(lambda: proxy.held, "the statement that is never answered")
        proxy.cut()
        with pytest.raises(OutcomeUnknown):
            await first
        for unit, other in zip(units, others, strict=True):
            with pytest.raises((OutcomeUnknown, Unavailable)) as caught:
                await other
            if isinstance(caught.value, OutcomeUnknown):
                assert caught.value.ids == tuple(job.id for job in unit)
        await away.close()


async def test_a_lost_commit_is_resolved_when_postgres_comes_back(
    database_url: str, store: Store, make: Make
):
    """Rule 1: the connection breaks while committing; the ids are asked for, and the caller hears nothing of it."""
    with Proxy(database_url) as proxy:
        away = Store.open(proxy.url, pool_size=1, application_name="away")
        commits = GroupCommit(away.jobs.insert, away.jobs.existing)
        await commits.commit([make()])
        proxy.freeze()
        jobs = [make(), make()]
        under_way = asyncio.create_task(commits.commit(jobs))
        await eventually_async(lambda: proxy.held, "the statement that is never answered")
        proxy.cut()
        proxy.heal()
        assert [accepted.id for accepted in await under_way] == [job.id for job in jobs]
        assert await stored(store) == 3
        await away.close()


async def test_a_group_whose_answer_failed_after_its_commit_is_told_as_stored_and_not_repeated(
    store: Store, make: Make
):
    broken = Broken(store, after=True)
    commits = GroupCommit(broken.insert, broken.existing)
    broken.open.clear()
    units = [[make()], [make(), make(delay=60)], [make()]]
    tasks = [asyncio.create_task(commits.commit(unit)) for unit in units]
    await eventually_async(lambda: broken.groups)
    broken.open.set()
    answers = await asyncio.gather(*tasks)
    assert [[one.id for one in answer] for answer in answers] == [[job.id for job in unit] for unit in units]
    assert broken.groups == [4]
    assert await stored(store) == 4


async def test_an_error_before_anything_was_stored_fails_only_its_culprit(store: Store, make: Make):
    culprit = make()
    broken = Broken(store, after=False, culprit=culprit)
    commits = GroupCommit(broken.insert, broken.existing)
    broken.open.clear()
    units = [[make()], [make()], [culprit], [make()]]
    tasks = [asyncio.create_task(commits.commit(unit)) for unit in units]
    await eventually_async(lambda: broken.groups)
    broken.open.set()
    answers: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, KeyError) for answer in answers] == [False, False, True, False]
    assert await stored(store) == 3


async def test_where_nobody_can_tell_the_outcome_is_unknown(store: Store, make: Make):
    broken = Broken(store, after=True)

    async def away(_ids: Sequence[UUID]) -> list[Accepted]:
        raise Unavailable("postgres", "away")

    job = make()
    with pytest.raises(OutcomeUnknown) as caught:
        await GroupCommit(broken.insert, away).commit([job])
    assert caught.value.ids == (job.id,)


async def test_an_answer_that_can_not_be_read_is_no_failure(
    commits: GroupCommit, gate: Gate, store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
):
    def unreadable(*_: object) -> None:
        raise NotImplementedError("DateStyle")

    jobs = [make(), make(delay=60)]
    with monkeypatch.context() as patch:
        patch.setattr(MomentLoader, "load", unreadable)
        queued, scheduled = await commits.commit(jobs)
    assert (queued.id, queued.state, queued.due_in) == (jobs[0].id, State.QUEUED, 0.0)
    assert (scheduled.id, scheduled.state) == (jobs[1].id, State.SCHEDULED)
    assert 59 < scheduled.due_in <= 60
    assert gate.groups == [2]
    assert await stored(store) == 2
