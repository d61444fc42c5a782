"""Retention, log caps, sweeping."""

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from corral.catalog.record import TypeRecord
from corral.errors import InvalidInput, LeaseLost
from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import NewLogLine, Store
from corral.store.attempts.logs import Logs
from corral_testing.conformance.deciding import decision
from corral_testing.subject import EXHAUSTED, SUCCEEDED, Subject
from corral_testing.values import QUEUE, TYPE

HOUR, DAY = 3600.0, 86400.0


def _type(finished: dict, failed: dict) -> TypeRecord:
    options = {"queue": QUEUE, "keep_finished": finished, "keep_failed": failed}
    return TypeRecord(name=TYPE, payload_schema=None, result_schema=None, options=options, version="1+a")


async def _ended(subject: Subject, number: int, outcome=SUCCEEDED) -> list:
    worker = await subject.worker()
    ids = [await subject.submit() for _ in range(number)]
    await subject.running(worker, *ids)
    await subject.store.attempts.finish(worker, [Finished(id, 1, outcome) for id in ids])
    return ids


async def _age(sql: psycopg.Connection, ids: list, seconds: float) -> None:
    """Make jobs older, ids included, as if they had been submitted and ended that long ago."""
    sql.execute(
        """
        UPDATE corral.jobs SET finished_at = finished_at - %(s)s * interval '1 second',
            id = (lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - (%(s)s * 1000)::bigint), 12, '0')
                  || right(replace(id::text, '-', ''), 20))::uuid
        WHERE id = ANY(%(ids)s)
        """,
        {"ids": ids, "s": seconds},
    )


async def _left(store: Store) -> int:
    return len((await store.jobs.page(limit=500)).items)


async def test_queue_and_installation_say_how_long_where_the_type_does_not(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    silent = TypeRecord(
        name=TYPE, payload_schema=None, result_schema=None, options={"queue": QUEUE}, version="1"
    )
    await store.types.register([silent])
    term = await subject.lead()
    await _age(sql, await _ended(subject, 3), 2 * HOUR)
    await _ended(subject, 4)
    assert await store.duties.retain(term) == 0
    assert await store.duties.retain(term, installation={"keep_finished": {"seconds": HOUR}}) == 3
    await store.queues.patch(QUEUE, {}, "ann", defaults={"keep_finished": {"count": 1}})
    assert await store.duties.retain(term, installation={"keep_finished": {"seconds": HOUR}}) == 3
    await store.queues.patch(QUEUE, {"keep_finished": {"count": 0}}, "ann")
    assert await store.duties.retain(term) == 1


async def test_jobs_go_when_they_are_old_enough_for_their_state(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await store.types.register([_type({"seconds": HOUR}, {"seconds": DAY})])
    term = await subject.lead()
    await _age(sql, await _ended(subject, 5), 2 * HOUR)
    await _age(sql, await _ended(subject, 3, EXHAUSTED), 2 * HOUR)
    await _ended(subject, 2)
    await subject.submit()
    assert await store.duties.retain(term) == 5
    assert await _left(store) == 6
    sql.execute("UPDATE corral.jobs SET finished_at = finished_at - interval '2 days' WHERE state = 'failed'")
    await _age(
        sql, [row[0] for row in sql.execute("SELECT id FROM corral.jobs WHERE state = 'failed'")], 2 * DAY
    )
    assert await store.duties.retain(term) == 3
    assert await store.duties.retain(term) == 0


async def test_the_newest_stay_where_a_count_is_kept(subject: Subject, store: Store) -> None:
    await store.types.register([_type({"count": 3}, {"count": 0})])
    ids = await _ended(subject, 8)
    await _ended(subject, 2, EXHAUSTED)
    assert await store.duties.retain(await subject.lead()) == 7
    assert [job.id for job in (await store.jobs.page()).items] == ids[:-4:-1]


async def test_a_type_that_says_nothing_is_kept_as_by_default(subject: Subject, store: Store) -> None:
    await _ended(subject, 3)
    assert await store.duties.retain(await subject.lead()) == 0


async def test_a_round_removes_no_more_than_its_limit_and_all_in_the_end(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await store.types.register([_type({"seconds": HOUR}, {})])
    term = await subject.lead()
    young = await _ended(subject, 45)  # ended a moment ago, submitted long ago: looked at and left
    await _age(sql, young, 3 * HOUR)
    sql.execute("UPDATE corral.jobs SET finished_at = now()")
    old = await _ended(subject, 25)
    await _age(sql, old, 2 * HOUR)
    rounds = [await store.duties.retain(term, 4) for _ in range(40)]
    assert max(rounds) <= 4
    assert sum(rounds) == 25
    assert await _left(store) == 45


async def test_what_belongs_to_a_job_goes_with_it(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await store.types.register([_type({}, {"count": 0})])
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    await store.attempts.append_logs([NewLogLine(id, 1, datetime.now(UTC), "a line")])
    artifact = await store.artifacts.put(id, 1, "a.txt", "text/plain", b"text")
    assert await store.artifacts.publish(id, 1, [artifact])
    await subject.finish(worker, id, 1, EXHAUSTED)
    term = await subject.lead()
    assert await store.artifacts.sweep(term) == 0
    assert await store.duties.retain(term) == 1
    assert await store.artifacts.sweep(term) == 1
    for table in ("jobs", "attempts", "job_logs", "artifacts", "artifact_chunks"):
        assert sql.execute(f"SELECT count(*) FROM corral.{table}").fetchone() == (0,), table


async def test_an_old_term_removes_nothing(subject: Subject, store: Store) -> None:
    await store.types.register([_type({"count": 0}, {})])
    await _ended(subject, 2)
    old = await subject.lead()
    await subject.lead()
    for duty in (
        store.duties.retain,
        store.duties.fold_stats,
        store.duties.sweep_sessions,
        store.artifacts.sweep,
    ):
        with pytest.raises(LeaseLost):
            await duty(old)
    assert await _left(store) == 2


async def test_cleaning_takes_what_was_asked_for(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await _ended(subject, 3)
    failed = await _ended(subject, 4, EXHAUSTED)
    await subject.submit()
    assert await store.queues.clean(QUEUE, [State.FAILED, State.QUEUED], 60, "ann") == []
    assert sorted(await store.queues.clean(QUEUE, [State.FAILED], 0, "ann", limit=3)) == sorted(failed[:3])
    assert len(await store.queues.clean(QUEUE, [State.FAILED, State.COMPLETED], 0, "ann")) == 4
    assert await _left(store) == 1
    entry = (await store.audit.page(kind="queue", subject=QUEUE))[0]
    assert (entry.action, entry.actor, entry.details["removed"]) == ("clean", "ann", 4)


async def test_log_lines_come_back_in_order(subject: Subject, store: Store) -> None:
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    for batch in range(3):
        lines = [
            NewLogLine(id, 1, datetime.now(UTC), f"line {batch * 4 + n}\0\ud800", {"n": n, "odd": object})
            for n in range(4)
        ]
        answer = await store.attempts.append_logs(lines)
        assert (answer.fenced, answer.truncated) == (frozenset(), frozenset())
    found = await store.jobs.logs(id)
    assert [line.text for line in found] == [f"line {n}\ufffd?" for n in range(12)]
    assert [line.seq for line in await store.jobs.logs(id, after_seq=9, limit=2)] == [10, 11]
    assert found[1].fields == {"n": 1, "odd": "<class 'object'>"}


async def test_a_log_stops_at_its_cap(subject: Subject, store: Store) -> None:
    short = Logs(store.database, max_lines=5)
    worker, id, other = await subject.worker(), await subject.submit(), await subject.submit()
    await subject.running(worker, id, other)
    lines = [NewLogLine(id, 1, datetime.now(UTC), "x") for _ in range(7)]
    answer = await short.append_logs([*lines, NewLogLine(other, 1, datetime.now(UTC), "y")])
    assert answer.truncated == {id}
    assert len(await store.jobs.logs(id)) == 5
    answer = await Logs(store.database, max_bytes=3).append_logs(
        [NewLogLine(other, 1, datetime.now(UTC), "long")]
    )
    assert answer.truncated == {other}


async def test_an_old_attempt_logs_nothing(subject: Subject, store: Store) -> None:
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    line = NewLogLine(id, 2, datetime.now(UTC), "too early")
    assert (await store.attempts.append_logs([line])).fenced == {id}
    assert await store.jobs.logs(id) == []


async def test_decisions_go_when_they_are_old_or_too_many(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    term, decisions = await subject.lead(), [decision(number=number) for number in range(6)]
    await store.scaling.add(decisions, term)
    sql.execute("UPDATE corral.scaling_decisions SET at = now()")
    assert await store.scaling.forget(term) == 0
    sql.execute(
        "UPDATE corral.scaling_decisions SET at = now() - interval '31 days' WHERE id = ANY(%s)",
        ([one.id for one in decisions[:2]],),
    )
    assert await store.scaling.forget(term, 1) == 1
    assert await store.scaling.forget(term) == 1
    assert await store.scaling.forget(term, keep=3) == 1
    page = await store.scaling.page("io")
    assert [one.id for one in page.items] == [one.id for one in decisions[:2:-1]]
    await subject.lead()
    with pytest.raises(LeaseLost):
        await store.scaling.forget(term)


async def test_a_decision_that_postgres_cannot_hold_is_refused(subject: Subject, store: Store) -> None:
    term = await subject.lead()
    with pytest.raises(InvalidInput):
        await store.scaling.add([decision(number=1), replace(decision(), after=2**40)], term)
    odd = replace(decision(), reason="a\0b\ud800" + "c" * 5000)
    assert await store.scaling.add([odd], term) == 1
    assert len((await store.scaling.page("io")).items[0].reason) == 1000


async def test_the_audit_is_forgotten_from_the_oldest_on_in_bounded_pieces(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    term = await subject.lead()
    for name in ("a", "b", "c", "d", "e"):
        await store.queues.name([name])
        await store.queues.pause(name, "ann")
    sql.execute("UPDATE corral.audit SET at = at - interval '31 days' WHERE subject < 'd'")
    assert [await store.audit.forget(term, 30, limit) for limit in (2, 2, 2)] == [2, 1, 0]
    assert [entry.subject for entry in await store.audit.page()] == ["e", "d"]
    await subject.lead()  # a later term
    with pytest.raises(LeaseLost):
        await store.audit.forget(term, 0, 100)
    assert len(await store.audit.page()) == 2
