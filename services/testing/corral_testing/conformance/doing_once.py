"""Effects that must not be repeated: rule 35 of the protocol."""

import pytest

from corral.errors import Conflict, InvalidInput, NotFound
from corral.ids import new_id
from corral.job.effect import EffectBegin
from corral_testing.subject import ERRED, EXHAUSTED, SUCCEEDED, Subject

RECEIPT = '{"id": "m-1"}'


class DoingOnce:
    """Begin, end, and what a person says of an effect without one."""

    async def test_what_is_done_answers_its_receipt_in_every_later_attempt_and_life(
        self, subject: Subject
    ) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        assert await effects.begin(id, 1, "sent", token, repeat=False) == EffectBegin(token)
        assert await effects.end(id, 1, "sent", token, RECEIPT)
        await subject.finish(worker, id, 1, ERRED)
        await subject.store.jobs.run_now([id], "the test")
        await subject.running(worker, id)
        for repeat in (False, True):
            assert await effects.begin(id, 2, "sent", new_id(), repeat=repeat) == EffectBegin(None, RECEIPT)
        await subject.finish(worker, id, 2, SUCCEEDED)
        await subject.store.jobs.retry([id], "the test")
        await subject.running(worker, id)
        assert await effects.begin(id, 3, "sent", new_id(), repeat=False) == EffectBegin(None, RECEIPT)
        (effect,) = await effects.of(id)
        assert (effect.name, effect.attempt, effect.receipt, effect.settled_by) == (
            "sent",
            1,
            {"id": "m-1"},
            None,
        )
        assert effect.ended_at is not None

    async def test_a_begin_without_an_end_is_not_repeated_silently(self, subject: Subject) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await effects.begin(id, 1, "sent", token, repeat=False)
        await subject.lose(worker, await subject.lead())
        other = await subject.worker()
        await subject.running(other, id)
        assert await effects.begin(id, 2, "sent", new_id(), repeat=False) == EffectBegin(
            None, perhaps_done_by=1
        )
        assert await effects.begin(id, 2, "other", token, repeat=False) == EffectBegin(token), (
            "names are apart"
        )
        again = new_id()
        assert await effects.begin(id, 2, "sent", again, repeat=True) == EffectBegin(again)
        assert await effects.end(id, 2, "sent", again, None)
        assert await effects.begin(id, 2, "sent", new_id(), repeat=False) == EffectBegin(None, None)

    async def test_begin_and_end_may_be_said_again_after_a_lost_answer(self, subject: Subject) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        for _ in range(2):
            assert await effects.begin(id, 1, "sent", token, repeat=False) == EffectBegin(token)
        for _ in range(2):
            assert await effects.end(id, 1, "sent", token, RECEIPT)

    async def test_what_is_withdrawn_may_be_begun_again(self, subject: Subject) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await effects.begin(id, 1, "sent", token, repeat=False)
        await effects.withdraw(id, 1, "sent", new_id())
        assert len(await effects.of(id)) == 1, "another call's begin stays"
        await effects.withdraw(id, 1, "sent", token)
        assert await effects.of(id) == []
        assert await effects.begin(id, 1, "sent", token, repeat=False) == EffectBegin(token)

    async def test_an_attempt_that_lost_its_job_writes_nothing_of_an_effect(self, subject: Subject) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await effects.begin(id, 1, "sent", token, repeat=False)
        await subject.lose(worker, await subject.lead())
        assert await effects.begin(id, 1, "paid", new_id(), repeat=True) is None
        assert not await effects.end(id, 1, "sent", token, RECEIPT)
        await effects.withdraw(id, 1, "sent", token)
        (effect,) = await effects.of(id)
        assert (effect.name, effect.ended_at) == ("sent", None)

    async def test_a_person_says_that_it_is_done_or_to_be_done_again(self, subject: Subject) -> None:
        effects = subject.store.effects
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        for name in ("sent", "paid"):
            await effects.begin(id, 1, name, new_id(), repeat=False)
        with pytest.raises(Conflict, match="is running"):
            await effects.settle(id, "sent", "ada", done=True)
        await subject.finish(worker, id, 1, EXHAUSTED)
        await effects.settle(id, "sent", "ada", done=True, receipt=RECEIPT)
        await effects.settle(id, "paid", "ada", done=False)
        with pytest.raises(Conflict, match="is done already"):
            await effects.settle(id, "sent", "bob", done=False)
        with pytest.raises(NotFound):
            await effects.settle(id, "paid", "bob", done=True)
        with pytest.raises(NotFound):
            await effects.settle(new_id(), "paid", "bob", done=True)
        (effect,) = await effects.of(id)
        assert (effect.name, effect.receipt, effect.settled_by) == ("sent", {"id": "m-1"}, "ada")
        await subject.store.jobs.retry([id], "the test")
        await subject.running(worker, id)
        assert await effects.begin(id, 2, "sent", new_id(), repeat=False) == EffectBegin(None, RECEIPT)
        token = new_id()
        assert await effects.begin(id, 2, "paid", token, repeat=False) == EffectBegin(token)

    async def test_a_receipt_that_can_not_be_stored_is_refused(self, subject: Subject) -> None:
        effects, token = subject.store.effects, new_id()
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await effects.begin(id, 1, "sent", token, repeat=False)
        with pytest.raises(InvalidInput):
            await effects.end(id, 1, "sent", token, '"\\u0000"')
