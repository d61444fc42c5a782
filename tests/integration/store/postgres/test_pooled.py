"""Behind a pooler of connections nothing outlives its transaction (CORRAL_DATABASE_DIRECT_URL)."""

import psycopg

from corral.ids import new_id
from corral.store import Store
from corral.store.postgres.database import BY_KEY, HOT


async def test_a_pooled_store_leaves_nothing_on_its_connections(database_url: str) -> None:
    names = sorted(BY_KEY | HOT.settings)
    with psycopg.connect(database_url) as fresh:
        before = {name: fresh.execute(f"SHOW {name}").fetchone() for name in names}
    store = Store.open(database_url, pool_size=1, pooled=True)
    try:
        claim, step = new_id(), ("SELECT current_setting('enable_seqscan')", {})
        assert await store.claims.claimed_under(claim) == []
        assert await store.database.hot_together(step, step) == [[("off",)], [("off",)]]
        for pool in (store.database._pool, store.database._hot):
            async with pool.connection(5) as driver:
                after = {}
                for name in names:
                    after[name] = await (await driver.execute(f"SHOW {name}")).fetchone()
                assert after == before
                kept = await driver.execute("SELECT count(*) FROM pg_prepared_statements")
                assert await kept.fetchone() == (0,)
    finally:
        await store.close()
