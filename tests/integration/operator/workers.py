"""Workers and a leader that do what the real ones do, as slowly as a test wants, on a real Redis."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.integration.operator.kubernetes import Kubernetes, StandIn

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.scaling.drain_request import DrainRequest, Unseal
from corral.scaling.signal import QueueSignal, Signal, WorkerSignal


class Workers:
    """One task for each pod; another for the leader."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        dispatch: Dispatch,
        *,
        hears: Callable[[], float] = lambda: 0.0,
        tells: Callable[[], float] = lambda: 0.0,
        period: float = 0.1,
        drained: bool = True,
    ) -> None:
        """`drained`: whether the leader makes drains true; a worker that does not drain does not answer."""
        self.kubernetes, self.dispatch = kubernetes, dispatch
        self.hears, self.tells, self._period = hears, tells, period
        self.deaf: set[str] = set()
        """They hear nothing."""
        self._drained = drained
        self._sequence = int(time.time())
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._leader = asyncio.create_task(self._lead())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [self._leader, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lead(self) -> None:
        while True:
            for name, pod in self.kubernetes.pods.items():
                if name not in self._tasks:
                    self._tasks[name] = asyncio.create_task(self._work(pod))
            with contextlib.suppress(Unavailable):
                requested = await self.dispatch.drain_requests.all()
                drained = requested["io"].workers if "io" in requested and self._drained else frozenset()
                workers = {
                    name: WorkerSignal(name, one.jobs, "draining" if name in drained else "active", 100.0)
                    for name, one in self.kubernetes.pods.items()
                }
                self._sequence += 1
                await self.dispatch.backlog.write(
                    Signal(self._sequence, {"q": QueueSignal()}, time.monotonic(), workers)
                )
            await asyncio.sleep(self._period)

    async def _work(self, pod: StandIn) -> None:
        """As `corral_worker.lifecycle.drain_requests`: look, seal, answer, one after the other."""
        while pod.name in self.kubernetes.pods:
            order = None
            if pod.name not in self.deaf:
                with contextlib.suppress(Unavailable):
                    order = await self.dispatch.drain_requests.of(pod.name)
                await asyncio.sleep(self.hears())
            match order:
                case DrainRequest(nonce=str(nonce)) if self._drained and not pod.jobs:
                    self._seal(pod, True)
                    await asyncio.sleep(self.tells())
                    with contextlib.suppress(Unavailable):
                        await self.dispatch.drain_requests.answer_seal(pod.name, nonce)
                case Unseal():
                    self._seal(pod, False)
            await asyncio.sleep(self._period / 2)

    def _seal(self, pod: StandIn, sealed: bool) -> None:
        if pod.sealed != sealed:
            pod.sealed, pod.ready = sealed, not sealed
            self.kubernetes.changed()
