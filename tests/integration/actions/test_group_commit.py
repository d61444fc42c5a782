"""Rule 2: submissions share commits, a lone one never waits, and only a culprit fails."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.actions.conftest import Make
from tests.integration.actions.gate import Gate, stored

from corral.actions.submissions.commit_lane import MAX_GROUP_JOBS, MAX_LARGE_BULKS, MAX_PENDING
from corral.actions.submissions.group_commit import GroupCommit
from corral.errors import InvalidInput, Unavailable
from corral.job.job import NewJob
from corral.store import Store


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


async def test_each_group_is_told_once_also_of_the_jobs_of_callers_that_went_away(gate: Gate, make: Make):
    told: list[tuple[list[NewJob], list[UUID], list[int]]] = []
    commits = GroupCommit(
        gate.insert,
        gate.existing,
        lambda jobs, accepted, sizes: told.append((list(jobs), [one.id for one in accepted], list(sizes))),
    )
    gate.open.clear()
    first, leaving, bulk = [make()], [make()], [make(), make(), make()]
    tasks = [asyncio.create_task(commits.commit(first))]
    await eventually_async(lambda: gate.groups)
    tasks += [asyncio.create_task(commits.commit(jobs)) for jobs in (leaving, bulk)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    gate.open.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    together = [*leaving, *bulk]
    assert told == [
        (first, [first[0].id], [1]),
        (together, [job.id for job in together], [1, 3]),
    ]


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


async def closed_meanwhile(commits: GroupCommit, gate: Gate) -> None:
    """Close while a group is at the gate, which opens then: nothing is closed before."""
    await eventually_async(lambda: gate.groups)
    closing = asyncio.create_task(commits.close())
    await asyncio.sleep(0)
    assert not closing.done()
    gate.open.set()
    await closing


async def test_closing_waits_for_what_is_under_way(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    tasks = [asyncio.create_task(commits.commit([make()])) for _ in range(3)]
    await closed_meanwhile(commits, gate)
    assert all(task.done() for task in tasks)
    assert await stored(store) == 3


async def test_closing_waits_for_a_large_bulk_that_is_under_way(
    commits: GroupCommit, gate: Gate, store: Store, make: Make
):
    gate.open.clear()
    jobs = [make() for _ in range(MAX_GROUP_JOBS + 1)]
    tasks = [asyncio.create_task(commits.commit(jobs))]
    await closed_meanwhile(commits, gate)
    assert [len(accepted) for accepted in await asyncio.gather(*tasks)] == [len(jobs)]
    assert await stored(store) == len(jobs)
