"""Unique jobs: one of each key, and what becomes of the others (rule 33)."""

from math import inf

import pytest

from corral.errors import InvalidInput
from corral.job.state import State
from corral.job.unique import Deduplication
from corral.refusals import Duplicate, DuplicateOf
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, RELEASED, SUCCEEDED, Subject
from corral_testing.unique_jobs import REFUSE, REPLACE, put, unique, what


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
