"""What is asked of a rate of calls, and the terms that are in force for it."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corral.catalog.limits.evaluation import CallEvaluation, LimitValues, key_of
from corral.errors import BudgetExhausted, FieldError, InvalidInput, Unavailable
from corral.job.budget import BudgetTerms
from corral.job.shown import shown
from corral.store import Store
from corral.store.limits.budget_notes import BudgetValues

FRESH_SECONDS = 1.0
"""How long values are in force here after they were read."""
AWAY_SECONDS = 0.5
"""How long to wait after Redis or Postgres did not answer."""
MOST_KNOWN = 1000
"""Budgets whose values are remembered."""


@dataclass(frozen=True, slots=True)
class BudgetRequest:
    """What is to be taken, on which terms."""

    limit: str
    key: str
    cost: float
    terms: BudgetTerms
    paused: object = None
    terms_given: bool = False
    """Whether whoever asks says the terms; else those in force for the limit count."""

    def renewed(self, values: BudgetValues) -> "BudgetRequest":
        """The same on the terms of now; those of before where it is no rate of calls any more."""
        return BudgetRequest(self.limit, self.key, self.cost, values.terms or self.terms, values.paused_at)

    def exhausted(self, after: float) -> BudgetExhausted:
        """The error that there was not enough in time; there may be after so many seconds."""
        of = f" of {self.key}" if self.key else ""
        return BudgetExhausted(
            f"{self.cost:g} of the budget {self.limit}{of} did not come in time",
            after=max(after, 1.0),
            name=self.limit,
        )


class BudgetsInForce:
    """The values of rates of calls, at most a second old. Belongs to the event loop."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._values: dict[tuple[str, str], tuple[float, BudgetValues]] = {}

    async def request(
        self,
        limit: str,
        cost: float | None,
        key: str | None,
        payload: Any,
        ends: float,
    ) -> BudgetRequest:
        """What is asked for, checked against what is in force; `ends` is the reading of the clock until which to wait.

        Raises:
            InvalidInput: there is no such rate of calls, or the key or the cost makes no sense.
            Unavailable: Postgres was away for all of the time.
        """
        while (whole := await self._known(limit, ends)) is None:
            pass
        terms = whole.terms
        if terms is None:
            kind = "a limit" if "rate" not in whole.values else "a rate that jobs take of when they start"
            raise InvalidInput(
                FieldError(
                    "/budget",
                    f'{limit} is {kind}; ctx.budget takes of rates that are declared with at="call"',
                )
            )
        call = CallEvaluation(LimitValues(limit, whole.values))
        if key is not None and whole.values.get("by") is None:
            raise InvalidInput(FieldError("/key", f"{limit} has no keys: it is declared without by="))
        keys = call.keys(payload) if key is None else [key_of(key)]
        if len(keys) != 1:
            raise InvalidInput(
                FieldError("/key", f"the payload has {len(keys)} keys of {limit}; name one with key=")
            )
        amount = call.cost(payload) if cost is None else checked_amount("cost", cost)
        if amount > terms.largest:
            most = "in its window" if terms.exact else "at once (burst)"
            raise InvalidInput(
                FieldError(
                    "/cost",
                    f"is {amount:g}; {limit} lets {terms.largest:g} be taken {most}, so it would never be",
                )
            )
        return BudgetRequest(limit, keys[0], amount, terms, whole.paused_at)

    async def of(self, limit: str, key: str) -> BudgetValues:
        """What is in force for a key of a limit.

        Raises:
            InvalidInput: there is no such limit.
            Unavailable: Postgres is away.
        """
        known = self._values.get((limit, key))
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            return known[1]
        at = self._clock()
        found = await self._store.budget_notes.values(limit, key)
        if found is None:
            raise InvalidInput(
                FieldError(
                    "/budget",
                    f"there is no limit {limit!r:.120}: `corral types register` registers those that code declares",
                )
            )
        if len(self._values) > MOST_KNOWN:
            self._values.clear()
        self._values[limit, key] = (at, found)
        return found

    async def _known(self, limit: str, ends: float) -> BudgetValues | None:
        """What is in force; None, after a moment, while Postgres is away and there is time left."""
        try:
            return await self.of(limit, "")
        except Unavailable:
            if self._clock() + AWAY_SECONDS > ends:
                raise
            await asyncio.sleep(AWAY_SECONDS)
            return None


def checked_amount(what: str, amount: Any) -> float:
    """An amount as a number.

    Raises:
        InvalidInput: it is none, or below 0.
    """
    try:
        number = math.nan if isinstance(amount, bool | str) else float(amount)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < 1e300:
        raise InvalidInput(FieldError(f"/{what}", f"is {shown(amount)}; it must be a number of 0 or more"))
    return number
