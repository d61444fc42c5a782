"""Storing under a key: once, however often it is sent (rule 3)."""

import pytest

from corral.errors import InvalidInput
from corral.job.job import Accepted, NewJob
from corral.job.state import State
from corral.store import EarlierJob, EarlierRequest, KeyedRequest
from corral.store.jobs.idempotency import KEEP_SECONDS
from corral_testing.subject import SUCCEEDED, Subject
from corral_testing.values import new_job


def job(payload: str = "{}") -> NewJob:
    """A job that is not stored yet."""
    return new_job(payload=payload, retries=1, max_stalls=2)


def request(key: str, *jobs: NewJob, caller: str = "ann", digest: bytes = b"what") -> KeyedRequest:
    """A request with a key."""
    return KeyedRequest(caller, key, digest, jobs or (job(),))


def ids(answer: list[Accepted] | EarlierRequest) -> list[object]:
    """The jobs of an answer."""
    return [one.id for one in (answer.jobs if isinstance(answer, EarlierRequest) else answer)]


class Idempotent:
    """What a key promises."""

    async def test_a_key_stores_its_jobs_once(self, subject: Subject) -> None:
        first, again = request("a", job(), job()), request("a", job(), job())
        (stored,) = await subject.store.idempotency.insert([first])
        (earlier,) = await subject.store.idempotency.insert([again])
        expected = [one.id for one in first.jobs]
        assert isinstance(stored, list)
        assert [(one.id, one.state) for one in stored] == [(id, State.QUEUED) for id in expected]
        assert earlier == EarlierRequest(
            b"what", [EarlierJob(id, State.QUEUED, removed=False) for id in expected]
        )
        assert {one.id for one in (await subject.store.jobs.page()).items} == set(expected)

    async def test_an_earlier_request_is_told_by_its_digest_and_its_state(self, subject: Subject) -> None:
        first = request("a")
        await subject.store.idempotency.insert([first])
        worker = await subject.worker()
        await subject.running(worker, first.jobs[0].id)
        await subject.finish(worker, first.jobs[0].id, 1, SUCCEEDED)
        (earlier,) = await subject.store.idempotency.insert([request("a", digest=b"other")])
        assert earlier == EarlierRequest(
            b"what", [EarlierJob(first.jobs[0].id, State.COMPLETED, removed=False)]
        )

    async def test_each_caller_has_keys_of_its_own_and_each_key_its_jobs(self, subject: Subject) -> None:
        requests = [request("a"), request("b"), request("a", caller="bob"), request('"{}\\,')]
        answers = await subject.store.idempotency.insert(requests)
        assert [ids(answer) for answer in answers] == [[one.jobs[0].id] for one in requests]
        again = await subject.store.idempotency.insert(
            [request(one.key, caller=one.caller) for one in requests]
        )
        assert [ids(answer) for answer in again] == [[one.jobs[0].id] for one in requests]

    async def test_new_and_known_keys_may_come_together(self, subject: Subject) -> None:
        known, fresh = request("known"), request("fresh")
        await subject.store.idempotency.insert([known])
        answers = await subject.store.idempotency.insert([fresh, request("known")])
        assert [ids(answer) for answer in answers] == [[fresh.jobs[0].id], [known.jobs[0].id]]

    async def test_what_can_not_be_stored_leaves_no_key(self, subject: Subject) -> None:
        with pytest.raises(InvalidInput):
            await subject.store.idempotency.insert([request("a", job('"\\u0000"')), request("b")])
        assert (await subject.store.jobs.page()).items == []
        good = request("a")
        (answer,) = await subject.store.idempotency.insert([good])
        assert ids(answer) == [good.jobs[0].id]

    async def test_a_key_is_over_after_a_day_unless_a_job_of_it_is_live(self, subject: Subject) -> None:
        store, worker = subject.store, await subject.worker()
        first = request("a")
        await store.idempotency.insert([first])
        await subject.advance(KEEP_SECONDS + 1)
        (answer,) = await store.idempotency.insert([request("a")])
        assert ids(answer) == [first.jobs[0].id], "it is queued still"
        await subject.running(worker, first.jobs[0].id)
        await subject.finish(worker, first.jobs[0].id, 1, SUCCEEDED)
        second = request("a", digest=b"other")
        (answer,) = await store.idempotency.insert([second])
        assert ids(answer) == [second.jobs[0].id]
        (answer,) = await store.idempotency.insert([request("a")])
        assert answer == EarlierRequest(
            b"other", [EarlierJob(second.jobs[0].id, State.QUEUED, removed=False)]
        )

    async def test_the_sweep_forgets_what_is_over(self, subject: Subject) -> None:
        term, worker = await subject.lead(), await subject.worker()
        ended, live, fresh = request("ended"), request("live"), request("fresh")
        await subject.store.idempotency.insert([ended, live])
        await subject.running(worker, ended.jobs[0].id)
        await subject.finish(worker, ended.jobs[0].id, 1, SUCCEEDED)
        assert await subject.store.idempotency.sweep(term) == 0
        await subject.advance(KEEP_SECONDS + 1)
        await subject.store.idempotency.insert([fresh])
        assert await subject.store.idempotency.sweep(term) == 1
        assert await subject.store.idempotency.sweep(term) == 0
        answers = await subject.store.idempotency.insert(
            [request("live"), request("fresh"), request("ended")]
        )
        assert [isinstance(answer, EarlierRequest) for answer in answers] == [True, True, False]
