"""The fake's `queues`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from corral.errors import NotFound
from corral.job.mail_hold import HOLDER
from corral.job.state import State
from corral.store import StoredQueue
from corral_testing.fake.memory import Memory


class FakeQueues:
    """See corral.store.registry.queues."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def list(self) -> Sequence[StoredQueue]:
        """All, by name."""
        return [self._memory.queues[name] for name in sorted(self._memory.queues)]

    async def get(self, name: str) -> StoredQueue | None:
        """The queue of that name."""
        return self._memory.queues.get(name)

    async def name(self, names: Sequence[str]) -> None:
        """Make queues known."""
        for name in names:
            self._memory.name_queue(name)

    async def pause(self, name: str, actor: str) -> StoredQueue:
        """No job of it is claimed any more."""
        queue = self._known(name)
        if not queue.paused or queue.paused_by == HOLDER:
            queue = replace(queue, paused_at=queue.paused_at or self._memory.clock.now(), paused_by=actor)
        self._memory.queues[name] = queue
        return queue

    async def resume(self, name: str, actor: str) -> StoredQueue:  # noqa: ARG002  no audit of queues
        """Let its jobs be claimed again."""
        queue = replace(self._known(name), paused_at=None, paused_by=None)
        self._memory.queues[name] = queue
        return queue

    async def clean(
        self,
        name: str,
        states: Sequence[State],
        older_than: float,
        actor: str,  # noqa: ARG002  no audit of queues
        *,
        limit: int = 5000,
    ) -> Sequence[UUID]:
        """Remove ended jobs that ended long enough ago, and what belongs to them."""
        self._known(name)
        memory = self._memory
        before: datetime = memory.clock.now() - timedelta(seconds=older_than)
        gone = [
            row.id
            for row in memory.in_state([state for state in states if state.terminal])
            if row.new.queue == name and row.finished_at is not None and row.finished_at <= before
        ][:limit]
        for id in gone:
            del memory.jobs[id]
        memory.attempts = {key: kept for key, kept in memory.attempts.items() if key[0] not in gone}
        return gone

    def _known(self, name: str) -> StoredQueue:
        queue = self._memory.queues.get(name)
        if queue is None:
            raise NotFound("queue", name)
        return queue
