"""Permits to send a provider one request: of every budget that its row names, or of none (ADR 29)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from corral.actions.limits.budget_request import BudgetRequest
from corral.actions.limits.call_budgets import BudgetTake, CallBudgets
from corral.provider.budgets import BYTES_LIMIT, DECLARED, SECOND_LIMIT, budgets_of
from corral.provider.values import ProviderValues
from corral.store.limits.budget_notes import terms_of


@dataclass(slots=True)
class ProviderPermit:
    """What was taken for one request."""

    takes: dict[str, BudgetTake] = field(default_factory=dict)
    """By the rate that it was taken of."""

    @property
    def good_until(self) -> float:
        """The reading of the clock after which the request must not be sent."""
        return min((take.good_until for take in self.takes.values()), default=math.inf)


class ProviderPermits:
    """Takes of the budgets of providers, for one process. Belongs to the event loop."""

    def __init__(self, budgets: CallBudgets, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._budgets = budgets
        self._clock = clock

    async def take(self, provider: str, values: ProviderValues, seconds: float) -> ProviderPermit:
        """Take of every budget, waiting so many seconds for each at most; that of a second comes last.

        Raises:
            BudgetExhausted: one had not enough in time; nothing is taken of the others.
            Unavailable: Redis or Postgres was away for all of the time.
        """
        permit = ProviderPermit()
        try:
            for limit, said in budgets_of(values).items():
                cost = float(values.max_bytes) if limit == BYTES_LIMIT else 1.0
                terms = terms_of({**DECLARED[limit], **said})
                asked = BudgetRequest(limit, provider, cost, terms, terms_given=True)
                permit.takes[limit] = await self._budgets.take_as(asked, self._clock() + seconds)
        except BaseException:
            await self.give_back(permit)
            raise
        return permit

    async def give_back(self, permit: ProviderPermit, *, late: bool = False) -> None:
        """Give back all that was taken: the request was not sent."""
        for take in permit.takes.values():
            await self._budgets.give_back(take, late=late and take.limit == SECOND_LIMIT)

    async def answered(self, permit: ProviderPermit) -> None:
        """Tell that an answer came, so that the request arrived by now."""
        if (take := permit.takes.get(SECOND_LIMIT)) is not None:
            await self._budgets.arrived(take)

    async def settle(self, permit: ProviderPermit, size: float) -> None:
        """Count the bytes that were answered in place of those reserved."""
        if (take := permit.takes.get(BYTES_LIMIT)) is not None:
            permit.takes[BYTES_LIMIT] = await self._budgets.settle(take, size)
