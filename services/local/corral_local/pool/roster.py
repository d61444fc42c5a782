"""The workers of a local pool, in the table of workers."""

from collections import Counter
from collections.abc import Collection, Mapping
from uuid import UUID

from corral.store import Store, WorkerState

ACTOR = "corral up"
"""The actor in the audit for what the local system does by itself."""


class StoreRoster:
    """The workers of this `corral up` in Postgres."""

    def __init__(self, store: Store, before: Collection[UUID]) -> None:
        self._store, self._before = store, frozenset(before)

    @classmethod
    async def begin(cls, store: Store) -> "StoreRoster":
        """Begin, leaving out the workers that exist already: those of a killed run stay alive until their lease ends."""
        return cls(store, [worker.id for worker in await store.workers.list()])

    async def running(self) -> Mapping[str, int]:
        """Number of jobs that each living worker of this run holds, by its name."""
        held: Counter[str] = Counter()
        for worker in await self._store.workers.list():
            if worker.id not in self._before:
                held[worker.name] += worker.running
        return held

    async def drain(self, worker: str) -> bool:
        """Drain the worker of that name; returns whether it claimed until now."""
        claiming = [
            one.id
            for one in await self._store.workers.list()
            if one.name == worker and one.id not in self._before and one.state is WorkerState.ACTIVE
        ]
        for one in claiming:
            await self._store.workers.drain(one, ACTOR)
        return bool(claiming)
