"""Claims of groups read what they take, however many jobs wait in the group or in others."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import psycopg
from tests.integration.store.limits.limit_uses import ONE, group

from corral.ids import new_id
from corral.job.batch import Batch
from corral.job.limit_use import batch_key, group_of
from corral.job.priority import Priority
from corral.store import Store
from corral_testing.subject import Subject
from corral_testing.values import QUEUE, TYPE

WAITING, BOUND = 20_000, 500
COPIES = """
INSERT INTO corral.jobs (id, type, queue, priority, payload, state, retries, max_stalls, queued_at, limit_group, limits, costs)
SELECT uuidv7(), type, queue, priority, payload, state, retries, max_stalls, queued_at, limit_group, limits, costs
FROM corral.jobs, generate_series(1, %s) WHERE id = %s
"""
READ = """
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
"""
FLUSH = "SELECT pg_stat_force_next_flush()"
BATCHES = {TYPE: Batch(size=10, wait=60)}
OTHERS = {"another.type": Batch(size=10, wait=60)}
"""What a worker has that handles some type in batches, as each does that runs the shipped types."""


async def test_a_claim_of_groups_reads_what_it_takes_however_many_wait(
    subject: Subject, sql: psycopg.Connection
) -> None:
    store = subject.store
    assert isinstance(store, Store)
    await subject.declare("one", {"total": 5})
    sql.execute(COPIES, (WAITING, await subject.submit(uses=ONE)))
    key = batch_key(TYPE, "a")
    for _ in range(3):
        await subject.submit(batch=key)
    sql.execute("VACUUM ANALYZE corral.jobs")
    worker = await subject.worker()
    single, together = group(*ONE), group_of(QUEUE, Priority.NORMAL, [], key)

    async def claims(which: UUID, batches: dict[str, Batch]) -> None:
        await store.limit_claims.claim(worker, new_id(), {which: 2}, [TYPE], alone=False, batches=batches)

    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "a claim of a worker without batches": partial(claims, single, {}),
        "a claim of a worker that has types in batches": partial(claims, single, OTHERS),
        "a claim of a batch that is not full": partial(claims, together, BATCHES),
        "a look": partial(store.limit_claims.look, [single], alone=False),
        "a look of a worker that has types in batches": partial(
            store.limit_claims.look, [single, together], alone=False, batches=OTHERS
        ),
        "a look at a batch that is not full": partial(
            store.limit_claims.look, [together], alone=False, batches=BATCHES
        ),
    }
    for name, ask in questions.items():
        before = await _read(store, sql)
        await ask()
        assert (read := await _read(store, sql) - before) < BOUND, f"{name} read {read} rows"


async def _read(store: Store, sql: psycopg.Connection) -> int:
    """Rows that all statements read until now."""
    await store.database.hot(FLUSH, {})
    await store.database.run(FLUSH)
    sql.execute(FLUSH)
    sql.execute("SELECT pg_stat_clear_snapshot()")
    row = sql.execute(READ).fetchone()
    assert row is not None
    return int(row[0])
