"""What people ask of jobs."""

from corral.ids import new_id
from corral.job.state import State
from corral.store import CommandEffect
from corral_testing.subject import ERRED, EXHAUSTED, LONG, SUCCEEDED, Subject


class CommandsOfPeople:
    """Cancel, retry, run now."""

    async def test_a_cancelled_job_never_starts(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        (answer,) = await subject.store.jobs.cancel([id], "ann")
        assert (answer.effect, answer.state) == (CommandEffect.DONE, State.CANCELLED)
        assert (await subject.claim(worker, id)).claimed == []

    async def test_commands_answer_for_every_id_in_order(self, subject: Subject) -> None:
        worker = await subject.worker()
        running, queued, missing, done = (
            await subject.submit(),
            await subject.submit(),
            new_id(),
            await subject.submit(),
        )
        await subject.running(worker, running, done)
        await subject.finish(worker, done, 1, SUCCEEDED)
        answers = await subject.store.jobs.cancel([missing, done, running, queued], "ann")
        assert [answer.effect for answer in answers] == [
            CommandEffect.MISSING,
            CommandEffect.REFUSED,
            CommandEffect.REQUESTED,
            CommandEffect.DONE,
        ]
        assert (answers[2].worker, answers[2].attempt) == (worker, 1)

    async def test_a_retry_is_a_new_life(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, EXHAUSTED)
        (answer,) = await subject.store.jobs.retry([id], "ann")
        assert (answer.effect, answer.state) == (CommandEffect.DONE, State.QUEUED)
        job = await subject.job(id)
        assert (job.life, job.attempt, job.errors, job.stalls, job.error) == (2, 1, 0, 0, None)
        await subject.running(worker, id)
        await subject.finish(worker, id, 2, SUCCEEDED)
        attempts = await subject.store.jobs.attempts(id)
        assert [(one.attempt, one.life, one.outcome) for one in attempts] == [(1, 1, "failed")]

    async def test_a_retry_of_a_success_keeps_its_attempt(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, SUCCEEDED)
        await subject.store.jobs.retry([id], "ann")
        (attempt,) = await subject.store.jobs.attempts(id)
        assert (attempt.attempt, attempt.outcome) == (1, "completed")
        assert (await subject.job(id)).result is None

    async def test_a_retried_job_can_be_cancelled_again(self, subject: Subject) -> None:
        id = await subject.submit()
        await subject.store.jobs.cancel([id], "ann")
        await subject.store.jobs.retry([id], "ann")
        worker = await subject.worker()
        await subject.running(worker, id)
        assert (await subject.finish(worker, id, 1, ERRED)).state is State.SCHEDULED

    async def test_run_now_does_not_wait_for_the_time(self, subject: Subject) -> None:
        id = await subject.submit(delay=LONG)
        (answer,) = await subject.store.jobs.run_now([id], "ann")
        assert (answer.effect, answer.state) == (CommandEffect.DONE, State.QUEUED)
        assert (await subject.job(id)).run_at is None
        assert (await subject.store.jobs.run_now([id], "ann"))[0].effect is CommandEffect.REFUSED
