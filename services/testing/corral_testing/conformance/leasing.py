"""Slots that handlers and programs hold: counted with those of jobs, named, and free once nobody renews them."""

from corral.ids import new_id
from corral.job.limit_use import LimitUse
from corral.store.limits.leases import LEASE_SECONDS
from corral_testing.subject import SUCCEEDED, Subject

ONE = (LimitUse("one"),)
PROGRAM = "import.py on build-3"


class Leasing:
    """Leases of limits."""

    async def test_a_program_holds_a_slot_beside_jobs_and_is_named(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 2})
        leases, worker, lease = subject.store.limit_leases, await subject.worker(), new_id()
        waiting = [await subject.submit(uses=ONE) for _ in range(2)]
        for _ in range(2):  # no answer came the first time
            assert await leases.take_for_program(lease, ["one"], PROGRAM)
        assert await subject.claim_groups(worker, ONE) == waiting[:1]
        assert not await leases.take_for_program(new_id(), ["one"], "another")
        holders = await subject.store.limit_claims.holders("one")
        assert {(one.job, one.program) for one in holders} == {(None, PROGRAM), (waiting[0], None)}
        (state,) = await subject.store.limit_claims.limits_of(waiting[1])
        assert (state.in_use, state.closed) == (2, True)
        assert await leases.of_program(lease) == ["one"]
        assert await leases.release(lease) == ["one"]
        assert await leases.release(lease) == []
        assert await subject.claim_groups(worker, ONE) == waiting[1:]

    async def test_a_slot_that_nobody_renews_is_free_after_its_lease(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        leases, term, lease = subject.store.limit_leases, await subject.lead(), new_id()
        worker, waiting = await subject.worker(), await subject.submit(uses=ONE)
        assert await leases.take_for_program(lease, ["one"], PROGRAM)
        await subject.advance(LEASE_SECONDS * 2 / 3)
        assert await leases.renew([lease]) == {lease}
        await subject.advance(LEASE_SECONDS * 2 / 3)
        assert await leases.expire(term) == {}
        assert await subject.claim_groups(worker, ONE) == []
        await subject.advance(LEASE_SECONDS)
        assert await leases.renew([lease]) == set(), "it may be another's by now"
        assert await leases.expire(term) == {"one": 1}
        assert await subject.claim_groups(worker, ONE) == [waiting]

    async def test_an_attempt_that_lost_its_job_neither_takes_nor_renews(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 5})
        leases, worker, job, lease = (
            subject.store.limit_leases,
            await subject.worker(),
            await subject.submit(),
            new_id(),
        )
        await subject.running(worker, job)
        assert (await leases.take(lease, ["one"], job, 1)).taken
        await subject.finish(worker, job, 1, SUCCEEDED)
        assert await leases.renew([lease]) == set()
        assert not (await leases.take(new_id(), ["one"], job, 1)).holds
