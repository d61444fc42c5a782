"""Clients of the system: they submit through the engine, as publishers do, and note what they were promised."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from tests.fixtures.waiting import eventually

from corral.actions.jobs import JobActions
from corral.actions.queues import QueueActions
from corral.actions.submissions.bulk import SubmissionRefused
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.submit import Submitter
from corral.dispatch import Dispatch
from corral.errors import OutcomeUnknown, Unavailable
from corral.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's parts, opened for one call."""

    store: Store
    dispatch: Dispatch
    submitter: Submitter
    queues: QueueActions


@dataclass
class Client:
    """Calls the engine in this process, against these servers."""

    database_url: str
    redis_url: str
    accepted: list[UUID] = field(default_factory=list)
    """Jobs that were promised: stored, as far as a client can know."""

    def call(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """Run `work` with an engine of its own."""
        return asyncio.run(self._with_engine(work))

    def submit(self, count: int = 1, type: str = "faults.work", **payload: Any) -> list[UUID]:
        """Submit jobs of one kind, all in one commit."""
        submissions = [NewSubmission(type=type, payload=payload) for _ in range(count)]
        return self.call(lambda engine: self._submit(engine, submissions))

    def pause(self, queue: str) -> None:
        self.call(lambda engine: engine.queues.pause(queue, "tests"))

    def resume(self, queue: str) -> None:
        self.call(lambda engine: engine.queues.resume(queue, "tests"))

    def retry(self, ids: Sequence[UUID]) -> None:
        """Give those of the jobs that have ended a new life, as a person does; nothing where the servers are away."""

        async def work(engine: Engine) -> None:
            with suppress(Unavailable):
                await JobActions(engine.store, engine.dispatch).retry(ids, "tests")

        self.call(work)

    async def _submit(self, engine: Engine, submissions: list[NewSubmission]) -> list[UUID]:
        answers = await engine.submitter.submit_many(submissions)
        ids = [answer.id for answer in answers if not isinstance(answer, SubmissionRefused)]
        self.accepted += ids
        return ids

    async def _with_engine(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        async with AsyncExitStack() as stack:
            store = Store.open(self.database_url, application_name="faults client")
            stack.push_async_callback(store.close)
            dispatch = Dispatch.open(self.redis_url)
            stack.push_async_callback(dispatch.close)
            submitter = Submitter(store, dispatch)
            stack.push_async_callback(submitter.close)
            return await work(Engine(store, dispatch, submitter, QueueActions(store, dispatch)))


class Load:
    """Submits small groups, of which two jobs take of limits, without end while its `with` lasts; survives what the test does to the servers."""

    def __init__(self, client: Client, *, every: float = 0.1, count: int = 5, seconds: float = 0.05) -> None:
        self._client = client
        self._every = every
        beside = (
            NewSubmission(type="faults.limited", payload={"seconds": seconds, "how": how}) for how in "ab"
        )
        self._group = [*[NewSubmission(type="faults.work", payload={"seconds": seconds})] * count, *beside]
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._failure: BaseException | None = None
        self.submitted = 0
        """Jobs promised so far."""
        self.turned_away = 0
        """Groups that were refused for want of a server."""
        self.unknown: list[UUID] = []
        """Jobs of which nobody could say whether they were stored."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.until(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the load hangs"
        if self._failure is not None and error is None:
            raise self._failure

    def until(self, more: int, *, seconds: float = 30) -> None:
        """Wait until so many more jobs were promised."""
        goal = self.submitted + more
        eventually(lambda: self.submitted >= goal or not self._thread.is_alive(), timeout=seconds)
        assert self._thread.is_alive(), f"the load ended: {self._failure!r}"

    def _run(self) -> None:
        try:
            self._client.call(self._submit_on)
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            self._failure = error

    async def _submit_on(self, engine: Engine) -> None:
        while not self._enough.is_set():
            try:
                answers = await engine.submitter.submit_many(self._group)
            except OutcomeUnknown as error:
                self.unknown += error.ids
            except Unavailable:
                self.turned_away += 1
            else:
                self._client.accepted += [
                    answer.id for answer in answers if not isinstance(answer, SubmissionRefused)
                ]
                self.submitted += len(answers)
            await asyncio.sleep(self._every)
