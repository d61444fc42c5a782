"""A group commit for tests: the real insert, held, counted or broken."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from corral.job.job import Accepted, NewJob
from corral.store import Store


class Gate:
    """The real insert behind a gate: counts the groups, and holds them while it is shut."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.groups: list[int] = []
        self.under_way = 0
        self.most = 0
        self.open = asyncio.Event()
        self.open.set()

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        self.groups.append(len(jobs))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
            return await self._store.jobs.insert(jobs)
        finally:
            self.under_way -= 1

    async def existing(self, ids: Sequence[UUID]) -> list[Accepted]:
        return await self._store.jobs.existing(ids)


class Broken(Gate):
    """Fails after it has stored a group, or before, where the culprit is in it."""

    def __init__(self, store: Store, *, after: bool, culprit: NewJob | None = None) -> None:
        super().__init__(store)
        self._after = after
        self._culprit = culprit

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        if not self._after and self._culprit in jobs:
            self.groups.append(len(jobs))
            raise KeyError("before anything was stored")
        accepted = await super().insert(jobs)
        if self._after:
            raise KeyError("after the commit")
        return accepted


async def stored(store: Store) -> int:
    return len((await store.jobs.page(limit=100_000)).items)
