"""How many jobs there are, whatever became of them."""

from corral.job.outcome import Outcome
from corral.job.state import State
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, LONG, RELEASED, SUCCEEDED, Subject
from corral_testing.values import QUEUE


class Counting:
    """Counts are of what is stored, now."""

    async def test_counts_follow_every_ending(self, subject: Subject) -> None:
        worker = await subject.worker()
        for outcome in (SUCCEEDED, SUCCEEDED, EXHAUSTED, ERRED, RELEASED, CANCELLED):
            id = await subject.submit()
            await subject.running(worker, id)
            await subject.finish(worker, id, 1, outcome)
        await subject.running(worker, await subject.submit())
        await subject.store.jobs.cancel([await subject.submit(), await subject.submit(delay=LONG)], "ann")
        await subject.block(await subject.submit())
        assert await subject.store.stats.counts() == {
            State.BLOCKED: 1,
            State.SCHEDULED: 1,
            State.QUEUED: 1,
            State.RUNNING: 1,
            State.COMPLETED: 2,
            State.FAILED: 1,
            State.CANCELLED: 3,
        }

    async def test_a_retried_job_is_counted_where_it_is_now(self, subject: Subject) -> None:
        worker, term = await subject.worker(), await subject.lead()
        ids = [await subject.submit() for _ in range(3)]
        await subject.running(worker, *ids)
        outcomes: list[Outcome] = [SUCCEEDED, EXHAUSTED, CANCELLED]
        for id, outcome in zip(ids, outcomes, strict=True):
            await subject.finish(worker, id, 1, outcome)
        for fold in (True, False):  # folded before, and not
            await subject.store.jobs.retry(ids, "ann")
            if fold:
                await subject.store.duties.fold_stats(term)
            assert _there(await subject.store.stats.counts()) == {State.QUEUED: 3}
            await subject.store.jobs.cancel(ids, "ann")
            assert _there(await subject.store.stats.counts()) == {State.CANCELLED: 3}

    async def test_what_is_removed_is_counted_no_longer(self, subject: Subject) -> None:
        worker, term = await subject.worker(), await subject.lead()
        for outcome in (SUCCEEDED, EXHAUSTED, SUCCEEDED):
            id = await subject.submit()
            await subject.running(worker, id)
            await subject.finish(worker, id, 1, outcome)
        await subject.submit()
        await subject.store.duties.fold_stats(term)
        assert len(await subject.store.queues.clean(QUEUE, [State.COMPLETED], 0, "ann")) == 2
        for _ in range(2):
            assert _there(await subject.store.stats.counts()) == {State.FAILED: 1, State.QUEUED: 1}
            await subject.store.duties.fold_stats(term)

    async def test_counts_are_told_by_queue(self, subject: Subject) -> None:
        one, other = await subject.submit(queue="one"), await subject.submit(queue="two")
        await subject.store.jobs.cancel([one], "ann")
        await subject.submit(queue="two", delay=LONG)
        counts = await subject.store.stats.counts_by_queue()
        assert _there(counts["one"]) == {State.CANCELLED: 1}
        assert _there(counts["two"]) == {State.QUEUED: 1, State.SCHEDULED: 1}
        assert (await subject.job(other)).state is State.QUEUED


def _there(counts: dict[State, int]) -> dict[State, int]:
    return {state: count for state, count in counts.items() if count}
