"""Strategies of limits: what a submission does that finds its limit full, as far as one client can see it."""

import pytest

from corral.job.limit_use import LimitUse
from corral.job.priority import Priority
from corral.job.state import State
from corral.refusals import LimitFull, RefusedBecause, TooManyWaiting
from corral_testing.subject import ERRED, LONG, SUCCEEDED, Subject

KEY = (LimitUse("customer", "acme", counted=True),)
OTHER = (LimitUse("customer", "other", counted=True),)


class Admitting:
    """Submissions at limits that count what waits."""

    async def test_a_full_limit_refuses_and_names_who_holds_it(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 2, "by": "customer", "on_full": "refuse"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        assert await subject.claim_groups(worker, KEY, take=1) == [first]
        with pytest.raises(
            LimitFull, match=r"customer for acme is full: 1 .* run and 1 wait.*takes 2"
        ) as error:
            await subject.submit(uses=KEY)
        (refused,) = error.value.refused
        assert (refused.limit, refused.key, refused.because) == ("customer", "acme", RefusedBecause.FULL)
        assert refused.holders == (first, second)
        assert await subject.store.jobs.get(refused.job) is None
        await subject.submit(uses=OTHER)
        await subject.finish(worker, first, 1, SUCCEEDED, limited=True)
        await subject.submit(uses=KEY)

    async def test_a_job_in_backoff_holds_a_limit_that_refuses(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "refuse"})
        worker, first = await subject.worker(), await subject.submit(uses=KEY)
        await subject.claim_groups(worker, KEY)
        await subject.finish(worker, first, 1, ERRED, limited=True)
        with pytest.raises(LimitFull, match="0 of its jobs run and 1 wait"):
            await subject.submit(uses=KEY)

    async def test_a_total_refuses_over_all_keys(self, subject: Subject) -> None:
        values = {"each": 2, "total": 2, "by": "customer", "on_full": "refuse"}
        await subject.declare("customer", values)
        total = LimitUse("customer", counted=True)
        await subject.submit(uses=(total, *KEY))
        await subject.submit(uses=(total, *OTHER))
        with pytest.raises(LimitFull) as error:
            await subject.submit(uses=(total, *OTHER))
        (one,) = error.value.refused
        assert (one.limit, one.key, one.may) == ("customer", "", 2)

    async def test_a_bulk_is_refused_as_a_whole_and_each_culprit_is_named(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "refuse"})
        jobs = [subject.new_job(uses=uses) for uses in (KEY, (), KEY, OTHER, OTHER)]
        with pytest.raises(LimitFull, match="2 of 5 jobs are refused, the first at index 2") as error:
            await subject.store.jobs.insert(jobs)
        assert [one.index for one in error.value.refused] == [2, 4]
        assert await subject.store.jobs.existing([job.id for job in jobs]) == []

    async def test_so_many_wait_for_each_key_and_no_more(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "max_waiting": 2})
        worker = await subject.worker()
        first, _ = await subject.submit(uses=KEY), await subject.submit(uses=KEY, delay=LONG)
        with pytest.raises(
            TooManyWaiting, match="2 jobs wait for the limit customer for acme, and at most 2"
        ):
            await subject.submit(uses=KEY)
        await subject.submit(uses=OTHER)
        await subject.claim_groups(worker, KEY)
        await subject.submit(uses=KEY)
        with pytest.raises(TooManyWaiting):
            await subject.submit(uses=KEY)
        assert await subject.claim_groups(worker, KEY) == [], "the first one runs"
        await subject.finish(worker, first, 1, SUCCEEDED, limited=True)

    async def test_an_operator_changes_how_many_may_wait(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "max_waiting": 5})
        await subject.submit(uses=KEY)
        await subject.override("customer", "acme", {"max_waiting": 1}, False)
        with pytest.raises(TooManyWaiting):
            await subject.submit(uses=KEY)
        await subject.submit(uses=OTHER)
        await subject.submit(uses=OTHER)

    async def test_the_newest_supersedes_all_of_its_key_that_does_not_run(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "supersede"})
        worker = await subject.worker()
        running, other = await subject.submit(uses=KEY), await subject.submit(uses=OTHER)
        assert await subject.claim_groups(worker, KEY) == [running]
        waiting = await subject.submit(uses=KEY)
        newest = subject.new_job(uses=KEY)
        (accepted,) = await subject.store.jobs.insert([newest])
        assert [(one.id, one.by) for one in accepted.displaced] == [(waiting, newest.id)]
        ended = await subject.job(waiting)
        assert (ended.state, (ended.error or {})["kind"]) == (State.CANCELLED, "superseded")
        assert str(newest.id) in (ended.error or {})["message"]
        assert (await subject.job(running)).cancel_requested_at is None
        assert (await subject.job(other)).state is State.QUEUED
        await subject.finish(worker, running, 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, KEY) == [newest.id]

    async def test_backoff_is_superseded_and_what_waits_for_others_is_not(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "supersede"})
        worker, failed = await subject.worker(), await subject.submit(uses=KEY)
        await subject.claim_groups(worker, KEY)
        await subject.finish(worker, failed, 1, ERRED, limited=True)
        dependant = await subject.submit(uses=KEY)
        assert (await subject.job(failed)).state is State.CANCELLED
        await subject.block(dependant)
        delayed = await subject.submit(uses=KEY, delay=LONG)
        newest = await subject.submit(uses=KEY)
        states = [(await subject.job(id)).state for id in (dependant, delayed, newest)]
        assert states == [State.BLOCKED, State.CANCELLED, State.QUEUED]
        kept = await subject.store.jobs.attempts(failed)
        assert [one.outcome for one in kept] == ["errored"], "its history stays"

    async def test_what_fits_supersedes_nothing(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 2, "by": "customer", "on_full": "supersede"})
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        assert {(await subject.job(id)).state for id in (first, second)} == {State.QUEUED}

    async def test_of_a_bulk_the_last_of_a_key_is_left(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "supersede"})
        before = await subject.submit(uses=KEY)
        jobs = [subject.new_job(uses=uses) for uses in (KEY, OTHER, KEY, KEY)]
        accepted = await subject.store.jobs.insert(jobs)
        states = [one.state for one in accepted]
        assert states == [State.CANCELLED, State.QUEUED, State.CANCELLED, State.QUEUED]
        assert [(await subject.job(job.id)).state for job in jobs] == states
        assert (await subject.job(before)).state is State.CANCELLED

    async def test_the_oldest_running_one_is_asked_to_stop_once_for_each_newcomer(
        self, subject: Subject
    ) -> None:
        await subject.declare("customer", {"each": 2, "by": "customer", "on_full": "cancel-running"})
        worker = await subject.worker()
        running = []
        for _ in range(2):
            running.append(await subject.submit(uses=KEY))
            await subject.claim_groups(worker, KEY)
            await subject.advance(1)
        first = await subject.submit(uses=KEY)
        asked = [(await subject.job(id)).cancel_requested_at is not None for id in running]
        assert asked == [True, False]
        second = subject.new_job(uses=KEY)
        (accepted,) = await subject.store.jobs.insert([second])
        assert [one.id for one in accepted.displaced] == [first], "the slot of the first is its own"
        assert (await subject.job(running[1])).cancel_requested_at is None
        assert await subject.claim_groups(worker, KEY) == [], "the slot is free when the attempt has ended"
        await subject.finish(worker, running[0], 1, ERRED, limited=True)
        assert (await subject.job(running[0])).state is State.CANCELLED
        assert await subject.claim_groups(worker, KEY) == [second.id]

    async def test_an_operator_changes_what_a_full_limit_does(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "refuse"})
        first = await subject.submit(uses=KEY)
        await subject.override("customer", "", {"on_full": "supersede"}, False)
        await subject.submit(uses=KEY)
        assert (await subject.job(first)).state is State.CANCELLED
        await subject.override("customer", "", {"on_full": "queue"}, False)
        await subject.submit(uses=KEY)

    async def test_other_priorities_of_a_key_are_counted_together(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "supersede"})
        low = await subject.submit(uses=KEY, priority=Priority.LOW)
        await subject.submit(uses=KEY, priority=Priority.HIGH)
        assert (await subject.job(low)).state is State.CANCELLED

    async def test_a_superseded_job_is_retried_by_a_person(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1, "by": "customer", "on_full": "supersede"})
        first = await subject.submit(uses=KEY)
        await subject.submit(uses=KEY)
        (retried,) = await subject.store.jobs.retry([first], "ann")
        assert retried.state is State.QUEUED
        assert (await subject.job(first)).error is None
