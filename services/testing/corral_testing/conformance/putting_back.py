"""Claims beyond the free slots, and the way back: rule 15 of the protocol, as far as one client can see it."""

from dataclasses import replace
from uuid import UUID

import pytest

from corral.ids import new_id
from corral.job.limit_use import LimitUse, group_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import BeyondSlots, Refusal
from corral_testing.subject import CANCELLED, ERRED, LONG, RELEASED, SUCCEEDED, Subject
from corral_testing.unique_jobs import put, unique
from corral_testing.values import QUEUE, TYPE

QUICK = (TYPE,)
ONE = (LimitUse("one"),)


class PuttingBack:
    """From running to queued, without a trace."""

    async def test_what_is_put_back_is_as_if_it_had_never_been_claimed(self, subject: Subject) -> None:
        worker, claim = await subject.worker(), new_id()
        ids = [await subject.submit(expires_in=LONG) for _ in range(3)]
        await subject.advance(1)
        before = [await subject.job(id) for id in ids]
        order = await self._queued(subject)
        await subject.running(worker, *ids, claim=claim)
        assert await subject.store.claims.put_back(worker, claim, ids[:2]) == set()
        for id, was in zip(ids[:2], before, strict=False):
            job = await subject.job(id)
            assert replace(job, updated_at=was.updated_at) == was
            assert await subject.store.jobs.attempts(id) == []
        assert await self._queued(subject) == order[:2]
        assert (await subject.job(ids[2])).state is State.RUNNING
        (again,) = (await subject.claim(worker, ids[0])).claimed
        assert (again.attempt, again.errors) == (1, 0)
        assert (await subject.finish(worker, ids[0], 1, SUCCEEDED)).state is State.COMPLETED
        await subject.advance(LONG)
        assert await subject.store.duties.expire(await subject.lead()) == [ids[1]]

    async def test_a_put_back_that_is_repeated_takes_nothing_from_a_later_claim(
        self, subject: Subject
    ) -> None:
        worker, claim, id = await subject.worker(), new_id(), await subject.submit()
        await subject.running(worker, id, claim=claim)
        await subject.store.claims.put_back(worker, claim, [id])
        (later,) = (await subject.claim(worker, id)).claimed
        assert later.attempt == 1, "the number of the attempt that never began"
        assert await subject.store.claims.put_back(worker, claim, [id]) == set()
        job = await subject.job(id)
        assert (job.state, job.attempt, job.worker) == (State.RUNNING, 1, worker)

    async def test_only_its_worker_puts_a_claim_back_and_only_first_attempts(self, subject: Subject) -> None:
        one, other, claim = await subject.worker(), await subject.worker(), new_id()
        id = await subject.submit()
        await subject.running(one, id, claim=claim)
        for worker, stamp in ((other, claim), (one, new_id())):
            await subject.store.claims.put_back(worker, stamp, [id])
            assert (await subject.job(id)).state is State.RUNNING
        await subject.finish(one, id, 1, RELEASED)
        await subject.running(one, id, claim=claim)
        await subject.store.claims.put_back(one, claim, [id])
        assert (await subject.job(id)).attempt == 2

    async def test_what_a_cancel_was_asked_of_stays_and_ends_as_cancelled(self, subject: Subject) -> None:
        worker, claim = await subject.worker(), new_id()
        one, other = await subject.submit(), await subject.submit()
        await subject.running(worker, one, other, claim=claim)
        await subject.store.jobs.cancel([one], "ann")
        assert await subject.store.claims.put_back(worker, claim, [one, other]) == {one}
        assert [(await subject.job(id)).state for id in (one, other)] == [State.RUNNING, State.QUEUED]
        assert (await subject.finish(worker, one, 1, CANCELLED)).state is State.CANCELLED
        await subject.store.jobs.cancel([other], "ann")
        assert (await subject.job(other)).state is State.CANCELLED, "at once: nobody runs it"

    @pytest.mark.parametrize("how", ["lost", "stopped"])
    async def test_what_was_taken_from_the_worker_is_not_put_back(self, subject: Subject, how: str) -> None:
        worker, claim, id = await subject.worker(), new_id(), await subject.submit()
        await subject.running(worker, id, claim=claim)
        if how == "lost":
            await subject.lose(worker, await subject.lead())
        else:
            await subject.store.workers.stop(worker)
        before = await subject.job(id)
        await subject.store.claims.put_back(worker, claim, [id])
        assert await subject.job(id) == before
        assert before.attempt == 1

    async def test_what_is_put_back_gives_back_what_it_took_of_limits(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 3})
        worker, claim = await subject.worker(), new_id()
        ids = [await subject.submit(uses=ONE) for _ in range(4)]
        before = [await subject.job(id) for id in ids]
        groups = {group_of(QUEUE, Priority.NORMAL, ["one"]): 3}
        taken = await subject.store.limit_claims.claim(worker, claim, groups, [TYPE], alone=False)
        assert sorted(job.id for job in taken.claimed) == ids[:3]
        for _ in range(2):  # repeated, it gives nothing back again
            assert await subject.store.claims.put_back(worker, claim, ids[1:3]) == set()
        for id, was in zip(ids[1:3], before[1:3], strict=True):
            job = await subject.job(id)
            assert replace(job, updated_at=was.updated_at) == was
        assert await subject.claim_groups(worker, ONE) == ids[1:3], "two of three, in their order"
        assert await subject.claim_groups(worker, ONE) == []
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ids[3:]

    async def test_a_draining_worker_of_a_paused_queue_may_put_back(self, subject: Subject) -> None:
        worker, claim, id = await subject.worker(), new_id(), await subject.submit()
        await subject.running(worker, id, claim=claim)
        await subject.store.workers.drain(worker, "ann")
        await subject.store.queues.pause(QUEUE, "ann")
        await subject.store.claims.put_back(worker, claim, [id])
        assert (await subject.job(id)).state is State.QUEUED
        other = await subject.worker()
        assert (await subject.claim(other, id)).refused == {id: Refusal.PAUSED}

    async def test_beyond_the_free_slots_only_quick_jobs_are_claimed(self, subject: Subject) -> None:
        worker = await subject.worker()
        ids = [await subject.submit() for _ in range(4)]
        answer = await subject.claim(worker, *ids, beyond=BeyondSlots(1, ()))
        assert [job.id for job in answer.claimed] == ids[:1]
        assert answer.refused == dict.fromkeys(ids[1:], Refusal.NO_SLOT)
        answer = await subject.claim(worker, *ids[1:], beyond=BeyondSlots(1, QUICK))
        assert ([job.id for job in answer.claimed], answer.refused) == (ids[1:], {})

    async def test_beyond_the_free_slots_nothing_is_claimed_behind_a_job_that_is_not_quick(
        self, subject: Subject
    ) -> None:
        worker = await subject.worker()
        first, second = await subject.submit(), await subject.submit()
        slow = await subject.submit(type="other.job")
        behind = [await subject.submit() for _ in range(2)]
        everything = (first, second, slow, *behind)
        answer = await subject.store.claims.claim(
            worker, new_id(), everything, [TYPE, "other.job"], alone=False, beyond=BeyondSlots(1, QUICK)
        )
        assert [job.id for job in answer.claimed] == [first, second]
        assert answer.refused == dict.fromkeys([slow, *behind], Refusal.NO_SLOT)

    async def test_beyond_the_free_slots_nothing_is_claimed_that_can_not_be_put_back(
        self, subject: Subject
    ) -> None:
        worker, first = await subject.worker(), await subject.submit()
        tried = await subject.submit()
        await subject.running(worker, tried)
        await subject.finish(worker, tried, 1, RELEASED)
        keyed = unique("one")
        await put(subject, keyed)
        last = await subject.submit()
        answer = await subject.claim(worker, first, tried, keyed.id, last, beyond=BeyondSlots(1, QUICK))
        assert [job.id for job in answer.claimed] == [first, last]
        assert answer.refused == dict.fromkeys([tried, keyed.id], Refusal.NO_SLOT)

    async def test_an_error_that_waits_is_not_put_back(self, subject: Subject) -> None:
        worker, claim, id = await subject.worker(), new_id(), await subject.submit()
        await subject.running(worker, id, claim=claim)
        await subject.finish(worker, id, 1, ERRED)
        await subject.store.claims.put_back(worker, claim, [id])
        assert (await subject.job(id)).state is State.SCHEDULED

    async def _queued(self, subject: Subject) -> list[UUID]:
        page, _ = await subject.store.duties.queued_page()
        return [queued.id for queued in page]
