"""Submitting and reading back."""

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from corral.errors import InvalidInput
from corral.ids import new_id
from corral.job.outcome import Succeeded
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import JobFilter
from corral_testing.subject import LONG, SUCCEEDED, Subject
from corral_testing.values import QUEUE, TYPE


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

    @pytest.mark.parametrize(
        "fields",
        [
            {"run_at": datetime.fromisoformat("9999-12-31T23:59:59-05:00")},
            {"run_at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
            {"delay": math.inf},
            {"delay": 1e300},
            {"expires_in": 1e300},
            {"timeout": math.nan},
            {"timeout": math.inf},
            {"tags": ("a\0",)},
        ],
        ids=lambda fields: next(iter(fields)),
    )
    async def test_what_nobody_could_read_back_is_refused_and_nothing_is_stored(
        self, subject: Subject, fields: dict[str, Any]
    ) -> None:
        good = await subject.submit()
        with pytest.raises(InvalidInput):
            await subject.submit(**fields)
        assert [job.id for job in (await subject.store.jobs.page()).items] == [good]

    @pytest.mark.parametrize(
        "moment",
        ["9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59+14:00", "2999-01-01T00:00:00-05:00"],
    )
    async def test_a_time_is_read_back_in_utc(self, subject: Subject, moment: str) -> None:
        due = datetime.fromisoformat(moment)
        job = await subject.job(await subject.submit(run_at=due))
        assert (job.state, job.run_at, job.unreadable) == (State.SCHEDULED, due, {})
        assert job.run_at is not None
        assert job.run_at.utcoffset() == timedelta(0)
        assert (await subject.store.duties.next_due() or 0.0) > 0

    async def test_a_time_long_ago_is_now(self, subject: Subject) -> None:
        long_ago = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
        job = await subject.job(await subject.submit(run_at=long_ago))
        assert (job.state, job.run_at) == (State.QUEUED, None)

    async def test_every_number_keeps_its_digits(self, subject: Subject) -> None:
        text = '{"whole":1180591620717411303424,"digits":0.12345678901234567890,"small":-0.0,"short":1E5}'
        id, worker = await subject.submit(payload=text), await subject.worker()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, Succeeded(text))
        for job in (await subject.job(id), *(await subject.store.jobs.page()).items):
            assert (job.payload.text, job.result.text) == (text, text)

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
