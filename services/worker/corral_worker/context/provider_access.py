"""The way to providers, which the attempts of one worker share: permits right before the bytes, and doors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Final
from uuid import UUID

from corral import metrics
from corral.actions.limits.budget_request import AWAY_SECONDS
from corral.actions.limits.call_budgets import CallBudgets
from corral.actions.limits.provider_permits import ProviderPermit, ProviderPermits
from corral.errors import BudgetExhausted, Conflict, CorralError, Discard, ProviderBusy, Retry, Unavailable
from corral.provider.budgets import BYTES_LIMIT, DAY_LIMIT
from corral.provider.values import ProviderValues
from corral.store import Store
from corral.store.registry.providers import ProviderLook
from corral_worker.own_process.event_loop import as_worker

KNOWN_SECONDS: Final = 5.0
"""For how long what was read of a provider is good enough to refuse wrong requests."""
LOOK_SECONDS: Final = 0.5
"""For how long it is believed that an attempt holds its job, and that the provider is not to be left alone."""
HELD_SECONDS: Final = 5.0
"""The same at the very end, however long the permit took: much less than a lease."""
DOOR_SECONDS: Final = 1.0
"""How long a request waits on an open connection for its permit; then the connection is given up."""
DOORS: Final = 4
"""Requests to one provider that have a connection and wait for their permit, in one worker."""
LATE_PERMITS: Final = 50
"""Permits that came too late to be used, after which a job is tried again later."""
LEAST_WAIT: Final = 0.1
SHORT_WAIT: Final = 5.0
"""Seconds that a request waits for a budget of a day, rather than that its job does."""
WHY: Final = {DAY_LIMIT: "its requests of a day are used up", BYTES_LIMIT: "its bytes of a day are used up"}
"""Why there is no permit."""


class NoPermitYet(CorralError):
    """There was no permit in time for a connection that waits."""

    def __init__(self, after: float) -> None:
        self.after = after
        super().__init__(f"there may be one in {after:.1f} s")


class Door:
    """One of the few places before a provider, held until the request is on its way."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._inside = True

    def leave(self) -> None:
        """Let the next one in; does nothing the second time."""
        if self._inside:
            self._inside = False
            self._places.release()


class ProviderAccess:
    """What the attempts of one worker share about providers. Belongs to its event loop."""

    def __init__(self, store: Store, budgets: CallBudgets) -> None:
        self.store = store
        self.permits = ProviderPermits(budgets)
        self._known: dict[str, tuple[float, ProviderValues]] = {}
        self._doors: dict[str, asyncio.Semaphore] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def values(self, provider: str) -> ProviderValues:
        """What is in force for a provider, a few seconds ago at most.

        Raises:
            Discard: there is none of that name.
        """
        known = self._known.get(provider)
        if known is None or monotonic() - known[0] > KNOWN_SECONDS:
            found = await self.store.providers.get(provider)
            if found is None:
                raise unknown(provider)
            known = self._known[provider] = (monotonic(), found.values)
        return known[1]

    @asynccontextmanager
    async def door(self, provider: str) -> AsyncIterator[Door]:
        """Wait for one of the few places before a provider."""
        places = self._doors.setdefault(provider, asyncio.Semaphore(DOORS))
        await places.acquire()
        door = Door(places)
        try:
            yield door
        finally:
            door.leave()

    async def look(self, provider: str, job: UUID, attempt: int) -> ProviderLook:
        """The provider as it is now.

        Raises:
            Discard: there is none of that name.
            Conflict: the attempt no longer holds the job.
            ProviderBusy: it is to be left alone.
        """
        look = await self.store.providers.look(provider, job, attempt)
        if look is None:
            raise unknown(provider)
        if not look.held:
            raise Conflict(f"attempt {attempt} no longer holds job {job}")
        if look.parked_for > 0:
            raise ProviderBusy(provider, "it has too much to do", max(look.parked_for, LEAST_WAIT))
        return look

    async def permit(
        self, provider: str, look: ProviderLook, looked: float, attempt: tuple[UUID, int]
    ) -> ProviderPermit:
        """A permit that may be used now, for an attempt that holds its job; `looked` is when that was seen.

        Raises:
            NoPermitYet: there is none for now.
            Retry: many came too late.
            Discard, Conflict, ProviderBusy: as `look` does, and where a budget of a day is used up.
        """
        for _ in range(LATE_PERMITS):
            if monotonic() - looked > LOOK_SECONDS:
                began = monotonic()
                look, looked = await self.look(provider, *attempt), began
            try:
                permit = await as_worker(self.permits.take(provider, look.provider.values, DOOR_SECONDS))
            except BudgetExhausted as error:
                if error.name in WHY and error.after > SHORT_WAIT:
                    raise ProviderBusy(provider, WHY[error.name], error.after) from None
                raise NoPermitYet(error.after) from None
            except Unavailable:
                raise NoPermitYet(AWAY_SECONDS) from None
            now = monotonic()
            if now <= permit.good_until and now - looked <= HELD_SECONDS:
                return permit
            metrics.PROVIDER_PERMITS_LATE.labels(provider).inc()
            await as_worker(self.permits.give_back(permit, late=True))
        raise Retry(
            f"provider {provider}: {LATE_PERMITS} permits took longer to come than its transit allows; raise it"
        )

    def answered(self, permit: ProviderPermit) -> None:
        """Tell, beside what the attempt does, that an answer came."""
        task = asyncio.ensure_future(as_worker(self.permits.answered(permit)))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        """Tell what is left to be told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.gather(*self._telling, return_exceptions=True)


def unknown(provider: str) -> Discard:
    """The error that there is no such provider."""
    return Discard(
        f"there is no provider {provider}; corral providers set {provider} url=https://... makes it"
    )
