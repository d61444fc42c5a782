"""Slots that are held for life: kept through backoff, given back whatever ends the job, counted by the leader."""

from uuid import UUID

import psycopg
import pytest

from corral.job.limit_use import LimitUse
from corral.store import Store
from corral.store.attempts import endings, limit_claims
from corral_testing.subject import ERRED, EXHAUSTED, LONG, SUCCEEDED, Subject

KEY = (LimitUse("order", "acme"),)
IN_USE = "SELECT name, in_use, holder FROM corral.limit_keys WHERE in_use <> 0 OR holder IS NOT NULL"
VALUES = {"each": 1, "by": "order", "hold": "life"}


async def _in_backoff(subject: Subject) -> tuple[UUID, UUID, UUID]:
    """A job that keeps its slot while it waits to be tried again, and one behind it."""
    await subject.declare("order", VALUES)
    worker = await subject.worker()
    first, second = await subject.submit(uses=KEY), await subject.submit(uses=KEY)
    assert await subject.claim_groups(worker, KEY) == [first]
    await subject.finish(worker, first, 1, ERRED, limited=True)
    return worker, first, second


async def test_a_holder_that_is_cancelled_while_it_waits_gives_back_with_the_leaders_next_look(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    worker, first, second = await _in_backoff(subject)
    term = await subject.lead()
    assert await store.limit_duties.drop_holders(term) == []
    assert await store.limit_duties.kept() == {"order": 1}
    await store.jobs.cancel([first], "ann")
    assert await store.limit_duties.drop_holders(term) == ["order=acme"]
    assert sql.execute(IN_USE).fetchall() == []
    assert await subject.claim_groups(worker, KEY) == [second]


async def test_the_recount_knows_what_is_kept(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    worker, first, _ = await _in_backoff(subject)
    term = await subject.lead()
    assert (await store.limit_duties.recount(term))[0] == []
    assert await store.limit_duties.forget_idle(term) == 0
    sql.execute("UPDATE corral.limit_keys SET in_use = 0")
    ((one,), _) = await store.limit_duties.recount(term)
    assert (one.name, one.noted, one.runs) == ("order=acme", 0, 1)
    await subject.advance(LONG)
    await store.duties.promote(term, 10)
    assert await store.limit_duties.with_room(["order=acme"]) == {"order=acme": 1_000_000}, "for its holder"
    assert await subject.claim_groups(worker, KEY) == [first]
    await subject.finish(worker, first, 2, SUCCEEDED, limited=True)
    assert sql.execute(IN_USE).fetchall() == []


async def test_without_the_keeping_a_later_job_overtakes(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = endings.END_LIMITED.replace("x.holder = ended.id", "false")
    assert broken != endings.END_LIMITED
    monkeypatch.setattr(endings, "END_LIMITED", broken)
    monkeypatch.setattr(
        limit_claims, "CLAIM_GROUPS", limit_claims.CLAIM_GROUPS.replace("WHEN r.for_life", "WHEN false")
    )
    worker, _, second = await _in_backoff(subject)
    assert await subject.claim_groups(worker, KEY) == [second]


async def test_without_the_preference_of_its_holder_a_kept_slot_goes_to_the_oldest(
    subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, first, second = await _in_backoff(subject)
    await subject.advance(LONG)
    await store.duties.promote(await subject.lead(), 10)
    preferring = "LIMIT CASE WHEN s.holders IS NULL THEN s.n ELSE 0 END"
    assert preferring in limit_claims.CLAIM_GROUPS
    monkeypatch.setattr(
        limit_claims, "CLAIM_GROUPS", limit_claims.CLAIM_GROUPS.replace(preferring, "LIMIT s.n")
    )
    assert second in await subject.claim_groups(worker, KEY), f"though {first} holds it"


async def test_a_holder_frees_its_slot_when_it_fails_for_good(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    worker, first, second = await _in_backoff(subject)
    await store.jobs.run_now([first], "ann")
    assert await subject.claim_groups(worker, KEY) == [first]
    await subject.finish(worker, first, 2, EXHAUSTED, limited=True)
    assert sql.execute(IN_USE).fetchall() == []
    assert await subject.claim_groups(worker, KEY) == [second]
