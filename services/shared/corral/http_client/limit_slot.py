"""A slot of a limit for a program that is no handler: `with client.limit_slot("openai"): …`, or `async with`."""

import asyncio
import contextlib
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar, Token
from pathlib import PurePath
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from corral.api_problem import ApiProblem, Unreachable
from corral.errors import Conflict, LimitLost, LimitTimeout
from corral.http_client.api_request import path_of
from corral.ids import new_id
from corral.job.limit_use import name_of
from corral.waiting import doubling

NO_FREE_SLOT = "no-free-slot"
WAITS = (0.05, 1.0)
"""Seconds: first and longest wait before a limit without a free slot is asked again."""
AWAY = 500
"""The least status of a publisher, or of what stands before it, that is asked again."""
CALL_SECONDS = 5.0
"""How long one call may take: less than what is left of a lease that was just not renewed."""

_HELD: ContextVar[tuple[str, ...]] = ContextVar("corral_limit_slots", default=())
"""What this thread or task holds, by this module."""


class SlotCalls(Protocol):
    """What a slot needs of a client."""

    def call(self, method: str, path: str, *, body: Any = None, timeout: float = ...) -> Any:
        """One request below /api/v1, and its answer."""


def this_program() -> str:
    """What a program is called that gives itself no name: its file, its machine, its process."""
    name = PurePath(sys.argv[0] if sys.argv and sys.argv[0] else sys.executable).name or "python"
    printable = "".join(letter for letter in f"{name} on {socket.gethostname()}" if letter.isprintable())
    return f"{printable[:150]} (pid {os.getpid()})"


class LimitSlot:
    """A slot, held while a block runs; `client.limit_slot` makes it. Renewed by a thread of its own."""

    def __init__(
        self, calls: SlotCalls, limit: str, key: str | None, seconds: float | None, program: str
    ) -> None:
        self._calls, self._limit, self._key, self._program = calls, limit, key, program
        self._timeout = math.inf if seconds is None else seconds
        self._name = name_of(limit, key or "")
        self._id: UUID | None = None
        self._lease_seconds = self._renewed = 0.0
        self._token: Token[tuple[str, ...]] | None = None
        self._over = threading.Event()
        self._lost = threading.Event()
        self._renewing: threading.Thread | None = None
        self._body: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    @property
    def lost(self) -> bool:
        """Whether it could not be renewed for two thirds of its lease: others may hold it soon, or do."""
        return self._lost.is_set()

    def check(self) -> None:
        """Do nothing while it is held.

        Raises:
            LimitLost: it is not any more.
        """
        if self.lost:
            raise LimitLost(f"the slot of {self._name} could not be renewed in time, and others may hold it")

    def __enter__(self) -> Self:
        for wait in self._tries():
            if self._try():
                break
            time.sleep(wait)
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kept = self._end()
        if not kept and kind is None:
            self._lost.set()
            self.check()

    async def __aenter__(self) -> Self:
        for wait in self._tries():
            trying = asyncio.ensure_future(asyncio.to_thread(self._try))
            try:
                if await asyncio.shield(trying):
                    break
            except asyncio.CancelledError:
                trying.add_done_callback(self._unwanted)
                raise
            await asyncio.sleep(wait)
        body = asyncio.current_task()
        assert body is not None
        self._body = asyncio.get_running_loop(), body
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop_and_body, self._body = self._body, None
        kept = await asyncio.shield(asyncio.to_thread(self._end, reset=False))
        self._forget()
        if self.lost and kind is asyncio.CancelledError and loop_and_body is not None:
            if loop_and_body[1].uncancel() > 0:
                return  # told to stop for another reason, too
            self.check()
        if not kept and kind is None:
            self._lost.set()
            self.check()

    def _tries(self) -> Iterator[float]:
        """The waits between tries, until time is up; none where this thread or task holds it already."""
        held = _HELD.get()
        if self._name in held:
            return
        if held and self._name < max(held):
            raise Conflict(
                f"{self._name} stands before {max(held)}, which is held: limits are taken in the order of their names, so"
                " that no two programs wait for each other; take it first"
            )
        self._id = new_id()
        ends = time.monotonic() + self._timeout
        for wait in doubling(*WAITS):
            yield wait
            if time.monotonic() > ends:
                self._id = None
                raise LimitTimeout(f"the limit {self._name} had no free slot in time")

    def _try(self) -> bool:
        """Ask once; whether it is held now. Where no answer came, the next try asks with the same id."""
        body = {"id": str(self._id), "key": self._key, "program": self._program}
        self._renewed = time.monotonic()
        try:
            slot = self._calls.call(
                "POST", path_of("limits", self._limit, "slots"), body=body, timeout=CALL_SECONDS
            )
        except ApiProblem as error:
            if error.status < AWAY and error.slug != NO_FREE_SLOT:
                raise
            return False
        except Unreachable:
            return False
        self._lease_seconds = slot["lease_seconds"]
        return True

    def _begin(self) -> None:
        if self._id is None:
            return
        self._token = _HELD.set((*_HELD.get(), self._name))
        self._renewing = threading.Thread(target=self._renew, name=f"slot of {self._name}", daemon=True)
        self._renewing.start()

    def _end(self, *, reset: bool = True) -> bool:
        """Give it back; whether it was held until now."""
        if self._id is None:
            return True
        self._over.set()
        if self._renewing is not None:
            self._renewing.join(CALL_SECONDS)
        if reset:
            self._forget()
        return self._release() and not self.lost

    def _forget(self) -> None:
        if self._token is not None:
            _HELD.reset(self._token)
            self._token = None

    def _release(self) -> bool:
        try:
            self._calls.call(
                "DELETE", path_of("limits", self._limit, "slots", self._id), timeout=CALL_SECONDS
            )
        except ApiProblem as error:
            return error.status >= AWAY
        except Unreachable:
            pass  # it ends with its lease
        return True

    def _unwanted(self, trying: "asyncio.Future[bool]") -> None:
        """Give back what came for somebody who was told to stop waiting."""
        with contextlib.suppress(Exception):
            if trying.result():
                trying.get_loop().run_in_executor(None, self._release)

    def _renew(self) -> None:
        """Renew it at each third of its lease, and tell when that failed for two thirds."""
        while not self._over.wait(self._lease_seconds / 30):
            now = time.monotonic()
            if now - self._renewed > self._lease_seconds * 2 / 3:
                return self._lose()
            if now - self._renewed < self._lease_seconds / 3:
                continue
            try:
                path = path_of("limits", self._limit, "slots", self._id, "renew")
                self._calls.call("POST", path, timeout=CALL_SECONDS)
                self._renewed = now
            except ApiProblem as error:
                if error.status < AWAY:
                    return self._lose()
            except Unreachable:
                continue
        return None

    def _lose(self) -> None:
        self._lost.set()
        if (there := self._body) is not None:
            loop, body = there
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(body.cancel)
