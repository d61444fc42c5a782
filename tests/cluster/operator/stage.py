"""Stand-in workers in real pods: they turn not ready when they are asked to seal, as workers do.

The jobs they hold are numbers in the test; the leader's signal is written from them. Pods, probes,
ReplicaSets, the scale subresource and the Role are real; a real worker in its image is tested in
tests/cluster.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from tests.cluster.operator.kube import Kube, KubectlError
from tests.fixtures.waiting import eventually_async

from corral.dispatch import Dispatch
from corral.scaling.drain_request import DrainRequest, Order, Unseal
from corral.scaling.signal import QueueSignal, Signal, TypeSignal, WorkerSignal

IMAGE = os.environ.get("CORRAL_TEST_IMAGE", "busybox:1.37")
MEAN = 5.0
LOOK = 0.2
"""Seconds between two looks at a condition."""


class Stage:
    def __init__(self, kube: Kube, dispatch: Dispatch) -> None:
        self.kube, self.dispatch = kube, dispatch
        self.queued = 0
        self.holding: dict[str, int] = {}
        """Jobs by pod."""
        self.silent = False
        """Whether the leader says nothing."""
        self.deaf = False
        """Whether workers hear nothing."""
        self.slow = 0.0
        """Seconds that an answer takes, each worker's by itself."""
        self._obeying: dict[str, asyncio.Task[None]] = {}
        self.sealed: set[str] = set()
        self.interrupted: list[str] = []
        self._sequence = int(time.time())
        self._there: set[str] = set()

    def deploy(self, pod: dict[str, Any] | None = None, **template: Any) -> None:
        """The Deployment `w`; `pod` and `template` change its pods and their container."""
        container = {
            "name": "worker",
            "image": IMAGE,
            "command": ["sleep", "3600"],
            "readinessProbe": {
                "exec": {"command": ["test", "!", "-e", "/tmp/sealed"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
            },
            "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}},
        }
        labels = {"app": "w"}
        self.kube.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "w"},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container | template]}
                        | (pod or {}),
                    },
                },
            }
        )

    def pool(self, name: str = "io", **spec: Any) -> None:
        usual = {
            "scaleTargetRef": {"name": "w"},
            "queues": ["q"],
            "minReplicas": 0,
            "maxReplicas": 5,
            "slots": 2,
            "scaleDown": {"stabilizationSeconds": 0},
        }
        self.kube.apply(
            {
                "apiVersion": "corral.dev/v1alpha1",
                "kind": "WorkerPool",
                "metadata": {"name": name},
                "spec": usual | spec,
            }
        )

    def bounds(self, minimum: int, maximum: int) -> None:
        self.kube.patch("workerpool/io", {"spec": {"minReplicas": minimum, "maxReplicas": maximum}})

    async def occupy(self, workers: set[str], jobs: int) -> None:
        """Give workers so many jobs each, and wait until the operator has read of it."""
        self.holding = dict.fromkeys(workers, jobs)
        text = f"{jobs * len(workers)} jobs run"
        await until(
            lambda: text in self.kube.get("workerpool", "io")["status"]["reason"], "who is busy is known"
        )

    async def play(self) -> None:
        """What the leader and the workers do, a few times a second."""
        try:
            while True:
                with contextlib.suppress(KubectlError):
                    await self._beat()
                await asyncio.sleep(0.3)
        finally:
            for obeying in self._obeying.values():
                obeying.cancel()
            await asyncio.gather(*self._obeying.values(), return_exceptions=True)

    async def _beat(self) -> None:
        pods = await asyncio.to_thread(self.kube.pods)
        there = {one["metadata"]["name"] for one in pods}
        self.interrupted += [name for name in self._there - there if self.holding.get(name)]
        self._there = there
        up = {
            one["metadata"]["name"]
            for one in pods
            if any(c.get("started") for c in one["status"].get("containerStatuses", ()))
        }
        requests = {name: await self.dispatch.drain_requests.of(name) for name in up} if not self.deaf else {}
        for name, order in requests.items():
            under_way = self._obeying.get(name)
            if order is not None and (under_way is None or under_way.done()):
                self._obeying[name] = asyncio.create_task(self._obey(name, order))
        if not self.silent:
            await self._signal(
                up, {name for name, order in requests.items() if isinstance(order, DrainRequest)}
            )

    async def _obey(self, name: str, order: Order) -> None:
        """One order after the other, as a worker does, and no worker waits for another's."""
        with contextlib.suppress(KubectlError):
            if isinstance(order, DrainRequest) and order.nonce is not None and not self.holding.get(name):
                if name not in self.sealed:
                    await asyncio.to_thread(self.kube, "exec", name, "--", "touch", "/tmp/sealed")
                    self.sealed.add(name)
                await asyncio.sleep(self.slow)
                await self.dispatch.drain_requests.answer_seal(name, order.nonce)
            elif isinstance(order, Unseal) and name in self.sealed:
                await asyncio.to_thread(self.kube, "exec", name, "--", "rm", "-f", "/tmp/sealed")
                self.sealed.discard(name)

    async def _signal(self, up: set[str], draining: set[str]) -> None:
        self._sequence += 1
        running = sum(self.holding.get(name, 0) for name in up)
        queue = QueueSignal(
            queued=self.queued,
            running=running,
            oldest=1.0 if self.queued else 0.0,
            arrived=self.queued,
            work=self.queued * MEAN,
            types={"a": TypeSignal(100, MEAN, 1.0, 1.0 if self.queued else 0.0, running)},
        )
        workers = {
            name: WorkerSignal(
                id=name,
                running=self.holding.get(name, 0),
                state="draining" if name in draining else "active",
                alive_for=100.0,
            )
            for name in up
        }
        await self.dispatch.backlog.write(Signal(self._sequence, {"q": queue}, time.monotonic(), workers))


async def until(done: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """Wait for a condition that kubectl or the operator answers; it runs in a thread."""
    return await eventually_async(lambda: asyncio.to_thread(done), what, timeout=seconds, interval=LOOK)
