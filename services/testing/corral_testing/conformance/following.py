"""Jobs that are stored with the outcome of an attempt: rule 34 of the protocol."""

import pytest

from corral.errors import InvalidInput
from corral.job.follow_up import FollowsOn, FollowUp
from corral.job.limit_use import LimitUse
from corral.job.outcome import Finished, Outcome
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import Verdict
from corral_testing.subject import (
    CANCELLED,
    ERRED,
    EXHAUSTED,
    LONG,
    RELEASED,
    SUCCEEDED,
    Subject,
)
from corral_testing.values import new_job

STORED: list[tuple[Outcome, set[FollowsOn]]] = [
    (SUCCEEDED, {FollowsOn.SUCCESS, FollowsOn.END}),
    (EXHAUSTED, {FollowsOn.FAILURE, FollowsOn.END}),
    (CANCELLED, {FollowsOn.CANCELLED, FollowsOn.END}),
    (ERRED, {FollowsOn.RETRY}),
    (RELEASED, set()),
]


def _name(value: object) -> str:
    return type(value).__name__.lower()


def follow_up(on: FollowsOn = FollowsOn.SUCCESS, *, delay: float = 0.0, payload: str = "1") -> FollowUp:
    """A job that waits for an outcome."""
    job = new_job(priority=Priority.HIGH, payload=payload, delay=delay, created_by="job:the-first")
    return FollowUp(on, job)


class Following:
    """What an outcome brings with it."""

    @pytest.mark.parametrize(("outcome", "stored"), STORED, ids=_name)
    async def test_an_outcome_stores_the_follow_ups_that_wait_for_it(
        self, subject: Subject, outcome: Outcome, stored: set[FollowsOn]
    ) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        offered = [follow_up(on) for on in FollowsOn]
        (recorded,) = await subject.store.attempts.finish(worker, [Finished(id, 1, outcome, tuple(offered))])
        assert recorded.verdict is Verdict.RECORDED
        expected = {one.job.id for one in offered if one.on in stored}
        assert {one.id for one in recorded.follow_ups} == expected
        there = await subject.store.jobs.existing([one.job.id for one in offered])
        assert {one.id for one in there} == expected
        listed = await subject.store.follow_ups.of(id)
        assert {(one.follow_up, one.attempt) for one in listed} == {(job, 1) for job in expected}
        assert {one.on for one in listed} == stored

    async def test_a_fenced_attempt_leaves_no_follow_up(self, subject: Subject) -> None:
        old, new, id = await subject.worker(), await subject.worker(), await subject.submit()
        await subject.running(old, id)
        await subject.lose(old, await subject.lead())
        await subject.running(new, id)
        offered = tuple(follow_up(on) for on in FollowsOn)
        for outcome, _ in STORED:
            (recorded,) = await subject.store.attempts.finish(old, [Finished(id, 1, outcome, offered)])
            assert (recorded.verdict, recorded.follow_ups) == (Verdict.FENCED, ())
        assert await subject.store.jobs.existing([one.job.id for one in offered]) == []
        assert await subject.store.follow_ups.of(id) == []

    @pytest.mark.parametrize("outcome", [SUCCEEDED, EXHAUSTED], ids=_name)
    async def test_a_repeated_outcome_stores_its_follow_ups_once_and_names_them_again(
        self, subject: Subject, outcome: Outcome
    ) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        item = Finished(id, 1, outcome, (follow_up(FollowsOn.END), follow_up(FollowsOn.RETRY)))
        (first,) = await subject.store.attempts.finish(worker, [item])
        (again,) = await subject.store.attempts.finish(worker, [item])
        assert (first.verdict, again.verdict) == (Verdict.RECORDED, Verdict.ALREADY)
        assert [one.id for one in again.follow_ups] == [one.id for one in first.follow_ups]
        assert len(await subject.store.follow_ups.of(id)) == 1

    async def test_a_requested_cancel_decides_which_follow_ups_are_stored(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.store.jobs.cancel([id], "the test")
        offered = tuple(follow_up(on) for on in FollowsOn)
        (recorded,) = await subject.store.attempts.finish(worker, [Finished(id, 1, ERRED, offered)])
        assert recorded.state is State.CANCELLED
        assert {one.on for one in await subject.store.follow_ups.of(id)} == {
            FollowsOn.CANCELLED,
            FollowsOn.END,
        }

    async def test_a_batch_keeps_each_job_s_follow_ups_apart(self, subject: Subject) -> None:
        worker = await subject.worker()
        ids = [await subject.submit() for _ in range(4)]
        await subject.running(worker, *ids)
        late, soon, failed = follow_up(delay=LONG), follow_up(), follow_up(FollowsOn.FAILURE)
        answers = await subject.store.attempts.finish(
            worker,
            [
                Finished(ids[0], 1, SUCCEEDED, (late, soon)),
                Finished(ids[1], 1, SUCCEEDED),
                Finished(ids[2], 1, EXHAUSTED, (failed,)),
                Finished(ids[3], 1, EXHAUSTED),
            ],
        )
        found = [[one.id for one in answer.follow_ups] for answer in answers]
        assert found == [[late.job.id, soon.job.id], [], [failed.job.id], []]
        first, second = answers[0].follow_ups
        assert (first.state, second.state, second.priority) == (State.SCHEDULED, State.QUEUED, Priority.HIGH)
        assert LONG - 60 < first.due_in <= LONG
        job = await subject.job(soon.job.id)
        assert (job.payload, job.created_by, job.attempt) == (1, "job:the-first", 0)

    @pytest.mark.parametrize("outcome", [SUCCEEDED, EXHAUSTED], ids=_name)
    async def test_a_limited_job_gives_back_its_slot_and_stores_its_follow_up(
        self, subject: Subject, outcome: Outcome
    ) -> None:
        await subject.declare("one", {"total": 1})
        use = LimitUse("one")
        worker, id = await subject.worker(), await subject.submit(uses=[use])
        assert await subject.claim_groups(worker, (use,)) == [id]
        item = Finished(id, 1, outcome, (follow_up(FollowsOn.END),), limited=True)
        (recorded,) = await subject.store.attempts.finish(worker, [item])
        assert recorded.limits == ("one",)
        assert [one.id for one in recorded.follow_ups] == [item.follow_ups[0].job.id]
        assert (recorded.follow_ups[0].state, recorded.follow_ups[0].limit_group) == (State.QUEUED, None)

    async def test_a_follow_up_that_can_not_be_stored_stores_nothing(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        bad = follow_up(payload='"\\u0000"')
        with pytest.raises(InvalidInput):
            await subject.store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED, (bad,))])
        assert (await subject.job(id)).state is State.RUNNING
