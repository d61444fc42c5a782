"""Waiting for an event or a time, and longer after each failure."""

import asyncio
from itertools import islice

import pytest

from corral.waiting import doubling, wait_for_event


def test_waits_double_up_to_the_longest():
    assert list(islice(doubling(0.1, 0.5), 5)) == [0.1, 0.2, 0.4, 0.5, 0.5]


async def test_an_event_that_is_set_ends_the_wait_at_once():
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await wait_for_event(event, 600)


@pytest.mark.parametrize("seconds", [0.0, 0.01])
async def test_without_the_event_the_time_ends_it(seconds: float):
    assert not await wait_for_event(asyncio.Event(), seconds)
