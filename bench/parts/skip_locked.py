"""The queue that a team writes first, beside Corral under a held snapshot: `bench.peers.skip_locked`."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

import psycopg

from bench.measuring.child import Command, python, started
from bench.measuring.span import Span, look
from bench.peers.skip_locked import ADD, CREATE
from bench.servers import Servers

TABLE = "queue"
LOOK = 0.5


def spans(
    places: Mapping[str, Servers],
    seconds: float,
    waiting: int,
    *,
    held: str,
    snapshot: Callable[[str, str], AbstractContextManager[None]],
) -> dict[str, Span]:
    """One in each place, all at the same time, with a snapshot held in one."""
    with ExitStack() as stack:
        watches: dict[str, psycopg.Connection] = {}
        for name, place in places.items():
            place.reset()
            watches[name] = stack.enter_context(psycopg.connect(place.dsn(), autocommit=True))
            watches[name].execute(CREATE)
            watches[name].execute(ADD, (waiting,))
        stack.enter_context(snapshot(places[held].dsn(), TABLE))
        commands = {
            name: Command(python("bench.peers.skip_locked"), {"DSN": place.dsn()})
            for name, place in places.items()
        }
        children = stack.enter_context(started(commands))
        began = _now(watches[held])
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for child in children.values():
                child.check()
            time.sleep(LOOK)
        return {name: look(watch, TABLE, began, seconds) for name, watch in watches.items()}


def _now(connection: psycopg.Connection) -> float:
    row = connection.execute("SELECT date_part('epoch', now())").fetchone()
    assert row is not None
    return float(row[0])
