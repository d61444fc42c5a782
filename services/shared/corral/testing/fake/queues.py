"""The fake's `queues`."""

from collections.abc import Sequence
from dataclasses import replace

from corral.errors import NotFound
from corral.store import Queue
from corral.testing.fake.memory import Memory


class FakeQueues:
    """See corral.store.queues."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def list(self) -> Sequence[Queue]:
        """All, by name."""
        return [self._memory.queues[name] for name in sorted(self._memory.queues)]

    async def get(self, name: str) -> Queue | None:
        """The queue of that name."""
        return self._memory.queues.get(name)

    async def name(self, names: Sequence[str]) -> None:
        """Make queues known."""
        for name in names:
            self._memory.name_queue(name)

    async def pause(self, name: str, actor: str) -> Queue:
        """No job of it is claimed any more."""
        queue = self._known(name)
        if not queue.paused:
            queue = replace(queue, paused_at=self._memory.clock.now(), paused_by=actor)
        self._memory.queues[name] = queue
        return queue

    async def resume(self, name: str, actor: str) -> Queue:  # noqa: ARG002  no audit of queues
        """Let its jobs be claimed again."""
        queue = replace(self._known(name), paused_at=None, paused_by=None)
        self._memory.queues[name] = queue
        return queue

    def _known(self, name: str) -> Queue:
        queue = self._memory.queues.get(name)
        if queue is None:
            raise NotFound("queue", name)
        return queue
