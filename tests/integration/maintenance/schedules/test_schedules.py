"""Each tick of a schedule has one job, whoever leads and whatever goes down (protocol rule 37)."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.maintenance.schedules.almanac import Almanac

from corral.catalog import Unique, job_type
from corral.catalog.record import record_of
from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.maintenance.duties.schedules import ScheduleDuty
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.settings import Settings
from corral.store import Store
from corral.store.postgres.database import DUTY
from corral.store.postgres.sql_params import EMPTY, texts
from corral.store.schedules.ticks import PLAN, STORE


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url)


async def test_a_tick_that_has_come_has_one_job_and_the_next_one_is_named(almanac: Almanac):
    await almanac.create(payload={"a": 1.10}, tags=["x"], priority="high", retries=0)
    tick = await almanac.back()
    assert await almanac.round() == 1
    assert await almanac.round() == 0
    (job,) = await almanac.jobs()
    assert (job.type, job.queue, job.priority, job.retries) == ("demo.echo", "demo", "high", 0)
    assert job.payload == {"a": 1.1}
    assert job.created_by == "schedule:nightly"
    assert {"x", "schedule:nightly"} <= set(job.tags)
    schedule = await almanac.get()
    assert (schedule.last_tick, schedule.last_job, schedule.submitted) == (tick, job.id, 1)
    assert schedule.due_at == tick + timedelta(days=1)


async def test_a_tick_whose_job_is_a_duplicate_has_the_job_that_holds_the_key(almanac: Almanac):
    rules = {"existing": "existing", "refusing": "refuse"}
    declared = [
        job_type(f"test.{name}", queue="email", unique=Unique(on_duplicate=rule))
        for name, rule in rules.items()
    ]
    await almanac.store.types.register([record_of(one) for one in declared])
    for name, rule in rules.items():
        await almanac.create(name, type=f"test.{name}", queue="email", overlap="allow")
        await almanac.back(name)
        assert await almanac.round() == 1
        first = (await almanac.get(name)).last_job
        await almanac.back(name)
        await almanac.round()
        schedule = await almanac.get(name)
        assert schedule.last_job == first
        assert (schedule.submitted, schedule.refused) == ((2, 0) if rule == "existing" else (1, 1))
    assert await almanac.verdicts("existing") == ["submitted", "submitted"]
    assert await almanac.verdicts("refusing") == ["submitted", "refused"]
    assert len(await almanac.jobs()) == 2


async def test_the_tick_is_in_the_payload_where_the_schedule_says_so(almanac: Almanac):
    await almanac.create(type="test.night", queue="email", payload={"depth": 3}, tick_field="at")
    tick = await almanac.back()
    await almanac.round()
    (job,) = await almanac.jobs()
    assert job.payload == {"depth": 3, "at": tick.isoformat().replace("+00:00", "Z")}


async def test_two_leaders_that_decide_at_once_submit_each_tick_once(
    almanac: Almanac, store: Store, dispatch: Dispatch, settings: Settings
):
    names = [f"n{number}" for number in range(20)]
    for name in names:
        await almanac.create(name, overlap="allow")
        await almanac.back(name, seconds=1)
    others = [ScheduleDuty(store, dispatch, settings) for _ in range(3)]

    async def lead(duty: ScheduleDuty) -> int:
        async with duty:
            return await duty.round(almanac.reign)

    assert sum(await asyncio.gather(*map(lead, others))) == 20
    assert sorted(job.created_by or "" for job in await almanac.jobs()) == sorted(
        f"schedule:{n}" for n in names
    )


async def test_a_leader_that_dies_between_decision_and_insert_leaves_the_tick_to_the_next_one(
    almanac: Almanac, store: Store, monkeypatch: pytest.MonkeyPatch
):
    await almanac.create()
    await almanac.back()
    due = await store.due_schedules.due(10)
    almanac_store, dead = store.ticks.store, RuntimeError("killed")

    async def killed(*_: object) -> object:
        raise dead

    monkeypatch.setattr(store.ticks, "store", killed)
    with pytest.raises(RuntimeError, match="killed"):
        await almanac.round()
    monkeypatch.setattr(store.ticks, "store", almanac_store)
    assert len(due) == 1
    assert await almanac.jobs() == []
    assert await almanac.round() == 1
    assert len(await almanac.jobs()) == 1


async def test_a_leader_of_an_earlier_term_submits_nothing(almanac: Almanac, store: Store):
    await almanac.create()
    await almanac.back()
    await store.leases.give_up(almanac.reign.term)
    elected = await LeaderCandidate(store.leases, "other").look()
    assert elected is not None
    with pytest.raises(Exception, match="term"):
        await almanac.round()
    assert await almanac.jobs() == []


async def test_a_decision_over_a_schedule_that_was_changed_since_is_dropped(almanac: Almanac, store: Store):
    await almanac.create()
    await almanac.back()
    async with almanac.duty as duty:
        due = await store.due_schedules.due(10)
        rulings = await duty._ruled(due)
        await almanac.actions.set("nightly", {"retries": 0}, "ann")
        assert await store.ticks.store(almanac.reign.term, rulings) == (set(), [])
    assert await almanac.jobs() == []


async def test_a_clock_that_is_put_back_brings_no_tick_twice(almanac: Almanac, store: Store):
    await almanac.create()
    await almanac.back()
    assert await almanac.round() == 1
    # The database's clock is an hour behind now: as if all was decided an hour ahead.
    await store.database.run(
        """UPDATE corral.schedules SET last_tick = last_tick + interval '1 hour',
           overrides = json_build_object('start', (overrides ->> 'start')::timestamptz + interval '1 hour')"""
    )
    await store.database.run("UPDATE corral.schedule_ticks SET tick = tick + interval '1 hour'")
    await store.database.run("UPDATE corral.schedules SET due_at = now() - interval '1 second'")
    assert await almanac.round() == 0
    assert len(await almanac.jobs()) == 1
    assert await store.due_schedules.ahead(5) == 1


async def test_a_tick_row_keeps_a_tick_from_a_second_job_whatever_the_schedule_says(
    almanac: Almanac, store: Store
):
    await almanac.create(overlap="allow")
    await almanac.back()
    assert await almanac.round() == 1
    await store.database.run(
        "UPDATE corral.schedules SET last_tick = last_tick - interval '1 hour', due_at = now() - interval '1 second'"
    )
    assert await almanac.round() == 0
    assert len(await almanac.jobs()) == 1


async def test_of_ticks_that_nobody_looked_at_the_last_one_is_made_up_for_and_the_others_are_counted(
    almanac: Almanac,
):
    await almanac.create(interval=3600)
    newest = await almanac.back(seconds=600, ticks=5)
    assert await almanac.round() == 1
    schedule = await almanac.get()
    assert (schedule.missed, schedule.submitted, schedule.last_tick) == (4, 1, newest)
    assert await almanac.verdicts() == ["missed"] * 4 + ["submitted"]


async def test_a_postgres_that_is_away_over_a_tick_costs_no_tick(almanac: Almanac, rename: Any):
    await almanac.create(interval=10, overlap="allow")
    await almanac.back(seconds=1, ticks=3)
    await rename("schedule_ticks", "away")
    with pytest.raises(Exception, match="schema"):
        await almanac.round()
    assert await almanac.jobs() == []
    await rename("away", "schedule_ticks")
    assert await almanac.round() == 3
    assert (await almanac.get()).missed == 0


async def test_a_schedule_whose_job_is_refused_tells_it_and_stops_no_other(almanac: Almanac, store: Store):
    await almanac.create("good")
    await almanac.create("bad", type="test.night", queue="email", payload={"at": "2030-01-01T00:00:00Z"})
    await store.database.run(
        """UPDATE corral.schedules SET declared = '{"type": "test.night", "interval": 86400, "payload": {"at": "x"}}'
           WHERE name = 'bad'"""
    )
    await almanac.create("odd")
    for name in ("good", "bad", "odd"):
        await almanac.back(name)
    await store.database.run("UPDATE corral.schedules SET declared = '{\"cron\": 5}' WHERE name = 'odd'")
    await almanac.round()
    assert [job.created_by for job in await almanac.jobs()] == ["schedule:good"]
    bad, odd = await almanac.get("bad"), await almanac.get("odd")
    assert bad.refused == 1
    assert "/payload/at" in (bad.problem or "")
    assert await almanac.verdicts("bad") == ["refused"]
    assert "no schedule" in (odd.problem or "")
    assert odd.due_at is None, "it is not looked at every second"


async def test_a_thousand_schedules_of_one_second_are_submitted_in_one_round(almanac: Almanac, store: Store):
    await store.database.run(
        """INSERT INTO corral.schedules (name, source, declared, created_by, last_tick, due_at)
           SELECT 's' || n, 'api', '{"type": "demo.echo", "queue": "demo", "cron": "0 0 * * *", "zone": "Europe/Berlin"}',
                  'ann', now() - interval '25 hours', now() - interval '1 second'
           FROM generate_series(1, 1000) n"""
    )
    assert await almanac.round() == 1000
    assert len({job.created_by for job in await almanac.jobs()}) == 1000


async def test_nothing_is_read_but_by_the_index_of_what_is_due(almanac: Almanac, store: Store):
    await store.database.run(
        """INSERT INTO corral.schedules (name, source, declared, created_by, due_at)
           SELECT 's' || n, 'api', '{}', 'ann', now() + interval '1 day' FROM generate_series(1, 10000) n"""
    )
    await store.database.run("ANALYZE corral.schedules")
    from corral.store.schedules.due import DUE, NEXT  # noqa: PLC0415

    for statement in (DUE, NEXT):
        plan = await store.database.run(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", {"limit": 500})
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan on schedules" not in text, text
        assert "schedules_due" in text


async def test_decisions_are_stored_by_the_names_of_their_schedules(store: Store):
    """A join of the two, in the order of the index, compares each decision with every schedule."""
    await store.database.run(
        """INSERT INTO corral.schedules (name, source, declared, created_by)
           SELECT 's' || n, 'api', '{}', 'ann' FROM generate_series(1, 2000) n"""
    )
    given = dict.fromkeys(re.findall(r"%\((\w+)\)s", STORE), EMPTY)
    given["names"] = texts(f"s{number}" for number in range(1, 501))
    _, plan = await store.database.together((PLAN, {}), (f"EXPLAIN (ANALYZE) {STORE}", given), limits=DUTY)
    text = "\n".join(row[0] for row in plan)
    assert "Index Scan using schedules_pkey" in text
    assert "Rows Removed by Join Filter" not in text, text


async def test_without_schedules_a_round_is_three_small_statements(almanac: Almanac):
    async with almanac.duty as duty:
        await duty.round(almanac.reign)
        assert await duty.round(almanac.reign) == 0
        assert duty._due_in is None


async def test_an_absent_postgres_ends_the_round(settings: Settings, dispatch: Dispatch, reign: Reign):
    away = Store.open("postgresql://127.0.0.1:1/x")
    async with ScheduleDuty(away, dispatch, settings) as duty:
        with pytest.raises(Unavailable):
            await duty.round(reign)
    await away.close()
