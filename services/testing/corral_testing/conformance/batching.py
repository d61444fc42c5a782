"""Batches: rule 14 of the protocol, as far as a store decides it."""

from uuid import UUID

from corral.job.batch import Batch
from corral.job.limit_use import LimitUse, batch_key, group_of
from corral.job.priority import Priority
from corral.job.state import State
from corral_testing.subject import LONG, QUEUE, RELEASED, SUCCEEDED, TYPE, Subject

KEY, OTHER = batch_key(TYPE, "a"), batch_key(TYPE, "b")
PAIRS = Batch(size=2, wait=LONG)
ONE = (LimitUse("one"),)


async def waiting(subject: Subject, count: int, key: str = KEY, *uses: LimitUse) -> list[UUID]:
    """So many jobs of one batch key, oldest first."""
    return [await subject.submit(batch=key, uses=uses) for _ in range(count)]


class Batching:
    """Jobs that are handled together."""

    async def test_full_batches_start_and_what_is_left_waits(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), await waiting(subject, 5)
        assert (await subject.job(ids[0])).state is State.QUEUED
        assert await subject.claim_batches(worker, KEY, PAIRS) == ids[:4]
        assert await subject.claim_batches(worker, KEY, PAIRS) == []
        await subject.finish(worker, ids[0], 1, SUCCEEDED)
        assert (await subject.job(ids[0])).state is State.COMPLETED

    async def test_no_more_batches_start_than_were_asked_for(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), await waiting(subject, 5)
        assert await subject.claim_batches(worker, KEY, PAIRS, take=1) == ids[:2]

    async def test_a_batch_that_has_waited_long_enough_starts_as_it_is(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), await waiting(subject, 1)
        group = group_of(QUEUE, Priority.NORMAL, [], KEY)
        look = await subject.store.limit_claims.look([group], alone=False, batches={TYPE: PAIRS})
        assert (look[group].empty, look[group].full, look[group].missing) == (False, (), 1)
        assert LONG - 60 < look[group].due_in <= LONG
        gathered = await subject.store.limit_claims.gathered(ids[0], 2)
        assert (gathered.jobs, gathered.oldest < 60) == (1, True)
        await subject.advance(LONG)
        assert await subject.claim_batches(worker, KEY, PAIRS) == ids

    async def test_a_batch_has_jobs_of_one_key(self, subject: Subject) -> None:
        worker = await subject.worker()
        await waiting(subject, 1)
        others = await waiting(subject, 2, OTHER)
        assert await subject.claim_batches(worker, KEY, PAIRS) == []
        assert await subject.claim_batches(worker, OTHER, PAIRS) == others

    async def test_a_batch_has_no_more_bytes_than_it_may(self, subject: Subject) -> None:
        worker = await subject.worker()
        batch = Batch(size=3, wait=LONG, max_bytes=20)
        large, *small = [await subject.submit(batch=KEY, payload=f'"{"x" * size}"') for size in (30, 6, 6, 6)]
        assert await subject.claim_batches(worker, KEY, batch) == [large]
        assert await subject.claim_batches(worker, KEY, batch) == small[:2]
        assert await subject.claim_batches(worker, KEY, batch) == []

    async def test_a_batch_is_as_large_as_its_limits_have_room_for(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 3})
        worker, ids = await subject.worker(), await waiting(subject, 5, KEY, *ONE)
        batch = Batch(size=4, wait=LONG)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids[:3]
        assert await subject.claim_batches(worker, KEY, batch, ONE) == []
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == [], "two wait, and it is not full"

    async def test_what_a_batch_gave_back_waits_with_its_group(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), await waiting(subject, 2)
        assert await subject.claim_batches(worker, KEY, PAIRS) == ids
        for id in ids:
            await subject.finish(worker, id, 1, RELEASED, limited=True)
            assert (await subject.job(id)).state is State.QUEUED
        assert sorted(await subject.claim_batches(worker, KEY, PAIRS)) == ids

    async def test_jobs_of_a_batch_that_lost_its_worker_go_alone(self, subject: Subject) -> None:
        lost, ids = await subject.worker(), await waiting(subject, 2)
        assert await subject.claim_batches(lost, KEY, PAIRS) == ids
        await subject.lose(lost, await subject.lead())
        worker = await subject.worker()
        assert await subject.claim_batches(worker, KEY, PAIRS) == []
        assert await subject.claim_batches(worker, KEY, PAIRS, alone=True) == ids[:1]
