"""The fixtures that other tests stand on."""

import psycopg
import pytest
import redis
from tests.fixtures.waiting import eventually, eventually_async


def test_each_test_has_an_empty_database_of_its_own(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert found == (0,)
        connection.execute("CREATE TABLE public.left_behind ()")


test_and_so_has_the_next_one = test_each_test_has_an_empty_database_of_its_own


def test_each_test_has_an_empty_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


test_and_so_has_the_next_test_of_redis = test_each_test_has_an_empty_redis


def test_waiting_ends_with_the_first_true_value() -> None:
    values = iter([0, None, 3, 4])
    assert eventually(lambda: next(values)) == 3


def test_waiting_in_vain_shows_the_condition_and_its_last_value() -> None:
    with pytest.raises(AssertionError, match=r"(?s)never_true.*last value: 0"):
        eventually(never_true, timeout=0.05)


def never_true() -> int:
    return 0


def test_a_failed_assertion_means_not_yet_and_other_errors_pass() -> None:
    values = iter([1, 2])

    def two() -> bool:
        assert next(values) == 2
        return True

    assert eventually(two)
    with pytest.raises(StopIteration):
        eventually(two)


async def test_waiting_in_a_loop_takes_coroutine_functions_too() -> None:
    values = iter([0, 7])

    async def value() -> int:
        return next(values)

    assert await eventually_async(value) == 7
    with pytest.raises(AssertionError, match="last value: False"):
        await eventually_async(lambda: False, timeout=0.05)
