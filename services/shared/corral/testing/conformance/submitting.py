"""Submitting and reading back."""

import pytest

from corral.errors import InvalidInput
from corral.ids import new_id
from corral.job.outcome import Succeeded
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import JobFilter
from corral.testing.subject import LONG, QUEUE, SUCCEEDED, TYPE, Subject


class Submitting:
    """The way in."""

    async def test_a_job_is_read_back_as_it_was_submitted(self, subject: Subject) -> None:
        id = await subject.submit(
            priority=Priority.HIGH, tags=("a", 'b"c'), payload='{"big": 12345678901234567890}'
        )
        job = await subject.job(id)
        assert (job.state, job.priority, job.queue, job.type) == (State.QUEUED, Priority.HIGH, QUEUE, TYPE)
        assert job.payload == {"big": 12345678901234567890}
        assert job.tags == ["a", 'b"c']
        assert (job.attempt, job.life, job.queued_at is None, job.run_at) == (0, 1, False, None)

    async def test_a_delayed_job_waits_for_its_time(self, subject: Subject) -> None:
        term = await subject.lead()
        id = await subject.submit(delay=LONG)
        assert (await subject.job(id)).state is State.SCHEDULED
        due = await subject.store.duties.next_due()
        assert due is not None
        assert LONG - 60 < due <= LONG
        assert await subject.store.duties.promote(term) == []
        await subject.advance(LONG)
        assert [queued.id for queued in await subject.store.duties.promote(term)] == [id]

    async def test_due_jobs_are_promoted_earliest_first_and_within_the_limit(self, subject: Subject) -> None:
        term = await subject.lead()
        ids = [await subject.submit(delay=delay) for delay in (30.0, 10.0, 20.0)]
        await subject.advance(60)
        first = await subject.store.duties.promote(term, 2)
        assert {queued.id for queued in first} == {ids[1], ids[2]}
        assert [queued.id for queued in await subject.store.duties.promote(term, 2)] == [ids[0]]

    async def test_existing_tells_what_is_stored(self, subject: Subject) -> None:
        one, two = await subject.submit(), await subject.submit(delay=LONG)
        found = await subject.store.jobs.existing([two, new_id(), one])
        assert [(job.id, job.state) for job in found] == [(two, State.SCHEDULED), (one, State.QUEUED)]

    @pytest.mark.parametrize(
        "payload", ['{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a": "\0"}', '{"a": "\ud800"}', "{", ""]
    )
    async def test_what_can_not_be_stored_is_refused_and_nothing_is_stored(
        self, subject: Subject, payload: str
    ) -> None:
        with pytest.raises(InvalidInput):
            await subject.submit(payload=payload)
        assert (await subject.store.jobs.page()).items == []

    async def test_an_escaped_backslash_is_no_nul(self, subject: Subject) -> None:
        id = await subject.submit(payload='{"a": "\\\\u0000"}')
        assert (await subject.job(id)).payload == {"a": "\\u0000"}

    async def test_pages_come_newest_first_and_lose_nothing(self, subject: Subject) -> None:
        ids = [await subject.submit() for _ in range(7)]
        worker = await subject.worker()
        await subject.running(worker, ids[2], ids[5])
        await subject.finish(worker, ids[2], 1, SUCCEEDED)
        for wanted in (JobFilter(), JobFilter(type=TYPE), JobFilter(queue=QUEUE)):
            seen, cursor = [], None
            while True:
                page = await subject.store.jobs.page(wanted, cursor=cursor, limit=3)
                seen += [job.id for job in page.items]
                cursor = page.next
                if cursor is None:
                    break
            assert seen == ids[::-1]

    async def test_a_list_leaves_large_payloads_and_results_out_and_says_so(self, subject: Subject) -> None:
        small, large = f'"{"é" * 511}"', f'"{"é" * 512}"'
        edge, over = await subject.submit(payload=small), await subject.submit(payload=large)
        worker = await subject.worker()
        await subject.running(worker, edge, over)
        await subject.finish(worker, edge, 1, Succeeded(large))
        await subject.finish(worker, over, 1, Succeeded("null"))
        two, one = (await subject.store.jobs.page()).items
        assert (one.id, one.payload, one.payload_bytes) == (edge, "é" * 511, 1024)
        assert (one.result, one.result_bytes, one.omitted) == (None, 1026, ["result"])
        assert (two.id, two.payload, two.payload_bytes) == (over, None, 1026)
        assert (two.result, two.result_bytes, two.omitted) == (None, 4, ["payload"])
        assert (await subject.job(over)).payload == "é" * 512

    async def test_a_filter_keeps_what_fits_alone(self, subject: Subject) -> None:
        queued = await subject.submit(tags=("blue",))
        other = await subject.submit(queue="other", type="other.job")
        await subject.advance(60)
        done = await subject.submit()
        worker = await subject.worker()
        await subject.running(worker, done)
        await subject.finish(worker, done, 1, SUCCEEDED)
        for wanted, expected in (
            (JobFilter(states=frozenset({State.QUEUED})), [other, queued]),
            (JobFilter(states=frozenset({State.COMPLETED, State.FAILED})), [done]),
            (JobFilter(type="other.job"), [other]),
            (JobFilter(queue=QUEUE, states=frozenset({State.QUEUED, State.COMPLETED})), [done, queued]),
            (JobFilter(tag="blue"), [queued]),
            (JobFilter(tag="blue", states=frozenset({State.COMPLETED})), []),
            (JobFilter(created_before=(await subject.job(done)).created_at, tag="blue"), [queued]),
            (JobFilter(created_after=(await subject.job(done)).created_at, type="other.job"), []),
        ):
            page = await subject.store.jobs.page(wanted)
            assert [job.id for job in page.items] == expected, wanted
