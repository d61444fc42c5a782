"""Unique jobs: one of each key, and what becomes of the others (rule 33)."""

from math import inf

import pytest

from corral.errors import InvalidInput
from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.job.priority import Priority
from corral.job.state import State
from corral.job.unique import Deduplication, OnDuplicate, UniqueKey
from corral.refusals import Duplicate, DuplicateOf
from corral.store import CommandEffect
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, QUEUE, RELEASED, SUCCEEDED, TYPE, Subject

EXISTING, REFUSE = OnDuplicate.EXISTING, OnDuplicate.REFUSE
REPLACE, KEEP_LATEST = OnDuplicate.REPLACE, OnDuplicate.KEEP_LATEST


def unique(
    key: str | None = "a",
    rule: OnDuplicate = EXISTING,
    *,
    payload: str = "{}",
    delay: float = 0.0,
    within: float | None = None,
    max_wait: float | None = None,
    retries: int = 1,
) -> NewJob:
    """A job that is not stored yet; without a key it is not unique."""
    held = None if key is None else UniqueKey(TYPE, key, rule, within, delay, max_wait, "the rule")
    return NewJob(
        id=new_id(),
        type=TYPE,
        queue=QUEUE,
        priority=Priority.NORMAL,
        payload=payload,
        delay=delay,
        retries=retries,
        timeout=None,
        max_stalls=2,
        unique=held,
    )


async def put(subject: Subject, *jobs: NewJob, partial: bool = False) -> list[Accepted]:
    """Store jobs as one submission."""
    (answer,) = await subject.store.unique_jobs.insert([jobs], partial=partial)
    assert isinstance(answer, list)
    return answer


def what(answer: Accepted) -> Deduplication | None:
    """Why it is no new job."""
    return None if answer.duplicate is None else answer.duplicate.what


class BeingUnique:
    """What a key promises."""

    async def test_a_duplicate_of_a_live_job_answers_it(self, subject: Subject) -> None:
        first, again, other = unique(), unique(), unique("b")
        (new,) = await put(subject, first)
        assert (new.id, new.state, new.duplicate) == (first.id, State.QUEUED, None)
        (told,) = await put(subject, again)
        assert (told.id, told.state, what(told)) == (first.id, State.QUEUED, Deduplication.EXISTING)
        assert told.duplicate
        assert (told.duplicate.key, told.duplicate.rule, told.duplicate.removed) == ("a", "the rule", False)
        assert [one.id for one in await put(subject, other)] == [other.id]
        assert await subject.store.jobs.get(again.id) is None
        assert (await subject.job(first.id)).unique_key == "a"

    @pytest.mark.parametrize("outcome", [SUCCEEDED, EXHAUSTED, CANCELLED])
    async def test_a_key_is_free_once_its_holder_has_ended(self, subject: Subject, outcome: object) -> None:
        worker, first = await subject.worker(), unique()
        await put(subject, first)
        await subject.running(worker, first.id)
        assert what((await put(subject, unique()))[0]) is Deduplication.EXISTING
        await subject.finish(worker, first.id, 1, outcome, unique=True)  # type: ignore[arg-type]
        (new,) = await put(subject, unique())
        assert new.duplicate is None
        (told,) = await put(subject, unique())
        assert told.id == new.id

    async def test_an_end_that_gave_nothing_back_frees_the_key_too(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique()
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, SUCCEEDED)
        assert what((await put(subject, unique()))[0]) is None

    async def test_an_error_with_retries_left_and_a_release_keep_the_key(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique()
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, RELEASED, unique=True)
        assert what((await put(subject, unique()))[0]) is Deduplication.EXISTING
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 2, ERRED, unique=True)
        (told,) = await put(subject, unique())
        assert (told.id, told.state) == (first.id, State.SCHEDULED)

    async def test_a_time_counts_from_the_submission_whatever_becomes_of_the_job(
        self, subject: Subject
    ) -> None:
        worker, first = await subject.worker(), unique(within=60)
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, SUCCEEDED, unique=True)
        (told,) = await put(subject, unique(within=60))
        assert (told.id, told.state) == (first.id, State.COMPLETED)
        await subject.advance(61)
        second = unique(within=60)
        assert [one.id for one in await put(subject, second)] == [second.id]
        await subject.advance(61)
        third = unique(within=60)
        assert [one.id for one in await put(subject, third)] == [third.id], (
            "though the second is queued still"
        )
        assert (await put(subject, unique(within=60)))[0].id == third.id

    async def test_for_ever_is_for_ever(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique(within=inf)
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, EXHAUSTED, unique=True)
        await subject.advance(10 * 366 * 86_400)
        (told,) = await put(subject, unique(within=inf))
        assert (told.id, told.state) == (first.id, State.FAILED)

    async def test_a_refused_duplicate_stores_nothing_of_its_submission(self, subject: Subject) -> None:
        first = unique(rule=REFUSE)
        await put(subject, first)
        whole = [unique(None), unique("b", REFUSE), unique(rule=REFUSE)]
        rest = [unique("b", REFUSE)]
        refused, stored = await subject.store.unique_jobs.insert([whole, rest])
        assert isinstance(refused, Duplicate)
        assert refused.found == (DuplicateOf(2, first.id, "a", "the rule"),)
        assert isinstance(stored, list)
        assert [(one.id, what(one)) for one in stored] == [(rest[0].id, None)]
        assert {one.id for one in (await subject.store.jobs.page()).items} == {first.id, rest[0].id}
        partly = [unique(None), unique("c", REFUSE), unique(rule=REFUSE)]
        answers = await put(subject, *partly, partial=True)
        assert [what(one) for one in answers] == [None, None, Deduplication.REFUSED]
        assert [one.id for one in answers] == [partly[0].id, partly[1].id, first.id]

    async def test_a_key_that_was_only_refused_is_free(self, subject: Subject) -> None:
        first = unique("x", REFUSE)
        await put(subject, first)
        (refused,) = await subject.store.unique_jobs.insert([[unique("y", REFUSE), unique("x", REFUSE)]])
        assert isinstance(refused, Duplicate)
        assert what((await put(subject, unique("y", REFUSE)))[0]) is None

    async def test_duplicates_within_a_bulk_answer_its_first(self, subject: Subject) -> None:
        jobs = [unique("a"), unique("b"), unique("a"), unique("b"), unique("a")]
        answers = await put(subject, *jobs)
        assert [jobs.index(next(job for job in jobs if job.id == one.id)) for one in answers] == [
            0,
            1,
            0,
            1,
            0,
        ]
        assert [what(one) for one in answers] == [None, None, *[Deduplication.EXISTING] * 3]

    async def test_what_can_not_be_stored_leaves_no_key(self, subject: Subject) -> None:
        with pytest.raises(InvalidInput):
            await put(subject, unique(payload='"\\u0000"'))
        assert what((await put(subject, unique()))[0]) is None

    async def test_the_waiting_one_takes_the_new_payload(self, subject: Subject) -> None:
        first = unique(rule=REPLACE, payload='{"n": 1}', max_wait=100)
        await put(subject, first)
        (told,) = await put(subject, unique(rule=REPLACE, payload='{"n": 2}', max_wait=100))
        assert (told.id, told.state, what(told)) == (first.id, State.QUEUED, Deduplication.REPLACED)
        assert (await subject.job(first.id)).payload.text == '{"n": 2}'
        worker = await subject.worker()
        await subject.running(worker, first.id)
        second = unique(rule=REPLACE, payload='{"n": 3}', max_wait=100)
        (new,) = await put(subject, second)
        assert (new.id, new.duplicate) == (second.id, None), "the first one runs"
        assert (await put(subject, unique(rule=REPLACE, max_wait=100)))[0].id == second.id
        await subject.finish(worker, first.id, 1, SUCCEEDED, unique=True)
        assert (await put(subject, unique(rule=REPLACE, max_wait=100)))[0].id == second.id

    async def test_a_replaced_job_waits_again_and_not_for_ever(self, subject: Subject) -> None:
        first = unique(rule=REPLACE, delay=10, max_wait=25)
        (new,) = await put(subject, first)
        assert (new.state, round(new.due_in)) == (State.SCHEDULED, 10)
        due = []
        for _ in range(3):
            await subject.advance(9)
            (told,) = await put(subject, unique(rule=REPLACE, delay=10, max_wait=25))
            assert (told.id, what(told)) == (first.id, Deduplication.REPLACED)
            due.append((told.state, told.due_in))
        assert [state for state, _ in due] == [State.SCHEDULED, State.SCHEDULED, State.QUEUED]
        for (_, waits), most in zip(due, (10, 7, 0), strict=True):
            assert most - 3 < waits <= most, "the same time again, but not for longer than max_wait in all"

    async def test_in_one_group_the_last_payload_wins(self, subject: Subject) -> None:
        first, last = (unique(rule=REPLACE, payload=f'{{"n": {n}}}', max_wait=9) for n in range(2))
        one, other = await subject.store.unique_jobs.insert([[first], [last]])
        assert isinstance(one, list)
        assert isinstance(other, list)
        assert [(a.id, what(a)) for a in (*one, *other)] == [
            (first.id, None),
            (first.id, Deduplication.REPLACED),
        ]
        assert (await subject.job(first.id)).payload.text == '{"n": 1}'

    async def test_one_runs_and_the_newest_waits(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique(rule=KEEP_LATEST, payload='{"n": 1}')
        await put(subject, first)
        (told,) = await put(subject, unique(rule=KEEP_LATEST, payload='{"n": 2}'))
        assert (told.id, what(told)) == (first.id, Deduplication.REPLACED)
        await subject.running(worker, first.id)
        second = unique(rule=KEEP_LATEST, payload='{"n": 3}')
        (waits,) = await put(subject, second)
        assert (waits.id, waits.state, waits.duplicate) == (second.id, State.BLOCKED, None)
        (told,) = await put(subject, unique(rule=KEEP_LATEST, payload='{"n": 4}'))
        assert (told.id, told.state, what(told)) == (second.id, State.BLOCKED, Deduplication.REPLACED)
        recorded = await subject.finish(worker, first.id, 1, SUCCEEDED, unique=True)
        assert [(one.id, one.state) for one in recorded.promoted] == [(second.id, State.QUEUED)]
        await subject.running(worker, second.id)
        assert (await subject.job(second.id)).payload.text == '{"n": 4}'
        third = unique(rule=KEEP_LATEST)
        assert (await put(subject, third))[0].state is State.BLOCKED

    async def test_an_error_gives_up_its_retries_when_a_newer_one_waits(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique(rule=KEEP_LATEST, retries=5)
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, ERRED, unique=True)
        assert (await subject.job(first.id)).state is State.SCHEDULED, "nobody waits"
        await subject.advance(1e6)
        await subject.store.duties.promote(await subject.lead())
        await subject.running(worker, first.id)
        (second,) = await put(subject, unique(rule=KEEP_LATEST))
        recorded = await subject.finish(worker, first.id, 2, ERRED, unique=True)
        assert recorded.state is State.FAILED
        assert [(one.id, one.state) for one in recorded.promoted] == [(second.id, State.QUEUED)]

    async def test_a_cancel_lets_the_newest_go_on_and_may_take_it_away(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique(rule=KEEP_LATEST)
        await put(subject, first)
        await subject.running(worker, first.id)
        (second,) = await put(subject, unique(rule=KEEP_LATEST))
        await subject.store.jobs.cancel([second.id], "ann")
        (third,) = await put(subject, unique(rule=KEEP_LATEST))
        assert (third.state, third.duplicate) == (State.BLOCKED, None)
        await subject.finish(worker, first.id, 1, RELEASED, unique=True)
        (told,) = await put(subject, unique(rule=KEEP_LATEST, payload='{"n": 9}'))
        assert told.id == third.id, "the newest is the one that waits, not the one that was given back"
        (cancelled,) = await subject.store.jobs.cancel([first.id], "ann")
        assert [(one.id, one.state) for one in cancelled.promoted] == [(third.id, State.QUEUED)]

    async def test_a_retry_by_a_person_takes_its_key_again(self, subject: Subject) -> None:
        worker, first = await subject.worker(), unique()
        await put(subject, first)
        await subject.running(worker, first.id)
        await subject.finish(worker, first.id, 1, EXHAUSTED, unique=True)
        (answer,) = await subject.store.jobs.retry([first.id], "ann")
        assert (answer.effect, answer.state) == (CommandEffect.DONE, State.QUEUED)
        (told,) = await put(subject, unique())
        assert told.id == first.id

    async def test_a_retry_is_refused_while_another_live_job_holds_the_key(self, subject: Subject) -> None:
        worker, first, second, plain = await subject.worker(), unique(), unique(), unique(None)
        await put(subject, first, plain)
        await subject.store.jobs.cancel([first.id, plain.id], "ann")
        await put(subject, second)
        answers = await subject.store.jobs.retry([first.id, plain.id], "ann")
        assert [(one.effect, one.holder) for one in answers] == [
            (CommandEffect.REFUSED, second.id),
            (CommandEffect.DONE, None),
        ]
        assert (await subject.job(first.id)).state is State.CANCELLED
        await subject.running(worker, second.id)
        await subject.finish(worker, second.id, 1, SUCCEEDED, unique=True)
        answers = await subject.store.jobs.retry([first.id, second.id], "ann")
        assert [(one.effect, one.holder) for one in answers] == [
            (CommandEffect.REFUSED, second.id),
            (CommandEffect.DONE, None),
        ], "of several of one key, one"

    async def test_the_leader_gives_back_what_an_end_did_not(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker()
        first, other = unique(rule=KEEP_LATEST), unique("b")
        await put(subject, first, other)
        await subject.running(worker, first.id)
        (second,) = await put(subject, unique(rule=KEEP_LATEST))
        settle = subject.store.unique_keys.settle
        assert await settle(term, waited_for=True) == (0, [], "")
        assert await settle(term) == (0, [], "")
        await subject.finish(worker, first.id, 1, SUCCEEDED)
        await subject.store.jobs.cancel([other.id], "ann")
        changed, promoted, _ = await settle(term, waited_for=True)
        assert (changed, [one.id for one in promoted]) == (1, [second.id])
        assert (await subject.job(second.id)).state is State.QUEUED
        await subject.running(worker, second.id)
        await subject.finish(worker, second.id, 1, SUCCEEDED)
        assert (await settle(term))[:2] == (1, [])
        assert (await settle(term))[:2] == (0, [])

    async def test_the_sweep_forgets_keys_whose_time_is_over(self, subject: Subject) -> None:
        term = await subject.lead()
        await put(subject, unique("hour", within=3600), unique("ever", within=inf), unique("live"))
        assert (await subject.store.unique_keys.settle(term))[0] == 0
        await subject.advance(3601)
        assert (await subject.store.unique_keys.settle(term))[0] == 1
        assert (await subject.store.unique_keys.settle(term))[0] == 0
        answers = await put(subject, unique("hour"), unique("ever"), unique("live"))
        assert [what(one) for one in answers] == [None, Deduplication.EXISTING, Deduplication.EXISTING]
