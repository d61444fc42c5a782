"""Ending attempts: rules 15, 16, 19 and 20 of the protocol."""

import pytest

from corral.errors import InvalidInput
from corral.ids import new_id
from corral.job.outcome import Erred, Finished, Outcome, Succeeded
from corral.job.state import State
from corral.store import Progress, Verdict
from corral_testing.subject import (
    CANCELLED,
    ERRED,
    ERROR,
    EXHAUSTED,
    LONG,
    PARKED,
    RELEASED,
    SNOOZED,
    SUCCEEDED,
    Subject,
)

ENDINGS: list[Outcome] = [SUCCEEDED, ERRED, EXHAUSTED, RELEASED, SNOOZED, PARKED, CANCELLED]


def _name(value: object) -> str:
    return type(value).__name__.lower()


class Finishing:
    """From running to an end."""

    async def test_a_success_stores_its_result(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        recorded = await subject.finish(worker, id, 1, SUCCEEDED)
        assert (recorded.verdict, recorded.state) == (Verdict.RECORDED, State.COMPLETED)
        job = await subject.job(id)
        assert (job.state, job.result, job.progress, job.error) == (
            State.COMPLETED,
            {"done": True},
            100,
            None,
        )
        assert job.finished_at is not None
        assert await subject.store.jobs.attempts(id) == []

    async def test_an_error_waits_out_its_backoff(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        recorded = await subject.finish(worker, id, 1, ERRED)
        assert recorded.state is State.SCHEDULED
        assert LONG - 60 < recorded.due_in <= LONG
        job = await subject.job(id)
        assert (job.errors, job.worker, job.run_at is None) == (1, None, False)
        assert (job.error or {})["fingerprint"] == ERROR.fingerprint
        (attempt,) = await subject.store.jobs.attempts(id)
        assert (attempt.attempt, attempt.outcome, attempt.worker) == (1, "errored", worker)

    async def test_a_batch_of_all_endings_is_answered_in_its_order(self, subject: Subject) -> None:
        worker = await subject.worker()
        ids = [await subject.submit() for _ in ENDINGS]
        await subject.running(worker, *ids)
        items = [Finished(id, 1, outcome) for id, outcome in zip(ids, ENDINGS, strict=True)]
        items.reverse()
        recorded = await subject.store.attempts.finish(worker, items)
        assert [(answer.id, answer.verdict) for answer in recorded] == [
            (item.id, Verdict.RECORDED) for item in items
        ]
        assert [answer.state for answer in reversed(recorded)] == [
            State.COMPLETED,
            State.SCHEDULED,
            State.FAILED,
            State.QUEUED,
            State.SCHEDULED,
            State.QUEUED,
            State.CANCELLED,
        ]

    @pytest.mark.parametrize("outcome", ENDINGS, ids=_name)
    async def test_a_repeated_write_is_recognised(self, subject: Subject, outcome: Outcome) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        first = await subject.finish(worker, id, 1, outcome)
        again = await subject.finish(worker, id, 1, outcome)
        assert (first.verdict, again.verdict) == (Verdict.RECORDED, Verdict.ALREADY)
        assert again.state is first.state

    @pytest.mark.parametrize("outcome", ENDINGS, ids=_name)
    async def test_an_old_attempt_writes_nothing(self, subject: Subject, outcome: Outcome) -> None:
        old, new, id = await subject.worker(), await subject.worker(), await subject.submit()
        await subject.running(old, id)
        await subject.lose(old, await subject.lead())
        await subject.running(new, id)
        before = await subject.job(id)
        assert (await subject.finish(old, id, 1, outcome)).verdict is Verdict.FENCED
        assert (await subject.finish(old, id, 2, outcome)).verdict is Verdict.FENCED
        assert await subject.job(id) == before

    async def test_an_old_attempt_of_the_same_worker_writes_nothing(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, RELEASED)
        await subject.running(worker, id)
        for outcome in (SUCCEEDED, ERRED, EXHAUSTED):
            assert (await subject.finish(worker, id, 1, outcome)).verdict is Verdict.FENCED
        assert (await subject.job(id)).state is State.RUNNING

    async def test_an_end_of_a_job_that_is_gone_is_fenced(self, subject: Subject) -> None:
        recorded = await subject.finish(await subject.worker(), new_id(), 1, SUCCEEDED)
        assert (recorded.verdict, recorded.state) == (Verdict.FENCED, None)

    @pytest.mark.parametrize("outcome", [ERRED, EXHAUSTED, RELEASED], ids=_name)
    async def test_a_requested_cancel_turns_other_endings_into_cancelled(
        self, subject: Subject, outcome: Outcome
    ) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.store.jobs.cancel([id], "ann")
        assert (await subject.finish(worker, id, 1, outcome)).state is State.CANCELLED
        (attempt,) = await subject.store.jobs.attempts(id)
        assert attempt.outcome == "cancelled"
        assert (await subject.finish(worker, id, 1, outcome)).verdict is Verdict.ALREADY

    async def test_a_success_under_way_wins_over_a_cancel(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.store.jobs.cancel([id], "ann")
        assert (await subject.finish(worker, id, 1, SUCCEEDED)).state is State.COMPLETED

    async def test_a_release_counts_and_keeps_the_attempt(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, RELEASED)
        job = await subject.job(id)
        assert (job.state, job.attempt, job.releases, job.errors) == (State.QUEUED, 1, 1, 0)
        await subject.running(worker, id)
        assert (await subject.job(id)).attempt == 2

    async def test_an_error_text_that_can_not_be_stored_is_made_printable(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        broken = Erred(type(ERROR)(ERROR.kind, "x.Y", "a\0b\ud800c" * 10_000), 1.0)
        await subject.finish(worker, id, 1, broken)
        message = ((await subject.job(id)).error or {})["message"]
        assert message.startswith("a\ufffdb?c")
        assert len(message) == 4000

    @pytest.mark.parametrize("result", ['"\\u0000"', '"\\udfff"', '"\0"'])
    async def test_a_result_that_can_not_be_stored_is_refused(self, subject: Subject, result: str) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        with pytest.raises(InvalidInput):
            await subject.finish(worker, id, 1, Succeeded(result))
        assert (await subject.job(id)).state is State.RUNNING

    async def test_progress_is_fenced(self, subject: Subject) -> None:
        worker, one, two = await subject.worker(), await subject.submit(), await subject.submit()
        await subject.running(worker, one)
        notes = [Progress(one, 1, 40, "fetch"), Progress(one, 1, 150, None), Progress(two, 1, 10, "no")]
        assert await subject.store.attempts.progress(notes) == {one}
        job = await subject.job(one)
        assert (job.progress, job.progress_message) == (100, None)
        assert await subject.store.attempts.progress([Progress(one, 1, 50, "render")]) == {one}
        await subject.finish(worker, one, 1, RELEASED)
        assert await subject.store.attempts.progress([Progress(one, 1, 60, "late")]) == set()
        assert (await subject.job(one)).progress_message == "render"

    async def test_a_checkpoint_is_found_by_the_next_attempt(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        assert await subject.store.attempts.checkpoint(id, 1, '{"page": 7}')
        assert not await subject.store.attempts.checkpoint(id, 2, '{"page": 8}')
        await subject.finish(worker, id, 1, RELEASED)
        assert not await subject.store.attempts.checkpoint(id, 1, '{"page": 9}')
        (claimed,) = (await subject.claim(worker, id)).claimed
        assert claimed.checkpoint == '{"page": 7}'
