"""A feed that is due has one job that fetches it, whoever leads and whatever became of the last one (rule 41)."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.feed_waits import with_own_part

from corral import metrics
from corral.actions.access.principal import Principal, Role
from corral.actions.feed_imports import FeedChoice, FeedImports
from corral.actions.submissions.submit import Submitter
from corral.catalog import Limit
from corral.catalog.record import declaration_of, record_of
from corral.dispatch import Dispatch
from corral.errors import LeaseLost
from corral.feeds.source import FeedSource
from corral.job.job import ListedJob
from corral.job.state import State
from corral.json_codec import Document
from corral.maintenance.duties.feeds import FeedDuty
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.settings import Settings
from corral.store import Store
from corral_jobs.feeds import declaration, fetch_feed

ANN = Principal("ann", Role.OPERATOR)


class Feeds:
    """Feeds, their duty, and times that come when the test says so."""

    def __init__(self, store: Store, duty: FeedDuty, reign: Reign, submitter: Submitter) -> None:
        self.store, self.duty, self.reign = store, duty, reign
        self.imports = FeedImports(store, submitter)

    async def add(self, *hosts: str, due_in: float = 0) -> list[FeedSource]:
        return await self.store.feeds.add(
            [(f"https://{host}.example/feed", "") for host in hosts], "ann", interval=600, due_in=due_in
        )

    async def round(self) -> int:
        return await self.duty.round(self.reign)

    async def jobs(self) -> list[ListedJob]:
        return (await self.store.jobs.page(limit=10_000)).items

    async def payloads(self) -> list[dict[str, Any]]:
        return [
            job.payload.value if isinstance(job.payload, Document) else job.payload
            for job in await self.jobs()
        ]

    async def come(self) -> None:
        """Let the time of every feed have come that has one."""
        await self.store.database.run(
            "UPDATE corral.feed_sources SET next_fetch_at = now() WHERE next_fetch_at IS NOT NULL"
        )

    async def was_due(self, seconds: float, id: UUID) -> None:
        """Let the time of a feed have come so many seconds ago."""
        await self.store.database.run(
            "UPDATE corral.feed_sources SET next_fetch_at = now() - %(seconds)s * interval '1 second' WHERE id = %(id)s",
            {"seconds": seconds, "id": id},
        )

    async def end(self, state: State) -> None:
        """Let the jobs have ended that live."""
        await self.store.database.run(
            "UPDATE corral.jobs SET state = %(state)s, finished_at = now() WHERE finished_at IS NULL",
            {"state": state},
        )

    async def wait(self, id: UUID) -> float:
        """Seconds until the source is due."""
        [[seconds]] = await self.store.database.run(
            "SELECT date_part('epoch', next_fetch_at - now())::float FROM corral.feed_sources WHERE id = %(id)s",
            {"id": id},
        )
        return float(seconds)


@pytest.fixture
async def feeds(
    store: Store, dispatch: Dispatch, reign: Reign, database_url: str, redis_url: str
) -> AsyncIterator[Feeds]:
    await store.registration.register(
        [record_of(fetch_feed)], limits=[declaration_of(declaration.host_limit)]
    )
    submitter = Submitter(store, dispatch)
    settings = Settings(database_url=database_url, redis_url=redis_url)
    async with FeedDuty(store, dispatch, settings) as duty:
        yield Feeds(store, duty, reign, submitter)
    await submitter.close()


async def test_each_due_feed_has_one_job_and_the_next_one_only_when_that_has_ended(feeds: Feeds):
    first, second = await feeds.add("a", "b")
    [later] = await feeds.add("later", due_in=60)
    assert await feeds.round() == 2
    assert await feeds.round() == 0
    for source in (first, second):
        assert {"source": str(source.id), "host": source.host} in await feeds.payloads()
    job, _ = await feeds.jobs()
    assert (job.type, job.queue, job.created_by) == ("feed.fetch", "feeds", "feeds")
    for one in (first, second):
        assert await feeds.wait(one.id) == pytest.approx(with_own_part(one.id, 600), abs=10)
    assert 50 < await feeds.wait(later.id) <= 60

    await feeds.come()
    assert await feeds.round() == 1  # the one that was not due: the jobs of the others live
    await feeds.come()
    await feeds.end(State.COMPLETED)
    assert await feeds.round() == 3
    assert len(await feeds.jobs()) == 6


async def test_a_thousand_due_feeds_are_submitted_in_bulk(feeds: Feeds, monkeypatch: pytest.MonkeyPatch):
    inserted: list[int] = []
    assign = feeds.store.due_feeds.assign

    async def counted(term: Any, jobs: Any) -> Any:
        inserted.append(len(jobs))
        return await assign(term, jobs)

    monkeypatch.setattr(feeds.store.due_feeds, "assign", counted)
    await feeds.add(*(f"h{n}" for n in range(1_001)))
    assert await feeds.round() == 1_001
    assert inserted == [500, 500, 1]
    assert len({one.id for one in await feeds.store.feeds.all_active()}) == 1_001


async def test_a_paused_gone_or_removed_feed_is_not_fetched_and_a_resumed_one_at_once(feeds: Feeds):
    paused, gone, removed = await feeds.add("a", "b", "c")
    await feeds.store.feeds.pause(paused.id, "ann")
    await feeds.store.database.run(
        "UPDATE corral.feed_sources SET state = 'gone', next_fetch_at = NULL WHERE id = %(id)s",
        {"id": gone.id},
    )
    await feeds.store.feeds.remove(removed.id, "ann")
    assert await feeds.round() == 0
    await feeds.store.feeds.resume(paused.id, "ann")
    assert await feeds.round() == 1
    assert (await feeds.add("b"))[0].next_fetch_at is not None  # somebody names it anew
    assert await feeds.round() == 1


async def test_what_an_import_fetches_the_leader_leaves_alone(feeds: Feeds):
    await feeds.add("a")
    urls = ["https://a.example/feed", "https://b.example/feed"]
    one = await feeds.imports.start(FeedChoice(urls, ["/url", "/url"]), ANN)
    assert await feeds.round() == 0
    await feeds.come()
    assert await feeds.round() == 0  # also later, as long as its jobs live
    assert {payload["part_of"] for payload in await feeds.payloads()} == {str(one.id)}
    await feeds.come()
    await feeds.end(State.COMPLETED)
    assert await feeds.round() == 2


async def test_a_fetch_that_failed_without_a_word_doubles_the_wait_up_to_a_day_and_never_ends(feeds: Feeds):
    [source] = await feeds.add("a")
    await feeds.round()
    for seconds in [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 86_400, 86_400, 86_400]:
        await feeds.end(State.FAILED)
        await feeds.come()
        assert await feeds.round() == 1
        assert await feeds.wait(source.id) == pytest.approx(with_own_part(source.id, seconds), abs=10)
    failing = await feeds.store.feeds.get(source.id)
    assert failing is not None
    assert (failing.failures, failing.last_error) == (10, "the job that fetches it failed")


async def test_feeds_of_one_interval_do_not_come_due_in_one_second(feeds: Feeds):
    sources = await feeds.add(*(f"h{n}" for n in range(1_000)))
    assert await feeds.round() == 1_000
    due = await feeds.store.database.run(
        "SELECT id, date_trunc('second', next_fetch_at) FROM corral.feed_sources"
    )
    together = Counter(at for _, at in due)
    assert len(together) >= 55, "they share a minute"
    assert max(together.values()) < 60
    before = {id: await feeds.wait(id) for id, _ in due[:3]}
    await feeds.end(State.COMPLETED)
    await feeds.come()
    assert await feeds.round() == 1_000
    for id, seconds in before.items():  # each waits as long as before
        assert await feeds.wait(id) == pytest.approx(seconds, abs=10)
    assert len(sources) == len({one.id.int % 2**32 for one in sources})


async def test_a_feed_is_late_from_its_time_to_the_end_of_its_fetch(feeds: Feeds):
    overdue = feeds.store.due_feeds.overdue
    assert await overdue() == 0
    first, second, _ = await feeds.add("a", "b", "later", due_in=60)
    assert await overdue() == 0
    await feeds.was_due(100, first.id)
    await feeds.was_due(200, second.id)
    assert await overdue() == pytest.approx(200, abs=10)
    assert await feeds.round() == 2
    assert await overdue() < 10  # what counts now is since when its job waits
    await feeds.store.database.run("UPDATE corral.jobs SET created_at = now() - interval '300 seconds'")
    for state in (State.SCHEDULED, State.RUNNING):
        await feeds.store.database.run("UPDATE corral.jobs SET state = %(state)s", {"state": state})
        assert await overdue() == pytest.approx(300, abs=10)
    await feeds.duty._count()
    assert metrics.FEED_OVERDUE._value.get() == pytest.approx(300, abs=10)
    await feeds.store.feeds.pause(first.id, "ann")
    await feeds.end(State.COMPLETED)
    assert await overdue() == 0


async def test_a_feed_whose_job_is_refused_keeps_no_other_out(feeds: Feeds):
    full = Limit("feed-host", each=2, by="host", max_waiting=1)
    await feeds.store.registration.register(
        [record_of(fetch_feed)], limits=[replace(declaration_of(full), version="99")]
    )
    urls = [(f"https://a.example/{n}", "") for n in range(3)]
    await feeds.store.feeds.add(urls, "ann", interval=600, due_in=0)
    await feeds.add("b")
    submitted = await feeds.round()
    sources = await feeds.store.feeds.page()
    refused = [one for one in sources if one.last_error]
    assert (submitted, len(refused)) == (2, 2)
    assert all(one.next_fetch_at is not None and one.host == "a.example" for one in refused)


async def test_whoever_leads_no_more_submits_nothing(feeds: Feeds):
    await feeds.add("a")
    await feeds.reign.give_up()
    assert await LeaderCandidate(feeds.store.leases, "other").look() is not None
    with pytest.raises(LeaseLost):
        await feeds.round()
    assert await feeds.jobs() == []
    assert len(await feeds.store.due_feeds.due(10)) == 1
