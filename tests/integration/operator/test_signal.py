"""The signal as the operator believes it, read from a real Redis."""

import pytest
import redis

from corral.dispatch import Dispatch
from corral.scaling.signal import LOST_SECONDS, Signal
from corral_operator.reconcile import Reconciler


@pytest.fixture
async def reading(redis_url):
    """The dispatch and the reader of one operator; nothing here asks Kubernetes."""
    dispatch = Dispatch.open(redis_url)
    yield dispatch, Reconciler(None, dispatch, None, None)
    await dispatch.close()


async def test_a_signal_that_was_wiped_counts_until_it_is_old(reading, redis_url):
    dispatch, rounds = reading
    assert await rounds._signal(1000.0) is None, "never zero"
    await dispatch.backlog.write(Signal(7, {}))
    assert (await rounds._signal(1001.0)).sequence == 7
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert (await rounds._signal(1002.0)).sequence == 7
    assert (await rounds._signal(1001.0 + LOST_SECONDS)).sequence == 7
    assert await rounds._signal(1001.1 + LOST_SECONDS) is None
    await dispatch.backlog.write(Signal(8, {}))
    assert (await rounds._signal(1002.0 + LOST_SECONDS)).sequence == 8


async def test_a_signal_that_stands_still_is_lost(reading):
    dispatch, rounds = reading
    await dispatch.backlog.write(Signal(7, {}))
    assert await rounds._signal(1000.0) is not None
    assert await rounds._signal(1000.1 + LOST_SECONDS) is None


async def test_redis_that_is_away_is_no_news(redis_url, own_valkey):
    dispatch = Dispatch.open(own_valkey.url)
    rounds = Reconciler(None, dispatch, None, None)
    await dispatch.backlog.write(Signal(7, {}))
    assert await rounds._signal(1000.0) is not None
    own_valkey.stop()
    assert (await rounds._signal(1001.0)).sequence == 7
    assert await rounds._signal(1000.1 + LOST_SECONDS) is None
    await dispatch.close()
