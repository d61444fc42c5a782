"""Batches: rule 14 of the protocol, as far as a store decides it."""

from uuid import UUID

import pytest

from corral.job.batch import Batch
from corral.job.limit_use import LimitUse, batch_key, group_of
from corral.job.outcome import Outcome
from corral.job.priority import Priority
from corral.job.state import State
from corral_testing.subject import ERRED, LONG, RELEASED, SUCCEEDED, Subject
from corral_testing.values import QUEUE, TYPE

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

    async def test_a_limit_may_count_batches_and_each_gives_back_its_one_with_its_last_job(
        self, subject: Subject
    ) -> None:
        await subject.declare("one", {"total": 2, "unit": "batch"})
        worker, ids = await subject.worker(), await waiting(subject, 8, KEY, *ONE)
        batch = Batch(size=3, wait=LONG)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids[:6]
        await subject.advance(LONG)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == []
        [limit] = await subject.store.limit_claims.limits_of(ids[6])
        assert limit.room == pytest.approx(0)
        assert (limit.cost, limit.closed) == (1, True)
        assert sum(one.cost for one in await subject.store.limit_claims.holders("one")) == pytest.approx(2)
        group = group_of(QUEUE, Priority.NORMAL, ["one"], KEY)
        endings: list[Outcome] = [SUCCEEDED, ERRED, RELEASED]
        for n, outcome in enumerate(endings):
            assert await subject.claim_batches(worker, KEY, batch, ONE) == []
            look = await subject.store.limit_claims.look([group], alone=False, batches={TYPE: batch})
            assert look[group].full == ("one",)
            await subject.finish(worker, ids[n], 1, outcome, limited=True)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == [ids[6], ids[7], ids[2]]
        assert sum(one.cost for one in await subject.store.limit_claims.holders("one")) == pytest.approx(2)

    async def test_a_batch_that_is_not_full_takes_one_of_a_limit_of_batches(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1, "unit": "batch"})
        worker, ids = await subject.worker(), await waiting(subject, 2, KEY, *ONE)
        others = await waiting(subject, 2, OTHER, *ONE)
        await subject.advance(LONG)
        batch = Batch(size=3, wait=LONG)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_batches(worker, OTHER, batch, ONE) == []
        await subject.finish(worker, ids[1], 1, SUCCEEDED, limited=True)
        assert await subject.claim_batches(worker, OTHER, batch, ONE) == others

    async def test_a_batch_whose_jobs_cost_almost_nothing_is_claimed(self, subject: Subject) -> None:
        await subject.declare("one", {"rate": 1000, "per": 60})
        worker = await subject.worker()
        ids = await waiting(subject, 4, KEY, LimitUse("one", cost=1e-306))
        assert await subject.claim_batches(worker, KEY, Batch(size=2, wait=LONG), ONE) == ids

    async def test_a_rate_of_attempts_lets_the_next_batch_start_its_time_after_the_last_one_ended(
        self, subject: Subject
    ) -> None:
        await subject.declare("one", {"rate": 3, "per": LONG, "at": "attempt"})
        worker, ids = await subject.worker(), await waiting(subject, 7, KEY, *ONE)
        batch = Batch(size=3, wait=0)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids[:3]
        await subject.advance(2 * LONG)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == [], "what runs may act now"
        for id in ids[:2]:
            await subject.finish(worker, id, 1, SUCCEEDED, limited=True)
        await subject.advance(LONG / 2)
        await subject.finish(worker, ids[2], 1, SUCCEEDED, limited=True)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == []
        group = group_of(QUEUE, Priority.NORMAL, ["one"], KEY)
        look = await subject.store.limit_claims.look([group], alone=False, batches={TYPE: batch})
        assert look[group].opens_in == pytest.approx(LONG / 2, rel=0.1)
        await subject.advance(LONG / 2 + 1)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids[3:5], (
            "the third counts half its time more"
        )
        await subject.advance(LONG / 2)
        assert await subject.claim_batches(worker, KEY, batch, ONE) == ids[5:6]

    async def test_a_job_that_is_tried_again_waits_for_no_full_batch_and_takes_the_others_along(
        self, subject: Subject
    ) -> None:
        worker, ids = await subject.worker(), await waiting(subject, 2)
        assert await subject.claim_batches(worker, KEY, PAIRS) == ids
        for id in ids:
            await subject.finish(worker, id, 1, SUCCEEDED if id == ids[0] else RELEASED, limited=True)
        batch = Batch(size=4, wait=LONG)
        [late] = await waiting(subject, 1)
        group = group_of(QUEUE, Priority.NORMAL, [], KEY)
        look = await subject.store.limit_claims.look([group], alone=False, batches={TYPE: batch})
        assert look[group].due_in == 0
        assert sorted(await subject.claim_batches(worker, KEY, batch)) == [ids[1], late]

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
