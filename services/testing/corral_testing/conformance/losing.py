"""Workers that go: rules 20 to 24 of the protocol."""

from uuid import UUID

import pytest

from corral.errors import NotFound
from corral.ids import new_id
from corral.job.outcome import Erred, Exhausted, Finished, Outcome
from corral.job.state import State
from corral.store import Refusal, Term, Verdict
from corral_testing.subject import ERRED, EXHAUSTED, LONG, RELEASED, SUCCEEDED, TIMED_OUT, Subject


class Losing:
    """Heartbeats, stalls and goodbyes."""

    async def test_a_worker_that_shows_life_is_not_lost(self, subject: Subject) -> None:
        worker, term = await subject.worker(), await subject.lead()
        id = await subject.submit()
        await subject.running(worker, id)
        seen = dict(await subject.store.workers.observations())[worker]
        assert subject.heartbeat(worker).beat([(id, 1)], {}).known
        assert await subject.store.workers.reclaim(worker, seen, term) is None
        assert (await subject.job(id)).state is State.RUNNING

    async def test_a_lost_worker_is_told_so_and_writes_nothing(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        assert await subject.lose(worker, await subject.lead()) == [State.QUEUED]
        assert not subject.heartbeat(worker).beat([(id, 1)], {}).known
        assert (await subject.finish(worker, id, 1, SUCCEEDED)).verdict is Verdict.FENCED
        assert worker not in dict(await subject.store.workers.observations())

    async def test_a_stall_suffered_alone_counts(self, subject: Subject) -> None:
        term, id = await subject.lead(), await subject.submit(max_stalls=1)
        for expected in ((State.QUEUED, 1), (State.FAILED, 2)):
            worker = await subject.worker()
            await subject.running(worker, id)
            await subject.lose(worker, term)
            job = await subject.job(id)
            assert (job.state, job.stalls) == expected
        assert ((await subject.job(id)).error or {})["kind"] == "stall"
        attempts = await subject.store.jobs.attempts(id)
        assert [attempt.outcome for attempt in attempts] == ["stalled", "stalled"]

    async def test_a_poison_job_does_not_fail_its_neighbours(self, subject: Subject) -> None:
        term = await subject.lead()
        ids = [await subject.submit(max_stalls=0) for _ in range(5)]
        worker = await subject.worker()
        await subject.running(worker, *ids)
        assert await subject.lose(worker, term) == [State.QUEUED] * 5
        jobs = [await subject.job(id) for id in ids]
        assert {(job.stalls, job.suspect) for job in jobs} == {(0, True)}

    async def test_a_suspect_is_claimed_alone_until_it_ends(self, subject: Subject) -> None:
        term, id = await subject.lead(), await subject.submit()
        worker = await subject.worker()
        await subject.running(worker, id)
        await subject.lose(worker, term)
        worker = await subject.worker()
        assert (await subject.claim(worker, id)).refused == {id: Refusal.SUSPECT}
        await subject.running(worker, id)
        await subject.finish(worker, id, 2, ERRED)
        assert (await subject.job(id)).suspect
        await subject.store.jobs.run_now([id], "ann")
        await subject.running(worker, id)
        await subject.finish(worker, id, 3, SUCCEEDED)
        assert not (await subject.job(id)).suspect

    async def test_a_suspect_waits_in_its_own_lane(self, subject: Subject) -> None:
        term, id, worker = await subject.lead(), await subject.submit(), await subject.worker()
        await subject.running(worker, id)
        counter = dict(await subject.store.workers.observations())[worker]
        (reclaimed,) = await subject.store.workers.reclaim(worker, counter, term) or ()
        assert (reclaimed.attempt, reclaimed.alone, reclaimed.lane.suspect) == (1, True, True)
        page, _ = await subject.store.duties.queued_page(reclaimed.lane)
        assert [queued.id for queued in page] == [id]

    async def test_a_requested_cancel_turns_a_stall_into_cancelled(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.store.jobs.cancel([id], "ann")
        assert await subject.lose(worker, await subject.lead()) == [State.CANCELLED]

    async def test_a_retry_clears_suspicion(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.lose(worker, await subject.lead())
        worker = await subject.worker()
        await subject.running(worker, id)
        await subject.finish(worker, id, 2, EXHAUSTED)
        await subject.store.jobs.retry([id], "ann")
        job = await subject.job(id)
        assert (job.suspect, job.stalls) == (False, 0)

    @pytest.mark.parametrize("how", ["lost", "stopped", "unheld"])
    async def test_a_timeout_that_has_struck_is_the_error_whatever_becomes_of_the_worker(
        self, subject: Subject, how: str
    ) -> None:
        term, worker = await subject.lead(), await subject.worker()
        retried, exhausted, cancelled, _ = ids = [await subject.submit(max_stalls=0) for _ in range(4)]
        await subject.running(worker, *ids)
        outcomes: dict[UUID, Outcome] = {
            retried: Erred(TIMED_OUT, LONG),
            exhausted: Exhausted(TIMED_OUT),
            cancelled: Exhausted(TIMED_OUT),
        }
        struck = [Finished(id, 1, outcome) for id, outcome in outcomes.items()]
        assert await subject.store.attempts.time_out(worker, struck) == set(outcomes)
        assert {(await subject.job(id)).state for id in ids} == {State.RUNNING}
        await subject.store.jobs.cancel([cancelled], "ann")
        await _give_up(subject, worker, term, how)
        jobs = [await subject.job(id) for id in ids]
        assert [job.state for job in jobs] == [State.SCHEDULED, State.FAILED, State.CANCELLED, State.QUEUED]
        assert [(job.errors, job.stalls, job.releases) for job in jobs[:3]] == [(1, 0, 0)] * 3
        assert [(job.error or {}).get("kind") for job in jobs[:3]] == ["timeout"] * 3
        assert [job.suspect for job in jobs] == [False, False, False, how == "lost"]
        assert jobs[0].run_at is not None
        kept = [(await subject.store.jobs.attempts(id))[0] for id in ids]
        outcome = "stalled" if how == "lost" else "released"
        assert [one.outcome for one in kept] == ["errored", "failed", "cancelled", outcome]
        assert [(one.error or {}).get("kind") for one in kept[:3]] == ["timeout"] * 3

    async def test_a_timeout_is_of_one_attempt_alone(self, subject: Subject) -> None:
        term, worker, id = await subject.lead(), await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        struck = [Finished(id, 1, Exhausted(TIMED_OUT))]
        assert await subject.store.attempts.time_out(await subject.worker(), struck) == set()
        assert await subject.store.attempts.time_out(worker, struck) == {id}
        await subject.finish(worker, id, 1, RELEASED)
        await subject.running(worker, id)
        assert await subject.store.attempts.time_out(worker, struck) == set()
        assert await subject.lose(worker, term) == [State.QUEUED]
        assert (await subject.job(id)).errors == 0

    async def test_a_suspect_whose_timeout_struck_suffers_no_stall(self, subject: Subject) -> None:
        term, id = await subject.lead(), await subject.submit(max_stalls=0)
        neighbour, worker = await subject.submit(), await subject.worker()
        await subject.running(worker, id, neighbour)
        await subject.lose(worker, term)
        worker = await subject.worker()
        await subject.running(worker, id)
        await subject.store.attempts.time_out(worker, [Finished(id, 2, Erred(TIMED_OUT, LONG))])
        assert await subject.lose(worker, term) == [State.SCHEDULED]
        job = await subject.job(id)
        assert (job.errors, job.stalls, job.suspect) == (1, 0, True)

    async def test_a_heartbeat_releases_what_is_not_held_after_ten_seconds(self, subject: Subject) -> None:
        worker, one, two = await subject.worker(), await subject.submit(), await subject.submit()
        await subject.running(worker, one, two)
        heart = subject.heartbeat(worker)
        assert heart.beat([(one, 1)], {}).released == ()
        await subject.advance(11)
        beat = heart.beat([(one, 1)], {})
        assert [(back.id, back.attempt) for back in beat.released] == [(two, 1)]
        assert beat.stolen == frozenset()
        job = await subject.job(two)
        assert (job.state, job.releases, job.suspect) == (State.QUEUED, 1, False)

    async def test_a_heartbeat_ends_what_is_not_held_and_was_cancelled(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        await subject.store.jobs.cancel([id], "ann")
        await subject.advance(11)
        (back,) = subject.heartbeat(worker).beat([], {}).released
        assert (back.id, back.lane) == (id, None)
        assert (await subject.job(id)).state is State.CANCELLED

    async def test_a_heartbeat_hears_of_cancels_and_of_what_is_stolen(self, subject: Subject) -> None:
        worker, one, two = await subject.worker(), await subject.submit(), await subject.submit()
        await subject.running(worker, one, two)
        await subject.store.jobs.cancel([one], "ann")
        await subject.finish(worker, two, 1, SUCCEEDED)
        stranger = new_id()
        beat = subject.heartbeat(worker).beat([(one, 1), (two, 1), (stranger, 1)], {})
        assert (beat.known, beat.draining) == (True, False)
        assert beat.cancels == {one}
        assert beat.stolen == {(two, 1), (stranger, 1)}

    async def test_a_draining_worker_is_told_and_may_finish(self, subject: Subject) -> None:
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        assert await subject.store.workers.drain(worker, "ann") == [worker]
        beat = subject.heartbeat(worker).beat([(id, 1)], {})
        assert (beat.known, beat.draining) == (True, True)
        assert (await subject.finish(worker, id, 1, SUCCEEDED)).verdict is Verdict.RECORDED
        with pytest.raises(NotFound):
            await subject.store.workers.drain(new_id(), "ann")

    async def test_a_worker_that_stops_leaves_nothing_running(self, subject: Subject) -> None:
        worker, one, two = await subject.worker(), await subject.submit(), await subject.submit()
        await subject.running(worker, one, two)
        await subject.store.jobs.cancel([two], "ann")
        left = {job.id: job.state for job in await subject.store.workers.stop(worker)}
        assert left == {one: State.QUEUED, two: State.CANCELLED}
        job = await subject.job(one)
        assert (job.releases, job.stalls, job.suspect) == (1, 0, False)
        assert await subject.store.workers.stop(worker) == []
        assert await subject.store.workers.list() == []

    async def test_results_held_through_a_lease_are_fenced_one_by_one(self, subject: Subject) -> None:
        worker, ids = await subject.worker(), [await subject.submit() for _ in range(2)]
        await subject.running(worker, *ids)
        await subject.advance(LONG)
        await subject.lose(worker, await subject.lead())
        recorded = await subject.store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED) for id in ids])
        assert [answer.verdict for answer in recorded] == [Verdict.FENCED] * 2


async def _give_up(subject: Subject, worker: UUID, term: Term, how: str) -> None:
    """Have a worker lose its jobs: it was lost, it stopped, or it does not hold them any more."""
    match how:
        case "lost":
            await subject.lose(worker, term)
        case "stopped":
            await subject.store.workers.stop(worker)
        case _:
            await subject.advance(11)
            subject.heartbeat(worker).beat([], {})
