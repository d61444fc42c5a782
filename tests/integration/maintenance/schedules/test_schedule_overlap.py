"""What becomes of a tick while the job before it lives, when jobs fail, and when nobody wants any."""

import asyncio
from datetime import timedelta

from tests.integration.maintenance.conftest import Shop
from tests.integration.maintenance.schedules.almanac import Almanac

from corral.job.outcome import Finished, Succeeded
from corral.store import Store


async def test_what_waits_for_the_job_before_runs_when_that_has_ended(almanac: Almanac, shop: Shop):
    await almanac.create(overlap="queue-one", interval=3600)
    await almanac.back()
    await almanac.round()
    (first,) = await almanac.jobs()
    await almanac.back(seconds=0.5)
    assert await almanac.round() == 0
    assert (await almanac.get()).waiting == 1
    worker = await shop.worker()
    (claimed,) = (
        await shop.store.claims.claim(worker, first.id, [first.id], ["demo.echo"], alone=False)
    ).claimed
    await shop.store.attempts.finish(worker, [Finished(first.id, claimed.attempt, Succeeded("1"))])
    assert await almanac.round() == 1
    assert (await almanac.get()).waiting == 0
    assert await almanac.verdicts() == ["submitted", "submitted"]


async def test_a_running_job_is_cancelled_for_a_newer_tick(almanac: Almanac):
    await almanac.create(overlap="cancel", interval=3600)
    await almanac.back()
    await almanac.round()
    (first,) = await almanac.jobs()
    await almanac.back(seconds=0.5)
    await almanac.round()  # the waiting job ends at once
    await almanac.round()
    by_id = {job.id: job.state for job in await almanac.jobs()}
    assert by_id.pop(first.id) == "cancelled"
    assert list(by_id.values()) == ["queued"]


async def test_jobs_that_fail_pause_the_schedule_and_resuming_begins_anew(almanac: Almanac, store: Store):
    await almanac.create(pause_after=2, interval=3600, overlap="allow")
    for seconds in (1, 0.7):
        await store.database.run("UPDATE corral.schedules SET counted_from = now() - interval '1 day'")
        await almanac.back(seconds=seconds)
        assert await almanac.round() == 1
        await store.database.run("UPDATE corral.jobs SET state = 'failed', finished_at = now(), error = '{}'")
    await almanac.back(seconds=0.1)
    assert await almanac.round() == 0
    schedule = await almanac.get()
    assert (schedule.paused_by, schedule.pause_note) == (
        "corral",
        "the last 2 jobs failed one after the other",
    )
    resumed = await almanac.actions.resume("nightly", "ann")
    assert resumed.paused_at is None
    await almanac.back(seconds=0.05)
    assert await almanac.round() == 1


async def test_a_paused_schedule_has_no_job_and_makes_up_for_nothing(almanac: Almanac, store: Store):
    await almanac.create()
    await almanac.actions.pause("nightly", "holidays", "ann")
    await almanac.back()
    assert await almanac.round() == 0
    resumed = await almanac.actions.resume("nightly", "ann")
    assert resumed.due_at is not None
    assert resumed.due_at > resumed.now
    assert await almanac.round() == 0
    assert await almanac.jobs() == []
    entries = await store.audit.page(kind="schedule", subject="nightly")
    assert [entry.action for entry in entries] == ["resume", "pause", "create"]


async def test_a_backfill_gives_each_tick_one_job_and_a_dry_run_gives_none(almanac: Almanac, store: Store):
    await almanac.create(interval=3600, overlap="allow")
    newest = await almanac.back(ticks=1)
    await almanac.round()
    now = await store.schedules.now()
    start = newest - timedelta(hours=9)
    dry = await almanac.actions.backfill("nightly", start, now, "ann", dry_run=True)
    assert (dry.ticks, dry.had, len(dry.submitted)) == (10, 1, 9)
    assert len(await almanac.jobs()) == 1
    both = await asyncio.gather(
        *(almanac.actions.backfill("nightly", start, now, "ann", dry_run=False) for _ in range(2))
    )
    assert sum(len(one.submitted) for one in both) == 9
    assert len(await almanac.jobs()) == 10
    assert (await almanac.get()).submitted == 10
