"""The pool's view of the workers table."""

from collections import Counter
from collections.abc import Collection, Mapping
from uuid import UUID

from corral.store import Store, WorkerState

ACTOR = "corral up"
"""Whom the audit names for what the local system does by itself."""


class StoreRoster:
    """The workers of this run, as Postgres knows them."""

    def __init__(self, store: Store, before: Collection[UUID]) -> None:
        self._store, self._before = store, frozenset(before)

    @classmethod
    async def begin(cls, store: Store) -> "StoreRoster":
        """Leave out the workers that are there already: a killed run's live on until their lease ends."""
        return cls(store, [worker.id for worker in await store.workers.list()])

    async def running(self) -> Mapping[str, int]:
        """Jobs that each living worker of this run holds, by its name."""
        held: Counter[str] = Counter()
        for worker in await self._store.workers.list():
            if worker.id not in self._before:
                held[worker.name] += worker.running
        return held

    async def drain(self, worker: str) -> bool:
        """Let the worker of that name claim no more; whether it did until now."""
        claiming = [
            one.id
            for one in await self._store.workers.list()
            if one.name == worker and one.id not in self._before and one.state is WorkerState.ACTIVE
        ]
        for one in claiming:
            await self._store.workers.drain(one, ACTOR)
        return bool(claiming)
