"""Slots that are held for life, and what each worker may run, as far as one client can see it."""

from uuid import UUID

import pytest

from corral.job.limit_use import LimitUse, group_of
from corral.job.outcome import Outcome
from corral.job.priority import Priority
from corral.job.state import State
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, LONG, RELEASED, SUCCEEDED, Subject
from corral_testing.values import QUEUE

KEY, OTHER = (LimitUse("order", "acme"),), (LimitUse("order", "other"),)
ONE = (LimitUse("one"),)


async def _group(subject: Subject, job: UUID) -> UUID:
    (accepted,) = await subject.store.jobs.existing([job])
    assert accepted.limit_group is not None
    return accepted.limit_group


class Holding:
    """hold="life" with one slot, and per_worker."""

    async def test_jobs_of_a_key_run_in_strict_order_through_backoff(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        other = await subject.submit(uses=OTHER)
        assert await subject.claim_groups(worker, KEY, OTHER) == [first, other]
        await subject.finish(worker, first, 1, ERRED, limited=True)
        assert await subject.claim_groups(worker, KEY) == [], "the slot is kept"
        (holder,) = await subject.store.limit_claims.holders("order=acme")
        assert (holder.job, holder.worker) == (first, None)
        (state,) = await subject.store.limit_claims.limits_of(second)
        assert (state.closed, state.in_use, state.for_life) == (True, 1, True)
        await subject.advance(LONG)
        await subject.store.duties.promote(await subject.lead(), 10)
        (state,) = await subject.store.limit_claims.limits_of(second)
        assert state.closed
        (own,) = await subject.store.limit_claims.limits_of(first)
        assert not own.closed
        group = await _group(subject, first)
        look = (await subject.store.limit_claims.look([group], alone=False))[group]
        assert (look.empty, look.full) == (False, ())
        assert await subject.claim_groups(worker, KEY) == [first], "it goes before those that came later"
        await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, KEY) == [second]

    async def test_a_job_that_is_given_back_goes_first_again(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        await subject.claim_groups(worker, KEY)
        await subject.advance(1)
        recorded = await subject.finish(worker, first, 1, RELEASED, limited=True)
        assert recorded.state is State.QUEUED
        assert await subject.claim_groups(worker, KEY) == [first]
        await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, KEY) == [second]

    async def test_a_lost_workers_job_keeps_its_slot(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        gone = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        await subject.claim_groups(gone, KEY)
        assert await subject.lose(gone, await subject.lead()) == [State.QUEUED]
        worker = await subject.worker()
        assert await subject.claim_groups(worker, KEY) == []
        assert await subject.claim_groups(worker, KEY, alone=True) == [first]
        await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, KEY) == [second]

    @pytest.mark.parametrize("outcome", [EXHAUSTED, CANCELLED], ids=["failed", "cancelled"])
    async def test_whatever_ends_the_job_frees_the_slot(self, subject: Subject, outcome: Outcome) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        await subject.claim_groups(worker, KEY)
        await subject.finish(worker, first, 1, outcome, limited=True)
        assert await subject.claim_groups(worker, KEY) == [second]

    async def test_another_priority_of_the_key_waits_too(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        worker, first = await subject.worker(), await subject.submit(uses=KEY)
        urgent = await subject.submit(uses=KEY, priority=Priority.HIGH)
        await subject.claim_groups(worker, KEY)
        await subject.advance(1)
        await subject.finish(worker, first, 1, RELEASED, limited=True)
        group = group_of(QUEUE, Priority.HIGH, ["order=acme"])
        claim = subject.store.limit_claims.claim
        assert (await claim(worker, urgent, {group: 1}, ["contract.job"], alone=False)).claimed == []
        look = (await subject.store.limit_claims.look([group], alone=False))[group]
        assert look.full == ("order=acme",)
        assert await subject.claim_groups(worker, KEY) == [first]
        await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
        claimed = (await claim(worker, urgent, {group: 1}, ["contract.job"], alone=False)).claimed
        assert [job.id for job in claimed] == [urgent]

    async def test_a_total_of_one_is_held_for_life_too(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1, "hold": "life"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=ONE), await subject.submit(uses=ONE)
        await subject.claim_groups(worker, ONE)
        await subject.finish(worker, first, 1, ERRED, limited=True)
        assert await subject.claim_groups(worker, ONE) == []
        await subject.store.jobs.run_now([first], "ann")
        assert await subject.claim_groups(worker, ONE) == [first]
        await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == [second]

    async def test_a_retry_by_a_person_holds_nothing_from_the_life_before(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 1, "by": "order", "hold": "life"})
        worker = await subject.worker()
        first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
        await subject.claim_groups(worker, KEY)
        await subject.finish(worker, first, 1, EXHAUSTED, limited=True)
        await subject.advance(1)
        await subject.store.jobs.retry([first], "ann")
        assert await subject.claim_groups(worker, KEY) == [second]

    async def test_each_worker_runs_so_many(self, subject: Subject) -> None:
        await subject.declare("one", {"per_worker": 2})
        one, two = await subject.worker("one"), await subject.worker("two")
        ids = [await subject.submit(uses=ONE) for _ in range(6)]
        assert await subject.claim_groups(one, ONE) == ids[:2]
        group = await _group(subject, ids[0])
        assert await subject.claim_groups(one, ONE, held=ids[:2]) == []
        look = await subject.store.limit_claims.look([group], alone=False, worker=one, held=ids[:2])
        assert (look[group].busy, look[group].full) == (("one",), ())
        assert await subject.claim_groups(two, ONE) == ids[2:4]
        look = await subject.store.limit_claims.look([group], alone=False, worker=two, held=ids[2:3])
        assert look[group].busy == ()
        assert await subject.store.limit_claims.by_worker("one") == {"one": 2, "two": 2}
        await subject.finish(one, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(one, ONE, held=ids[:2]) == ids[4:5], "what has ended is not held"

    async def test_all_keys_share_what_a_worker_may_run(self, subject: Subject) -> None:
        await subject.declare("order", {"each": 5, "by": "order", "per_worker": 3})
        worker = await subject.worker()
        acme = [await subject.submit(uses=KEY) for _ in range(2)]
        other = [await subject.submit(uses=OTHER) for _ in range(4)]
        free = await subject.submit(uses=ONE)
        await subject.declare("one", {"total": 5})
        claimed = await subject.claim_groups(worker, KEY, OTHER, ONE)
        assert claimed == sorted([*acme, *other[:1], free])

    async def test_an_operator_changes_what_each_worker_may_run(self, subject: Subject) -> None:
        await subject.declare("one", {"per_worker": 1})
        worker, ids = await subject.worker(), [await subject.submit(uses=ONE) for _ in range(3)]
        assert await subject.claim_groups(worker, ONE) == ids[:1]
        await subject.override("one", "", {"per_worker": 2}, False)
        assert await subject.claim_groups(worker, ONE, held=ids[:1]) == ids[1:2]
