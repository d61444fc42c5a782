"""Snoozes and waits that providers ask for: rule 32 of the protocol."""

from dataclasses import replace
from uuid import UUID

import pytest

from corral.job.limit_use import LimitUse
from corral.job.limits import MAX_SNOOZES
from corral.job.outcome import Outcome
from corral.job.state import State
from corral.store import JobFilter, LimitState, Verdict
from corral_testing.subject import (
    CANCELLED,
    ERRED,
    LONG,
    PARKED,
    RELEASED,
    SNOOZED,
    SUCCEEDED,
    Subject,
)

ONE = (LimitUse("one"),)
MINUTE = replace(PARKED, wait=60.0)


async def parked(subject: Subject, count: int = 3, total: int = 2) -> tuple[UUID, list[UUID]]:
    """A worker, and so many jobs: the first was told to wait a minute, what else ran has ended."""
    await subject.declare("one", {"total": total})
    worker = await subject.worker()
    ids = [await subject.submit(uses=ONE) for _ in range(count)]
    await subject.claim_groups(worker, ONE, take=1)
    recorded = await subject.finish(worker, ids[0], 1, MINUTE, limited=True)
    assert (recorded.state, recorded.limits) == (State.QUEUED, ("one",))
    return worker, ids


async def state_of(subject: Subject, job: UUID) -> LimitState:
    """What the job waits for."""
    (state,) = await subject.store.limit_claims.limits_of(job)
    return state


class Snoozing:
    """Attempts that ask to be made again later."""

    async def test_a_snooze_waits_and_uses_no_retry(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        recorded = await subject.finish(worker, id, 1, SNOOZED)
        assert recorded.state is State.SCHEDULED
        assert LONG - 60 < recorded.due_in <= LONG
        job = await subject.job(id)
        assert (job.snoozes, job.errors, job.attempt, job.error, job.worker) == (1, 0, 1, None, None)
        (attempt,) = await subject.store.jobs.attempts(id)
        assert (attempt.outcome, attempt.error) == ("snoozed", None)
        assert attempt.reason is not None
        await subject.advance(LONG)
        await subject.store.duties.promote(await subject.lead(), 10)
        await subject.running(worker, id)
        assert (await subject.job(id)).attempt == 2

    async def test_a_job_without_an_expiry_snoozes_a_hundred_times_in_a_life(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        soon = replace(SNOOZED, wait=0.0)
        for number in range(MAX_SNOOZES):
            await subject.running(worker, id)
            await subject.finish(worker, id, number + 1, soon)
            await subject.store.jobs.run_now([id], "ann")
        await subject.running(worker, id)
        recorded = await subject.finish(worker, id, MAX_SNOOZES + 1, soon)
        assert (recorded.state, recorded.verdict) == (State.FAILED, Verdict.RECORDED)
        assert (await subject.finish(worker, id, MAX_SNOOZES + 1, soon)).verdict is Verdict.ALREADY
        job = await subject.job(id)
        assert (job.snoozes, job.errors) == (MAX_SNOOZES, 0)
        assert job.error is not None
        await subject.store.jobs.retry([id], "ann")
        await subject.running(worker, id)
        assert (await subject.finish(worker, id, MAX_SNOOZES + 2, soon)).state is State.SCHEDULED
        assert (await subject.job(id)).snoozes == 1, "a new life snoozes anew"

    async def test_a_job_with_an_expiry_snoozes_until_then(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit(expires_in=100)
        for number in (1, 2):
            await subject.running(worker, id)
            await subject.finish(worker, id, number, replace(SNOOZED, wait=40.0))
            await subject.advance(40)
            await subject.store.jobs.run_now([id], "ann")
        await subject.running(worker, id)
        recorded = await subject.finish(worker, id, 3, replace(SNOOZED, wait=40.0))
        assert recorded.state is State.CANCELLED
        *_, last = await subject.store.jobs.attempts(id)
        assert last.outcome == "cancelled"
        assert "expires" in (last.reason or "")

    @pytest.mark.parametrize("outcome", [SNOOZED, PARKED], ids=lambda one: type(one).__name__)
    async def test_a_requested_cancel_wins(self, subject: Subject, outcome: Outcome) -> None:
        await subject.declare("one", {"total": 1})
        worker, (id, other) = await subject.worker(), [await subject.submit(uses=ONE) for _ in range(2)]
        await subject.claim_groups(worker, ONE)
        await subject.store.jobs.cancel([id], "ann")
        assert (await subject.finish(worker, id, 1, outcome, limited=True)).state is State.CANCELLED
        assert await subject.claim_groups(worker, ONE) == [other], "nothing is parked"

    async def test_a_rate_limited_job_keeps_its_place_and_uses_no_retry(self, subject: Subject) -> None:
        worker, ids = await parked(subject)
        job = await subject.job(ids[0])
        assert (job.state, job.snoozes, job.errors, job.attempt) == (State.QUEUED, 1, 0, 1)
        (attempt,) = await subject.store.jobs.attempts(ids[0])
        assert (attempt.outcome, attempt.reason) == ("rate-limited", PARKED.reason)
        await subject.advance(61)
        assert await subject.claim_groups(worker, ONE) == ids[:1], "it goes first"

    async def test_nothing_of_a_parked_key_starts_on_any_worker(self, subject: Subject) -> None:
        worker, ids = await parked(subject)
        for one in (worker, await subject.worker()):
            assert await subject.claim_groups(one, ONE) == []
        state = await state_of(subject, ids[1])
        assert (state.closed, state.parked_by, state.parked_reason, state.probe) == (
            True,
            ids[0],
            PARKED.reason,
            None,
        )
        assert state.parked_until is not None

    async def test_other_keys_are_not_parked(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 2})
        acme, other = (LimitUse("customer", "acme"),), (LimitUse("customer", "other"),)
        worker, id = await subject.worker(), await subject.submit(uses=acme)
        await subject.claim_groups(worker, acme)
        beside, waiting = await subject.submit(uses=other), await subject.submit(uses=acme)
        await subject.finish(worker, id, 1, replace(MINUTE, name="customer=acme"), limited=True)
        assert await subject.claim_groups(worker, acme, other) == [beside]
        assert (await state_of(subject, waiting)).closed

    async def test_one_job_goes_first_and_its_success_opens_the_key(self, subject: Subject) -> None:
        worker, ids = await parked(subject)
        await subject.advance(61)
        assert await subject.claim_groups(worker, ONE) == ids[:1], "one, though there is room for two"
        assert await subject.claim_groups(await subject.worker(), ONE) == []
        assert (await state_of(subject, ids[1])).probe == ids[0]
        await subject.finish(worker, ids[0], 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ids[1:]

    async def test_of_several_groups_one_job_goes_first(self, subject: Subject) -> None:
        worker, ids = await parked(subject, count=1)
        both = (*ONE, LimitUse("other"))
        await subject.declare("other", {"total": 5})
        others = [await subject.submit(uses=both) for _ in range(2)]
        await subject.advance(61)
        first = await subject.claim_groups(worker, ONE, both)
        assert len(first) == 1
        await subject.finish(worker, first[0], 2, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE, both) == others
        assert ids == first

    @pytest.mark.parametrize(
        "outcome", [ERRED, RELEASED, SNOOZED, CANCELLED], ids=lambda one: type(one).__name__
    )
    async def test_without_success_the_next_one_goes_first(self, subject: Subject, outcome: Outcome) -> None:
        worker, ids = await parked(subject)
        await subject.advance(61)
        await subject.claim_groups(worker, ONE)
        await subject.advance(1)
        await subject.finish(worker, ids[0], 2, outcome, limited=True)
        (second,) = await subject.claim_groups(worker, ONE)
        assert second == ids[1]
        assert await subject.claim_groups(worker, ONE) == []

    async def test_a_worker_that_is_lost_lets_the_next_one_go_first(self, subject: Subject) -> None:
        worker, ids = await parked(subject)
        await subject.advance(61)
        await subject.claim_groups(worker, ONE)
        await subject.lose(worker, await subject.lead())
        assert await subject.claim_groups(await subject.worker(), ONE) == ids[1:2]

    async def test_told_to_wait_again_it_is_parked_again(self, subject: Subject) -> None:
        worker, ids = await parked(subject)
        await subject.advance(61)
        await subject.claim_groups(worker, ONE)
        await subject.finish(worker, ids[0], 2, MINUTE, limited=True)
        assert await subject.claim_groups(worker, ONE) == []
        await subject.advance(61)
        assert await subject.claim_groups(worker, ONE) == ids[:1]

    async def test_a_success_of_what_ran_before_opens_nothing(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 2})
        worker, ids = await subject.worker(), [await subject.submit(uses=ONE) for _ in range(3)]
        await subject.claim_groups(worker, ONE)
        await subject.finish(worker, ids[0], 1, MINUTE, limited=True)
        await subject.finish(worker, ids[1], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == []

    async def test_the_longest_wait_counts(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 2})
        worker, ids = await subject.worker(), [await subject.submit(uses=ONE) for _ in range(2)]
        await subject.claim_groups(worker, ONE)
        await subject.finish(worker, ids[0], 1, MINUTE, limited=True)
        await subject.finish(worker, ids[1], 1, replace(PARKED, wait=1.0), limited=True)
        await subject.advance(30)
        assert await subject.claim_groups(worker, ONE) == []
        listed = await subject.store.jobs.page(JobFilter(states=frozenset({State.QUEUED})))
        assert len(listed.items) == 2
