"""Limits: rule 12 of the protocol, as far as one client can see it."""

from uuid import UUID

import pytest

from corral.job.limit_use import LimitUse
from corral.job.outcome import Outcome
from corral.job.state import State
from corral.store import JobFilter, Refusal
from corral.store.workers.heartbeat import UNHELD_SECONDS
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, LONG, RELEASED, SNOOZED, SUCCEEDED, Subject
from corral_testing.values import QUEUE

ONE = (LimitUse("one"),)
ACME, OTHER = (LimitUse("customer", "acme"),), (LimitUse("customer", "other"),)


async def submitted(subject: Subject, count: int, *uses: LimitUse) -> list[UUID]:
    """So many jobs that take of these, oldest first."""
    return [await subject.submit(uses=uses) for _ in range(count)]


class Limiting:
    """Jobs that take of limits while they run."""

    async def test_no_more_start_than_a_limit_has_room_for(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 2})
        worker, ids = await subject.worker(), await submitted(subject, 4, *ONE)
        assert await subject.claim_groups(worker, ONE) == ids[:2]
        assert await subject.claim_groups(worker, ONE) == []
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ids[2:3]

    async def test_each_key_has_room_of_its_own(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 2})
        worker, acme, other = (
            await subject.worker(),
            await submitted(subject, 3, *ACME),
            await submitted(subject, 3, *OTHER),
        )
        assert await subject.claim_groups(worker, ACME, OTHER) == sorted(acme[:2] + other[:2])

    async def test_a_job_starts_only_when_all_its_limits_have_room(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 3})
        await subject.declare("customer", {"each": 2})
        both = (*ONE, *ACME)
        worker, ids, others = (
            await subject.worker(),
            await submitted(subject, 3, *both),
            await submitted(subject, 3, *ONE),
        )
        assert await subject.claim_groups(worker, both) == ids[:2]
        assert await subject.claim_groups(worker, ONE, both) == others[:1], (
            "the full key holds up nobody else"
        )
        await subject.finish(worker, others[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, both) == []
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, both) == ids[2:]

    async def test_groups_of_one_claim_share_what_is_left(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 3})
        await subject.declare("customer", {"each": 2})
        worker = await subject.worker()
        acme, other = (*ONE, *ACME), (*ONE, *OTHER)
        first, second = await submitted(subject, 3, *acme), await submitted(subject, 3, *other)
        assert await subject.claim_groups(worker, acme, other) == sorted(first[:2] + second[:1])

    async def test_a_cost_takes_that_much_and_waits_at_the_head(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 5})
        worker = await subject.worker()
        small, large, late = (
            await subject.submit(uses=[LimitUse("one", cost=1.5)]),
            await subject.submit(uses=[LimitUse("one", cost=4)]),
            await subject.submit(uses=[LimitUse("one", cost=0.5)]),
        )
        assert await subject.claim_groups(worker, ONE) == [small]
        assert await subject.claim_groups(worker, ONE) == [], "a later one does not overtake"
        await subject.finish(worker, small, 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE, take=1) == [large]
        assert await subject.claim_groups(worker, ONE) == [late]

    async def test_a_claim_takes_as_many_of_a_group_as_asked(self, subject: Subject) -> None:
        await subject.declare("one", {})
        worker, ids = await subject.worker(), await submitted(subject, 3, *ONE)
        assert await subject.claim_groups(worker, ONE, take=2) == ids[:2]

    @pytest.mark.parametrize(
        "outcome",
        [SUCCEEDED, ERRED, EXHAUSTED, RELEASED, SNOOZED, CANCELLED],
        ids=lambda one: type(one).__name__,
    )
    async def test_however_an_attempt_ends_its_slot_is_free(self, subject: Subject, outcome: Outcome) -> None:
        await subject.declare("one", {"total": 1})
        worker, (first, *others) = await subject.worker(), await submitted(subject, 2, *ONE)
        await subject.claim_groups(worker, ONE)
        await subject.advance(1)
        recorded = await subject.finish(worker, first, 1, outcome, limited=True)
        assert recorded.limits == ("one",)
        assert await subject.claim_groups(worker, ONE) == others

    @pytest.mark.parametrize("how", ["lost", "stopped", "unheld"])
    async def test_a_worker_that_is_gone_holds_no_slot(self, subject: Subject, how: str) -> None:
        await subject.declare("one", {"total": 1})
        gone, (first, second) = await subject.worker(), await submitted(subject, 2, *ONE)
        await subject.claim_groups(gone, ONE)
        await subject.advance(1)
        if how == "lost":
            assert await subject.lose(gone, await subject.lead()) == [State.QUEUED]
        elif how == "stopped":
            (left,) = await subject.store.workers.stop(gone)
            assert (left.state, left.limit_group is None) == (State.QUEUED, False)
        else:
            await subject.advance(2 * UNHELD_SECONDS)
            (one,) = subject.heartbeat(gone).beat([], {}).released
            assert one.lane is not None
            assert one.limit_group is not None
        assert (await subject.job(first)).state is State.QUEUED
        worker = await subject.worker()
        assert await subject.claim_groups(worker, ONE) == [second], "the other goes first"
        await subject.finish(worker, second, 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ([first] if how != "lost" else [])
        if how == "lost":
            assert await subject.claim_groups(worker, ONE, alone=True) == [first]

    async def test_an_outcome_that_is_written_twice_gives_back_once(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 2})
        worker, ids = await subject.worker(), await submitted(subject, 5, *ONE)
        await subject.claim_groups(worker, ONE)
        for _ in range(2):
            await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ids[2:3]

    async def test_what_waits_for_a_limit_is_queued_to_everybody(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        (id,) = await submitted(subject, 1, *ONE)
        assert (await subject.job(id)).state is State.QUEUED
        (accepted,) = await subject.store.jobs.existing([id])
        assert accepted.state is State.QUEUED
        assert accepted.limit_group is not None
        listed = await subject.store.jobs.page(JobFilter(states=frozenset({State.QUEUED})))
        assert [job.id for job in listed.items] == [id]
        assert not (await subject.store.jobs.page(JobFilter(states=frozenset({State.BLOCKED})))).items

    async def test_a_limited_job_is_claimed_with_its_group_alone(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        worker, (id,) = await subject.worker(), await submitted(subject, 1, *ONE)
        assert (await subject.claim(worker, id)).refused == {id: Refusal.GONE}
        assert await subject.store.duties.queued_page() == ([], None)

    async def test_limited_jobs_wait_wherever_they_come_from(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        worker, delayed = await subject.worker(), await subject.submit(delay=LONG, uses=ONE)
        assert await subject.claim_groups(worker, ONE) == []
        await subject.advance(LONG)
        (due,) = await subject.store.duties.promote(await subject.lead(), 10)
        assert due.limit_group is not None
        assert await subject.claim_groups(worker, ONE) == [delayed]
        await subject.finish(worker, delayed, 1, EXHAUSTED, limited=True)
        (retried,) = await subject.store.jobs.retry([delayed], "ann")
        assert (retried.state, retried.limit_group) == (State.QUEUED, due.limit_group)
        assert await subject.claim_groups(worker, ONE) == [delayed]
        await subject.finish(worker, delayed, 2, ERRED, limited=True)
        (now,) = await subject.store.jobs.run_now([delayed], "ann")
        assert now.state is State.QUEUED
        assert await subject.claim_groups(worker, ONE) == [delayed]

    async def test_a_cancelled_job_waits_for_no_limit(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        worker, ids = await subject.worker(), await submitted(subject, 2, *ONE)
        await subject.store.jobs.cancel(ids[:1], "ann")
        assert (await subject.job(ids[0])).state is State.CANCELLED
        assert await subject.claim_groups(worker, ONE) == ids[1:]

    async def test_an_expired_job_is_passed_over(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        worker = await subject.worker()
        late, next_one = await subject.submit(uses=ONE, expires_in=5), await subject.submit(uses=ONE)
        await subject.advance(10)
        assert await subject.claim_groups(worker, ONE) == [next_one]
        assert await subject.store.duties.expire(await subject.lead()) == [late]

    async def test_a_limit_that_was_never_declared_lets_nothing_start(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), await submitted(subject, 1, *ONE)
        assert await subject.claim_groups(worker, ONE) == []
        await subject.declare("one", {"total": 1})
        assert await subject.claim_groups(worker, ONE) == ids

    @pytest.mark.parametrize("key", ["", "acme"])
    async def test_a_pause_holds_the_limit_or_one_key(self, subject: Subject, key: str) -> None:
        await subject.declare("customer", {"each": 5})
        worker, acme = await subject.worker(), await submitted(subject, 1, *ACME)
        other = await submitted(subject, 1, *OTHER)
        await subject.override("customer", key, {}, True)
        assert await subject.claim_groups(worker, ACME) == []
        assert await subject.claim_groups(worker, OTHER) == ([] if key == "" else other)
        await subject.override("customer", key, {}, False)
        assert await subject.claim_groups(worker, ACME) == acme

    async def test_an_override_of_one_key_goes_before_that_of_all(self, subject: Subject) -> None:
        await subject.declare("customer", {"each": 1})
        worker, acme = await subject.worker(), await submitted(subject, 5, *ACME)
        other = await submitted(subject, 5, *OTHER)
        await subject.override("customer", "", {"each": 2}, False)
        await subject.override("customer", "acme", {"each": 3}, False)
        assert await subject.claim_groups(worker, ACME, OTHER) == sorted(acme[:3] + other[:2])

    async def test_a_bound_below_what_runs_stops_starts_only(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 3})
        worker, ids = await subject.worker(), await submitted(subject, 5, *ONE)
        assert await subject.claim_groups(worker, ONE) == ids[:3]
        await subject.override("one", "", {"total": 1}, False)
        for id in ids[:2]:
            await subject.finish(worker, id, 1, SUCCEEDED, limited=True)
            assert await subject.claim_groups(worker, ONE) == []
        await subject.finish(worker, ids[2], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == ids[3:4]

    async def test_a_paused_queue_and_a_draining_worker_get_nothing(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        worker, ids = await subject.worker(), await submitted(subject, 1, *ONE)
        await subject.store.queues.pause(QUEUE, "ann")
        assert await subject.claim_groups(worker, ONE) == []
        await subject.store.queues.resume(QUEUE, "ann")
        await subject.store.workers.drain(worker, "ann")
        assert await subject.claim_groups(worker, ONE) == []
        assert await subject.claim_groups(await subject.worker(), ONE) == ids

    async def test_no_window_of_a_rate_holds_more_than_it(self, subject: Subject) -> None:
        await subject.declare("one", {"rate": 2, "per": 60})
        worker, ids = await subject.worker(), await submitted(subject, 5, *ONE)
        assert await subject.claim_groups(worker, ONE, take=1) == ids[:1]
        await subject.advance(40)
        assert await subject.claim_groups(worker, ONE) == ids[1:2]
        await subject.finish(worker, ids[0], 1, SUCCEEDED, limited=True)
        assert await subject.claim_groups(worker, ONE) == [], "an end gives nothing back"
        await subject.advance(30)
        assert await subject.claim_groups(worker, ONE) == ids[2:3]
        await subject.advance(LONG)
        assert await subject.claim_groups(worker, ONE) == ids[3:]

    async def test_a_large_rate_refills_a_bucket(self, subject: Subject) -> None:
        await subject.declare("one", {"rate": 36_000, "per": 3600, "burst": 3600})
        uses = (LimitUse("one", cost=1800),)
        worker, ids = await subject.worker(), await submitted(subject, 5, *uses)
        assert await subject.claim_groups(worker, ONE) == ids[:2], "it begins full"
        await subject.advance(100)
        assert await subject.claim_groups(worker, ONE) == [], "900 of 1800 are there"
        await subject.advance(110)
        assert await subject.claim_groups(worker, ONE) == ids[2:3]
        await subject.advance(10 * LONG)
        assert await subject.claim_groups(worker, ONE) == ids[3:], "no more than the burst is kept"

    async def test_costs_of_almost_nothing_that_were_stored_once_are_claimed(self, subject: Subject) -> None:
        """As many as a rate has room for are more than a number can say."""
        await subject.declare("one", {"rate": 1000, "per": 60})
        tiny = (LimitUse("one", cost=1e-306),)
        worker, ids = await subject.worker(), await submitted(subject, 4, *tiny)
        assert await subject.claim_groups(worker, ONE, take=2) == ids[:2]
        assert await subject.claim_groups(worker, ONE) == ids[2:]

    async def test_what_a_job_waits_for_and_who_holds_it_can_be_told(self, subject: Subject) -> None:
        await subject.declare("one", {"total": 1})
        await subject.declare("customer", {"each": 5})
        both = (*ONE, *ACME)
        worker, (first, second) = await subject.worker(), await submitted(subject, 2, *both)
        await subject.claim_groups(worker, both)
        customer, one = await subject.store.limit_claims.limits_of(second)
        assert (customer.name, customer.in_use, customer.bound, customer.closed) == (
            "customer=acme",
            1,
            5,
            False,
        )
        assert (one.name, one.in_use, one.bound, one.closed) == ("one", 1, 1, True)
        (holder,) = await subject.store.limit_claims.holders("one")
        assert (holder.job, holder.worker) == (first, worker)
        assert holder.since is not None
        accepted = (await subject.store.jobs.existing([second]))[0]
        assert accepted.limit_group is not None
        look = await subject.store.limit_claims.look([accepted.limit_group], alone=False)
        state = look[accepted.limit_group]
        assert (state.empty, state.full, state.others) == (False, ("one",), ("customer=acme",))
        await subject.store.jobs.cancel([second], "ann")
        assert (await subject.store.limit_claims.look([accepted.limit_group], alone=False))[
            accepted.limit_group
        ].empty
