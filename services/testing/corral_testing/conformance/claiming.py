"""Claiming: rules 10, 11, 23 and 24 of the protocol, as far as one client can see them."""

from uuid import UUID

import pytest

from corral.errors import NotFound
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import QueuedCursor, Refusal
from corral_testing.subject import LONG, RELEASED, Subject
from corral_testing.values import QUEUE, TYPE


class Claiming:
    """From queued to running."""

    async def test_a_claim_raises_the_attempt_and_brings_the_payload(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit(payload='{"n":  1}')
        answer = await subject.claim(worker, id)
        (claimed,) = answer.claimed
        assert (claimed.id, claimed.attempt, claimed.payload) == (id, 1, '{"n":  1}')
        job = await subject.job(id)
        assert (job.state, job.worker, job.attempt) == (State.RUNNING, worker, 1)

    async def test_a_claim_tells_how_long_the_job_had_been_due(self, subject: Subject) -> None:
        worker, plain = await subject.worker(), await subject.submit()
        await subject.advance(30)
        (claimed,) = (await subject.claim(worker, plain)).claimed
        assert 30 <= claimed.waited < 60
        delayed = await subject.submit(delay=LONG)
        await subject.advance(LONG)
        await subject.store.duties.promote(await subject.lead(), 10)
        (claimed,) = (await subject.claim(worker, delayed)).claimed
        assert 0 <= claimed.waited < 30, "its delay is no waiting"

    async def test_a_job_is_claimed_once(self, subject: Subject) -> None:
        id = await subject.submit()
        one, two = await subject.worker(), await subject.worker()
        assert len((await subject.claim(one, id)).claimed) == 1
        assert (await subject.claim(two, id)).refused == {id: Refusal.GONE}

    async def test_a_claim_answers_for_every_id(self, subject: Subject) -> None:
        worker = await subject.worker()
        good, delayed, nobody = await subject.submit(), await subject.submit(delay=LONG), new_id()
        foreign = await subject.submit(type="other.job")
        paused = await subject.submit(queue="paused")
        await subject.store.queues.pause("paused", "the test")
        answer = await subject.claim(worker, good, delayed, nobody, foreign, paused)
        assert [claimed.id for claimed in answer.claimed] == [good]
        assert answer.refused == {
            delayed: Refusal.GONE,
            nobody: Refusal.GONE,
            foreign: Refusal.UNKNOWN_TYPE,
            paused: Refusal.PAUSED,
        }

    async def test_a_paused_queue_is_claimed_from_again_when_resumed(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        assert (await subject.store.queues.pause(QUEUE, "ann")).paused_by == "ann"
        assert (await subject.claim(worker, id)).refused == {id: Refusal.PAUSED}
        assert not (await subject.store.queues.resume(QUEUE, "ann")).paused
        await subject.running(worker, id)

    async def test_a_queue_that_nobody_named_can_not_be_paused(self, subject: Subject) -> None:
        with pytest.raises(NotFound):
            await subject.store.queues.pause("nobody", "ann")

    @pytest.mark.parametrize("how", ["draining", "stopped", "lost", "unknown"])
    async def test_a_worker_that_may_not_claim_gets_nothing(self, subject: Subject, how: str) -> None:
        worker, id = await subject.worker(), await subject.submit()
        if how == "draining":
            await subject.store.workers.drain(worker, "ann")
        elif how == "stopped":
            await subject.store.workers.stop(worker)
        elif how == "lost":
            await subject.lose(worker, await subject.lead())
        else:
            worker = new_id()
        answer = await subject.claim(worker, id)
        assert (answer.claimed, answer.refused) == ([], {id: Refusal.WORKER})
        assert (await subject.job(id)).attempt == 0

    async def test_what_was_claimed_is_found_by_the_claims_id(self, subject: Subject) -> None:
        worker, claim = await subject.worker(), new_id()
        ids = [await subject.submit() for _ in range(3)]
        await subject.store.claims.claim(worker, claim, ids[:2], [TYPE], alone=False)
        await subject.running(worker, ids[2])
        found = await subject.store.claims.claimed_under(claim)
        assert {(job.id, job.attempt) for job in found} == {(ids[0], 1), (ids[1], 1)}
        await subject.finish(worker, ids[0], 1, RELEASED)
        assert [job.id for job in await subject.store.claims.claimed_under(claim)] == [ids[1]]

    async def test_an_expired_job_is_not_claimed(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit(expires_in=60)
        await subject.advance(61)
        assert (await subject.claim(worker, id)).refused == {id: Refusal.GONE}
        assert await subject.store.duties.expire(await subject.lead()) == [id]
        job = await subject.job(id)
        assert (job.state, (job.error or {}).get("kind")) == (State.CANCELLED, "expired")

    async def test_a_job_that_was_claimed_once_does_not_expire(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit(expires_in=60)
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, RELEASED)
        await subject.advance(61)
        assert await subject.store.duties.expire(await subject.lead()) == []
        await subject.running(worker, id)

    async def test_queued_jobs_are_paged_lane_by_lane_oldest_first(self, subject: Subject) -> None:
        normal = [await subject.submit() for _ in range(3)]
        high = await subject.submit(priority=Priority.HIGH)
        other = await subject.submit(queue="other")
        seen: list[tuple[str, UUID]] = []
        cursor: QueuedCursor | None = None
        while True:
            page, cursor = await subject.store.duties.queued_page(cursor=cursor, limit=2)
            seen += [(queued.lane.name, queued.id) for queued in page]
            if cursor is None:
                break
        expected = [(f"{QUEUE}.high", high), *((QUEUE, id) for id in normal), ("other", other)]
        assert seen == expected
        page, _ = await subject.store.duties.queued_page(Lane(QUEUE, Priority.NORMAL))
        assert [queued.id for queued in page] == normal
