"""Rule 2: submissions share commits, a lone one never waits, and only a culprit fails."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.actions.conftest import Make

from corral.actions.group_commit import MAX_GROUP_JOBS, MAX_LARGE_BULKS, MAX_PENDING, GroupCommit
from corral.errors import InvalidInput, OutcomeUnknown, Unavailable
from corral.job.job import Accepted, NewJob
from corral.job.state import State
from corral.store import Store
from corral.store.loaders import MomentLoader


class Gate:
    """The real insert behind a gate: counts the groups, and holds them while it is shut."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.groups: list[int] = []
        self.under_way = 0
        self.most = 0
        self.open = asyncio.Event()
        self.open.set()

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        self.groups.append(len(jobs))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
            return await self._store.jobs.insert(jobs)
        finally:
            self.under_way -= 1

    async def existing(self, ids: Sequence[UUID]) -> list[Accepted]:
        return await self._store.jobs.existing(ids)


@pytest.fixture
def gate(store: Store) -> Gate:
    return Gate(store)


@pytest.fixture
def commits(gate: Gate) -> GroupCommit:
    return GroupCommit(gate.insert, gate.existing)


async def stored(store: Store) -> int:
    return len((await store.jobs.page(limit=100_000)).items)


async def test_a_lone_submission_is_committed_at_once(commits: GroupCommit, gate: Gate, make: Make):
    for _ in range(3):
        job = make()
        (accepted,) = await commits.commit([job])
        assert accepted.id == job.id
    assert gate.groups == [1, 1, 1]


async def test_those_that_arrive_during_a_commit_form_the_next_group(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    jobs = [make() for _ in range(101)]
    tasks = [asyncio.create_task(commits.commit([jobs[0]]))]
    await eventually_async(lambda: gate.groups)
    tasks += [asyncio.create_task(commits.commit([job])) for job in jobs[1:]]
    await asyncio.sleep(0)
    gate.open.set()
    answers = await asyncio.gather(*tasks)
    assert gate.groups == [1, 100]
    assert [answer[0].id for answer in answers] == [job.id for job in jobs]
    assert await stored(store) == 101
    assert gate.most == 1


async def test_a_group_has_its_limit(commits: GroupCommit, gate: Gate, make: Make):
    gate.open.clear()
    sizes = [1, 300, 150, 51, 500, 7]
    units = [[make() for _ in range(size)] for size in sizes]
    tasks = [asyncio.create_task(commits.commit(units[0]))]
    await eventually_async(lambda: gate.groups)
    tasks += [asyncio.create_task(commits.commit(unit)) for unit in units[1:]]
    await asyncio.sleep(0)
    gate.open.set()
    answers = await asyncio.gather(*tasks)
    assert [len(answer) for answer in answers] == sizes
    assert gate.groups == [1, 450, 51, 500, 7]


async def test_large_bulks_are_groups_of_their_own_and_hold_nobody_up(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    bulks = [
        asyncio.create_task(commits.commit([make() for _ in range(MAX_GROUP_JOBS + 1)])) for _ in range(4)
    ]
    await eventually_async(lambda: len(gate.groups) == MAX_LARGE_BULKS)
    lone = asyncio.create_task(commits.commit([make()]))
    await eventually_async(lambda: gate.groups == [MAX_GROUP_JOBS + 1] * MAX_LARGE_BULKS + [1])
    gate.open.set()
    await asyncio.gather(lone, *bulks)
    assert sorted(gate.groups) == [1] + [MAX_GROUP_JOBS + 1] * 4
    assert await stored(store) == 1 + 4 * (MAX_GROUP_JOBS + 1)


async def test_only_the_culprit_of_a_failed_group_fails(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    taken = make()
    await commits.commit([taken])
    gate.open.clear()
    gate.groups.clear()
    first = asyncio.create_task(commits.commit([make()]))
    await eventually_async(lambda: gate.groups)
    good = [[make()], [make(), make()], [make()]]
    bad = [
        [make("{this is no JSON")],
        [make(), make('{"nul": "\\u0000"}'), make()],  # a bulk stands or falls as a whole
        [make(job_id=taken.id)],
    ]
    units: list[list[NewJob]] = [good[0], bad[0], good[1], bad[1], bad[2], good[2]]
    tasks = [asyncio.create_task(commits.commit(unit)) for unit in units]
    await asyncio.sleep(0)
    gate.open.set()
    answers: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(await first) == 1
    failed = [isinstance(answer, BaseException) for answer in answers]
    assert failed == [unit in bad for unit in units]
    assert isinstance(answers[1], InvalidInput)
    assert await stored(store) == 2 + sum(map(len, good))
    assert gate.groups == [1, 9, 1, 1, 2, 3, 1, 1]


async def test_a_caller_that_goes_away_neither_stops_nor_delays_the_commit(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    leaving = asyncio.create_task(commits.commit([make()]))
    await eventually_async(lambda: gate.groups)
    also_leaving = asyncio.create_task(commits.commit([make()]))
    staying = asyncio.create_task(commits.commit([make()]))
    await asyncio.sleep(0)
    leaving.cancel()
    also_leaving.cancel()
    gate.open.set()
    assert len(await staying) == 1
    assert await stored(store) == 3
    with pytest.raises(asyncio.CancelledError):
        await leaving


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
        await asyncio.wait([first], timeout=0.2)
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
        await asyncio.wait([under_way], timeout=0.2)
        proxy.cut()
        proxy.heal()
        assert [accepted.id for accepted in await under_way] == [job.id for job in jobs]
        assert await stored(store) == 3
        await away.close()


async def test_too_many_waiting_submissions_are_turned_away(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    one = make()
    tasks = [asyncio.create_task(commits.commit([one] * 10_000)) for _ in range(MAX_PENDING // 10_000)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="wait for it already"):
        await commits.commit([make()])
    gate.open.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(await commits.commit([make()])) == 1


async def test_closing_waits_for_what_is_under_way(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    tasks = [asyncio.create_task(commits.commit([make()])) for _ in range(3)]
    await eventually_async(lambda: gate.groups)
    closing = asyncio.create_task(commits.close())
    await asyncio.sleep(0)
    assert not closing.done()
    gate.open.set()
    await closing
    assert all(task.done() for task in tasks)
    assert await stored(store) == 3


class Broken(Gate):
    """Fails after it has stored a group, or before, where the culprit is in it."""

    def __init__(self, store: Store, *, after: bool, culprit: NewJob | None = None) -> None:
        super().__init__(store)
        self._after = after
        self._culprit = culprit

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        if not self._after and self._culprit in jobs:
            self.groups.append(len(jobs))
            raise KeyError("before anything was stored")
        accepted = await super().insert(jobs)
        if self._after:
            raise KeyError("after the commit")
        return accepted


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
