"""The limits of statements: said to the server when they change, and in force for each statement."""

import pytest

from corral.errors import CorralError, Refused
from corral.store import Store
from corral.store.postgres.database import DUTY, SHORT, Database, Limits

IN_FORCE = """
SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
       current_setting('idle_in_transaction_session_timeout')
"""
QUICK = Limits(statement=1.0, lock=1.0)


def as_told(limits: Limits) -> tuple[str, ...]:
    return (f"{limits.statement:.0f}s", f"{limits.lock:.0f}s", f"{limits.idle:.0f}s")


@pytest.fixture
async def database(database_url: str):
    """With one connection."""
    store = Store.open(database_url, pool_size=1)
    yield store.database
    await store.close()


async def in_force(database: Database, limits: Limits) -> tuple[str, ...]:
    return tuple((await database.run(IN_FORCE, limits=limits))[0])


async def test_every_statement_has_the_limits_that_it_was_given(database: Database):
    for limits in (DUTY, DUTY, SHORT, QUICK, DUTY, SHORT, SHORT):
        assert await in_force(database, limits) == as_told(limits)
        assert (await database.together((IN_FORCE, {}), (IN_FORCE, {}), limits=limits))[1] == [
            as_told(limits)
        ]


async def test_a_transaction_has_its_own_and_leaves_none_that_nobody_knows_of(database: Database):
    for limits in (SHORT, QUICK):
        async with database.transaction(limits) as transaction:
            assert await transaction.rows(IN_FORCE) == [as_told(limits)]
        assert await in_force(database, DUTY) == as_told(DUTY)


async def test_a_transaction_that_is_undone_leaves_its_limits_as_they_are_known(database: Database):
    with pytest.raises(CorralError):
        async with database.transaction(QUICK) as transaction:
            await transaction.rows("SELECT 1 / 0")
    assert await in_force(database, QUICK) == as_told(QUICK)


async def test_a_failed_statement_takes_its_limits_back_and_the_next_ones_say_them_again(database: Database):
    await in_force(database, SHORT)
    for _ in range(2):
        with pytest.raises(CorralError):
            await database.run("SELECT 1 / 0", limits=QUICK)
    assert await in_force(database, QUICK) == as_told(QUICK)
    with pytest.raises(Refused):
        await database.run("SELECT pg_sleep(30)", limits=QUICK)


async def test_limits_that_stay_are_not_said_again(database: Database, monkeypatch: pytest.MonkeyPatch):
    await in_force(database, DUTY)
    said = []
    pipeline = database._pipeline

    async def counted(driver, *steps, binary=False):
        said.append(steps)
        return await pipeline(driver, *steps, binary=binary)

    monkeypatch.setattr(database, "_pipeline", counted)
    await in_force(database, DUTY)
    assert not said, "one statement, alone"
    await in_force(database, SHORT)
    assert len(said) == 1
