"""One queue's, worker's, pool's or list's failure keeps no other from its duty; it is counted, and told by name."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Self
from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.fixtures.clock import Clock
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import EMAIL, Shop

from corral.dispatch import Dispatch
from corral.errors import LeaseLost, Refused, Unavailable
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.apart import Apart
from corral.maintenance.duties.housekeeping import Orphans, RetentionDuty
from corral.maintenance.duties.pools import PoolDuties
from corral.maintenance.duties.reclaim import Reclaim
from corral.maintenance.duties.rq_mirror import RqMirror
from corral.maintenance.duties.sweep import Sweep
from corral.maintenance.duty import Duty, DutyReport, perform
from corral.maintenance.leadership import Reign
from corral.scaling.drain_request import DrainRequest
from corral.store import Store, WorkerState

YEAR = 366 * 24 * 3600.0
SMS = Lane("sms", Priority.NORMAL)


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def refuse(sql: psycopg.Connection, table: str, when: str, condition: str) -> None:
    """Have Postgres raise whenever such a row is touched."""
    sql.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE division_by_zero USING MESSAGE = 'this row is cursed'; END $$"
    )
    sql.execute(
        f"CREATE TRIGGER refuse BEFORE {when} ON corral.{table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
    )


async def ended(shop: Shop, sql: psycopg.Connection, *queues: str) -> list[UUID]:
    """A job in each queue that completed a year ago."""
    ids = [job for queue in queues for job in await shop.submit(queue=queue)]
    sql.execute(
        "UPDATE corral.jobs SET state = 'completed', queued_at = NULL, finished_at = now() - interval '366 days',"
        " id = ('00' || substr(id::text, 3))::uuid WHERE id = ANY(%s)",
        [ids],
    )
    sql.execute(  # as the statements that end jobs would have counted them
        "INSERT INTO corral.job_counts SELECT queue, type, state, count(*) FROM corral.jobs"
        " WHERE state = 'completed' GROUP BY 1, 2, 3"
    )
    return [UUID(f"00{str(job)[2:]}") for job in ids]


def left(sql: psycopg.Connection) -> set[str]:
    return {row[0] for row in sql.execute("SELECT queue FROM corral.jobs").fetchall()}


def parts_failed(duty: str) -> float:
    return REGISTRY.get_sample_value("corral_duty_parts_failed_total", {"duty": duty}) or 0.0


@pytest.mark.parametrize(
    ("kept", "goes"),
    [
        ({"seconds": 999_999_999_999}, False),
        ({"seconds": 1e300}, False),
        ({"seconds": -999_999_999_999}, True),
        ({"count": 10**30}, False),
        ({"count": -5}, True),
        ({"seconds": "for ever"}, True),
        (["nonsense"], True),
    ],
)
@pytest.mark.parametrize("place", ["queue", "type", "installation"])
async def test_what_an_older_release_stored_without_bounds_stops_no_retention(
    shop: Shop, store: Store, reign: Reign, sql: psycopg.Connection, *, kept: object, goes: bool, place: str
):
    await ended(shop, sql, "cursed", "email")
    await store.queues.name(["cursed", "email"])
    sql.execute(
        "UPDATE corral.queues SET overrides = %s WHERE name = 'email'",
        [Jsonb({"keep_finished": {"seconds": 60}})],
    )
    options = Jsonb({"keep_finished": kept})
    if place == "queue":
        sql.execute("UPDATE corral.queues SET overrides = %s WHERE name = 'cursed'", [options])
    elif place == "type":
        sql.execute(
            "INSERT INTO corral.job_types (name, version, options) VALUES ('demo.echo', '1', %s)", [options]
        )
    duty = RetentionDuty(store, {"keep_finished": kept} if place == "installation" else {})
    await duty.round(reign)
    assert duty.apart.told() is None
    assert left(sql) == (set() if goes else {"cursed"})


async def test_a_queue_whose_jobs_cant_be_removed_keeps_no_other_from_its_retention(
    shop: Shop, store: Store, reign: Reign, sql: psycopg.Connection
):
    await ended(shop, sql, "aaa", "cursed", "zzz")
    refuse(sql, "jobs", "DELETE", "OLD.queue = 'cursed'")
    before = parts_failed("retention")
    duty = RetentionDuty(store)
    with capture_logs() as logs:
        assert await duty.round(reign) == 2
    assert left(sql) == {"cursed"}
    assert parts_failed("retention") == before + 1
    (line,) = [line for line in logs if line["event"] == "duty.part_failed"]
    assert (line["duty"], line["part"]) == ("retention", "demo.echo in cursed")
    assert "cursed" in (duty.apart.told() or "")


async def test_what_keeps_one_kind_of_orphans_keeps_no_other(
    store: Store, dispatch: Dispatch, reign: Reign, sql: psycopg.Connection, redis: Redis
):
    sql.execute("ALTER TABLE corral.sign_in_links RENAME TO elsewhere")
    sql.execute("ALTER TABLE corral.artifacts RENAME TO nowhere")
    await redis.sadd("rq:workers", "rq:worker:dead")
    duty = Orphans(store, dispatch)
    assert await duty.round(reign) == 1
    told = duty.apart.told() or ""
    assert "sessions: " in told
    assert "artifacts: " in told
    assert "workers" not in told


async def test_a_lost_worker_that_cant_be_taken_keeps_no_other_from_being_taken(
    *, shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, sql: psycopg.Connection, clock: Clock
):
    jobs = await shop.submit(2)
    cursed, other = [await shop.worker(name) for name in ("cursed", "other")]
    for worker, job in zip((cursed, other), jobs, strict=True):
        await shop.claim(worker, [job])
    refuse(sql, "workers", "UPDATE", "OLD.name = 'cursed' AND NEW.state = 'lost'")
    duty = Reclaim(store, dispatch, lease=20.0, clock=clock)
    taken = 0
    for _ in range(12):
        taken += await duty.round(reign)
        clock.pass_by(2.0)
    assert taken == 1
    records = [await store.workers.get(worker) for worker in (cursed, other)]
    assert [record.state for record in records if record] == [WorkerState.ACTIVE, WorkerState.LOST]
    assert f"worker {cursed}" in (duty.apart.told() or "")


async def test_a_pool_with_a_wish_that_cant_be_stored_keeps_no_other_from_draining(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign
):
    for name in ("a", "b"):
        await shop.worker(name)
    duty = PoolDuties(store, dispatch)
    await duty.round(reign)
    await dispatch.drain_requests.write("aaa\0", {"a": DrainRequest("n")})
    await dispatch.drain_requests.write("io", {"b": DrainRequest("n")})
    assert await duty.round(reign) == 1
    assert {one.name for one in await store.workers.live() if one.draining} == {"b"}
    assert "pool aaa" in (duty.apart.told() or "")


@pytest.mark.parametrize(
    "key", ["rq:queue:email", "corral:in:email", "corral:popped:email", "corral:parked:email", "rq:queues"]
)
@pytest.mark.parametrize("known", [True, False])
async def test_a_key_of_another_kind_is_removed_and_no_list_is_lost_for_long(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, redis: Redis, *, key: str, known: bool
):
    """Somebody else's `SET` under one of our names makes every script fail that meets it."""
    duty = Sweep(store, dispatch)
    await duty.round(reign)
    mine = await shop.submit(3, age=60, enqueue=known)
    others = await shop.submit(3, queue="sms", age=60)
    await redis.delete(key)
    await redis.hset(key, "surprise", "1")
    with capture_logs() as logs:
        for _ in range(2):
            await duty.round(reign)
    assert "dispatch.foreign_key_removed" in {line["event"] for line in logs}
    duty.apart.told()
    assert sorted(await shop.pop(EMAIL)) == sorted(mine)
    assert sorted(await shop.pop(SMS)) == sorted(others)
    await duty.round(reign)
    assert duty.apart.told() is None


async def test_what_another_program_wrote_into_a_registry_of_rq_stops_no_page(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, redis: Redis
):
    await store.queues.name(["email", "sms"])
    (gone,) = await shop.submit(queue="sms")
    await redis.zadd("rq:finished:sms", {"not-an-id": 1.0, str(gone): 2.0})
    await redis.set("rq:finished:email", "no registry")
    async with RqMirror(store, dispatch, wanted=True) as duty:
        pages = 2 * 4 * (len(State) - 1)
        for _ in range(pages + 1):
            await duty.round(reign)
        assert await redis.zrange("rq:finished:sms", 0, -1) == ["not-an-id"]
        assert "completed of email" in (duty.apart.told() or "")


class Parts(Duty):
    """Three things of which the second always fails."""

    name = "parts"
    period = 0.01

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun = self.broken_off = 0

    async def __aenter__(self) -> Self:
        self.begun += 1
        if self.begun < 3:
            raise Unavailable("redis", "away")
        return self

    async def round(self, _reign: Reign) -> int:
        for number in range(3):
            with self.apart.each(f"thing {number}"):
                if number == 1:
                    raise KeyError("cursed")
                self.done.append(number)
        return 2

    def failed(self) -> None:
        self.broken_off += 1


async def test_a_duty_that_fails_in_part_says_so_and_goes_on_at_its_pace(reign: Reign):
    duty, report = Parts(), DutyReport(0.01)
    performing = asyncio.create_task(perform(duty, reign, report))
    await eventually_async(lambda: report.done >= 6)
    assert report.error == "thing 1: 'cursed'"
    assert report.failures >= 5, "two beginnings and three rounds"
    assert duty.broken_off == 0
    assert duty.begun == 3
    reign.over.set()
    await performing


def refused(_: int) -> Exception:
    return Refused("postgres", "canceling statement due to lock timeout")


@pytest.mark.parametrize(
    ("fails", "begun"),
    [
        (lambda n: refused(n) if n == 1 else None, 5),
        (lambda n: refused(n) if n % 2 else None, 5),
        (refused, 3),
        (lambda n: Unavailable("postgres", "away") if n == 1 else None, 2),
        (lambda n: LeaseLost("leader", 1) if n == 1 else None, 2),
        (lambda n: asyncio.CancelledError() if n == 1 else None, 2),
        (ZeroDivisionError, 5),
    ],
)
def test_what_concerns_one_thing_is_told_from_what_concerns_all(
    fails: Callable[[int], BaseException | None], begun: int
):
    apart, reached = Apart("test"), 0

    def all_five() -> None:
        nonlocal reached
        for number in range(5):
            with apart.each(str(number)):
                reached += 1
                if (error := fails(number)) is not None:
                    raise error

    if begun == 5:
        all_five()
    else:
        with pytest.raises(BaseException):  # noqa: B017 - each of four kinds
            all_five()
    assert reached == begun
