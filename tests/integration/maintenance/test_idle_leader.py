"""What a leader with nothing to do asks of Postgres and Redis: little, and less than once a second for each duty."""

import asyncio
import time

import psycopg
import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import eventually_async

from corral.dispatch import Dispatch
from corral.maintenance.run import run
from corral.query_budget import QueryBudget
from corral.settings import Settings
from corral.store import Store

ROUNDS = 10
"""Signals in the span that is counted: the leader publishes one a second."""
STATEMENTS_PER_SECOND = 16.0
"""Of these the backlog takes 5 and the look for all duties 2. Each duty by itself took 60."""
COMMANDS_PER_SECOND = 8.0
"""Of the leader; what scripts do in Redis is not counted. The signal takes 2; each of its counts by itself took 6."""


async def test_an_idle_leader_sends_few_statements_and_commands(
    store: Store,
    dispatch: Dispatch,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
):
    sent = {"statements": 0, "commands": 0}
    execute, command = psycopg.AsyncConnection.execute, Redis.execute_command

    async def counted(self, *arguments, **options):
        sent["statements"] += 1
        return await execute(self, *arguments, **options)

    async def called(self, *arguments, **options):
        sent["commands"] += 1
        return await command(self, *arguments, **options)

    async def signals() -> int:
        signal = await dispatch.backlog.read()
        return signal.sequence if signal is not None else 0

    # Who is slow to answer is asked less often, but then each duty asks for itself.
    monkeypatch.setattr(QueryBudget, "took", lambda _budget, _seconds: None)
    settings = Settings(database_url=database_url, redis_url=redis_url)
    stop = asyncio.Event()
    leading = asyncio.create_task(run(store, dispatch, settings, stop))
    try:
        first = await eventually_async(signals)
        begun = await eventually_async(lambda: at_least(signals, first + ROUNDS))
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", counted)
        monkeypatch.setattr(Redis, "execute_command", called)
        since, looks = time.monotonic(), 0

        async def so_far() -> bool:
            nonlocal looks
            looks += 1
            return await signals() >= begun + ROUNDS

        await eventually_async(so_far)
        seconds = time.monotonic() - since
    finally:
        stop.set()
        await leading
    assert sent["statements"] >= ROUNDS, "something is counted"
    assert sent["statements"] <= STATEMENTS_PER_SECOND * seconds
    assert ROUNDS <= sent["commands"] - looks <= COMMANDS_PER_SECOND * seconds


async def at_least(signals, sequence: int) -> int | None:
    seen = await signals()
    return seen if seen >= sequence else None
