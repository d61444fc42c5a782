"""A unique key passes on: to the newest job that waits for it, to a retry, or to nobody (rule 33)."""

from math import inf

from corral.job.state import State
from corral.job.unique import Deduplication
from corral.store import CommandEffect
from corral_testing.subject import ERRED, EXHAUSTED, RELEASED, SUCCEEDED, Subject
from corral_testing.unique_jobs import KEEP_LATEST, put, unique, what


class PassingOn:
    """What becomes of a key whose holder ends."""

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
