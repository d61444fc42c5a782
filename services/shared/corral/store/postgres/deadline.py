"""The deadline for an answer of Postgres: a connection on which nothing is heard in time is broken off.

TCP notices a machine that is gone. It does not notice a proxy that holds the connection open and has lost the
server behind it, and libpq would wait for it for ever. Cancelling the query would ask the same silent server.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial
from threading import Lock, Timer
from typing import Any, Protocol

import psycopg

ANSWER_MARGIN_SECONDS = 2.0
"""Seconds beyond the server's own limit for a statement, after which the server is taken for gone."""


class Cancellable(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Do not make the call."""


Later = Callable[[float, Callable[[], None]], Cancellable]
"""Makes a call after so many seconds, unless it is cancelled before."""


def on_the_loop(seconds: float, call: Callable[[], None]) -> Cancellable:
    """Make the call in the event loop that runs now."""
    return asyncio.get_running_loop().call_later(seconds, call)


def in_a_thread(seconds: float, call: Callable[[], None]) -> Cancellable:
    """Make the call in a thread of its own, for code without an event loop."""
    timer = Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer


class Deadline:
    """Breaks a connection off when nothing was heard on it in time."""

    def __init__(self, later: Later = on_the_loop, *, margin_seconds: float = ANSWER_MARGIN_SECONDS) -> None:
        self._later = later
        self._margin_seconds = margin_seconds
        self._lock = Lock()
        self._waiting: Cancellable | None = None
        self._questions = 0
        self.passed = False
        """Whether the connection was broken off."""

    def set(self, connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], seconds: float) -> None:
        """Begin to wait for an answer on this connection.

        Args:
            connection: an open one.
            seconds: the server's own limit for what it is asked; the deadline is a margin later.
        """
        self._connection, self._descriptor = connection, connection.fileno()
        self._seconds = seconds + self._margin_seconds
        self.begin_anew()

    def begin_anew(self) -> None:
        """An answer came, and the next one is awaited."""
        self.lift()
        self._waiting = self._later(self._seconds, partial(self._break_off, self._questions))

    def lift(self) -> None:
        """The last answer came: nothing is awaited."""
        with self._lock:
            self._questions += 1
            if self._waiting is not None:
                self._waiting.cancel()

    def _break_off(self, question: int) -> None:
        with self._lock:  # never after the answer: the descriptor may be another's by then
            if question != self._questions or self._connection.closed:
                return
            self.passed = True
            with socket.socket(fileno=os.dup(self._descriptor)) as ours:
                ours.shutdown(socket.SHUT_RDWR)
