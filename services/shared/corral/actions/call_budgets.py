"""Takes of rates of calls: in Redis, immediately before the call; Postgres says what is in force, and keeps notes.

In one process those who wait for the same budget wait in a line, so that only the first of them asks Redis.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.catalog.limit_evaluation import CallEvaluation, LimitValues, key_of
from corral.dispatch import Dispatch
from corral.dispatch.budgets import BudgetBusy, BudgetTaken, BudgetToNote, BudgetUnknown, BudgetWait
from corral.errors import BudgetExhausted, FieldError, InvalidInput, Unavailable
from corral.ids import new_id
from corral.job.budget import BudgetState, BudgetTerms
from corral.job.limit_use import name_of
from corral.store import Store
from corral.store.budget_notes import BudgetValues

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
"""How long values are in force here after they were read."""
LOOK_SECONDS = 1.0
"""How often at least somebody who waits looks again: values may have changed."""
BUSY_SECONDS = 0.01
"""How long to wait while somebody else tells Postgres what was taken."""
AWAY_SECONDS = 0.5
"""How long to wait after Redis or Postgres did not answer."""
MOST_LINES = 1000
"""Budgets whose lines are remembered while nobody stands in them."""


@dataclass(frozen=True, slots=True)
class BudgetTake:
    """What was taken of a budget."""

    id: UUID
    limit: str
    key: str
    cost: float
    good_until: float
    """The `time.monotonic()` reading of this machine after which it must not be used."""


class CallBudgets:
    """Takes of rates of calls, for one process. Belongs to the event loop."""

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._values: dict[tuple[str, str], tuple[float, BudgetValues]] = {}
        self._lines: dict[str, asyncio.Lock] = {}

    async def take(
        self,
        limit: str,
        *,
        cost: float | None = None,
        key: str | None = None,
        payload: Any = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the caller's
    ) -> BudgetTake:
        """Take of a budget, when there is enough of it.

        Args:
            limit: the name of the rate.
            cost: how much; None: what its declaration says, for this payload.
            key: of the rate; None: what its declaration says, for this payload.
            payload: of the job, as parsed JSON.
            timeout: seconds to wait at most; None: as long as it takes.

        Raises:
            InvalidInput: there is no such rate of calls, or the key or the cost makes no sense.
            BudgetExhausted: there was not enough in time.
            Unavailable: Redis or Postgres was away for all of the time.
        """
        ends = math.inf if timeout is None else self._clock() + max(0.0, timeout)
        asked = await self._asked(limit, cost, key, payload, ends)
        line = self._line(name_of(limit, asked.key))
        try:
            async with asyncio.timeout(
                None if timeout is None else max(0.0, ends - self._clock()) + LOOK_SECONDS
            ):
                await line.acquire()
        except TimeoutError:
            raise _exhausted(asked, 0.0) from None
        try:
            taken = await self._take(asked, ends)
        finally:
            line.release()
        metrics.BUDGET_TAKEN.labels(limit).inc(taken.cost)
        return taken

    async def settle(self, take: BudgetTake, actual: float) -> BudgetTake:
        """Correct what was taken: what is in the window counts as `actual` from now on.

        Raises:
            InvalidInput: it is no amount.
            Unavailable: Redis is away, and it may be corrected.
        """
        settled = BudgetTake(take.id, take.limit, take.key, checked_amount("actual", actual), take.good_until)
        name = name_of(take.limit, take.key)
        counts = await self._dispatch.budgets.settle(name, take.id, take.cost, settled.cost, new_id())
        if counts and settled.cost > take.cost:
            values = await self._in_force(take.limit, take.key)
            if values.terms is not None:
                with suppress(Unavailable):
                    await self._once(_Asked(take.limit, take.key, 0.0, values.terms, None))
        return settled

    async def rate(self, limit: str) -> None:
        """Make sure that a limit is a rate.

        Raises:
            InvalidInput: it is not.
            Unavailable: Postgres is away.
        """
        if "rate" not in (await self._in_force(limit, "")).values:
            raise InvalidInput(
                FieldError("/budget", f"{limit} is a limit; only what is taken of a rate is settled")
            )

    async def left(self, limit: str, keys: Mapping[str, BudgetTerms]) -> dict[str, float | None]:
        """What could be taken now of each key; None where nothing is known of it, which is so while nobody takes.

        Raises:
            Unavailable: Redis is away.
        """
        names = {name_of(limit, key): terms for key, terms in keys.items()}
        found = await self._dispatch.budgets.left(names)
        return {key: found[name_of(limit, key)] for key in keys}

    async def _take(self, asked: "_Asked", ends: float) -> BudgetTake:
        while True:
            try:
                asked = asked.renewed(await self._in_force(asked.limit, asked.key))
                if asked.paused:
                    answer: BudgetTake | float | None = LOOK_SECONDS
                else:
                    answer = await self._once(asked)
            except Unavailable as error:
                if self._clock() + AWAY_SECONDS > ends:
                    raise
                metrics.SWALLOWED.labels("budget").inc()
                log.warning("budget.unanswered", limit=asked.limit, error=str(error))
                answer = AWAY_SECONDS
            if isinstance(answer, BudgetTake):
                if self._clock() <= answer.good_until:
                    return answer
                metrics.BUDGET_LATE.labels(asked.limit).inc()
                continue
            if answer is None:
                continue
            if self._clock() + answer > ends:
                raise _exhausted(asked, answer)
            await asyncio.sleep(min(answer, LOOK_SECONDS))

    async def _once(self, asked: "_Asked") -> BudgetTake | float | None:
        """Ask Redis once; what was taken, or the seconds after which to ask again. None: what it asked for is done."""
        name, terms, budgets = name_of(asked.limit, asked.key), asked.terms, self._dispatch.budgets
        take, began = new_id(), self._clock()
        match await budgets.take(name, take, asked.cost, terms):
            case BudgetTaken():
                return BudgetTake(take, asked.limit, asked.key, asked.cost, began + terms.deadline)
            case BudgetWait(seconds=seconds):
                return seconds
            case BudgetUnknown():
                await self._begin(asked)
            case BudgetToNote() as told:
                await self._note(asked, told)
            case BudgetBusy():
                await asyncio.sleep(BUSY_SECONDS)
        return None

    async def _begin(self, asked: "_Asked") -> None:
        """Tell Redis what Postgres knows: after a wipe that is what may have been taken, and not that nothing was."""
        terms, name = asked.terms, name_of(asked.limit, asked.key)
        note = await self._store.budget_notes.read(asked.limit, asked.key)
        if note is None:
            state = BudgetState() if terms.exact else BudgetState(tokens=terms.burst)
            await self._dispatch.budgets.begin(name, terms, state, "", terms.reserve(asked.cost))
            return
        log.warning("budget.begun_from_note", limit=asked.limit, key=asked.key, age=round(note.age, 1))
        metrics.BUDGET_RESTORED.labels(asked.limit).inc()
        await self._dispatch.budgets.begin(name, terms, note.restored(terms), note.version, note.reserved)

    async def _note(self, asked: "_Asked", told: BudgetToNote) -> None:
        name, reserved = name_of(asked.limit, asked.key), asked.terms.reserve(asked.cost)
        version = await self._store.budget_notes.note(
            asked.limit, asked.key, after=told.version, state=told.state, reserved=reserved
        )
        if version is None:
            await self._dispatch.budgets.drop(name, told.version)
        else:
            await self._dispatch.budgets.noted(name, told, version, reserved)

    async def _asked(
        self,
        limit: str,
        cost: float | None,
        key: str | None,
        payload: Any,
        ends: float,
    ) -> "_Asked":
        """What is asked for, checked against what is in force."""
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
        return _Asked(limit, keys[0], amount, terms, whole.paused_at)

    async def _known(self, limit: str, ends: float) -> BudgetValues | None:
        """What is in force; None, after a moment, while Postgres is away and there is time left."""
        try:
            return await self._in_force(limit, "")
        except Unavailable:
            if self._clock() + AWAY_SECONDS > ends:
                raise
            await asyncio.sleep(AWAY_SECONDS)
            return None

    async def _in_force(self, limit: str, key: str) -> BudgetValues:
        """What is in force, at most a second old."""
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
        if len(self._values) > MOST_LINES:
            self._values.clear()
        self._values[limit, key] = (at, found)
        return found

    def _line(self, name: str) -> asyncio.Lock:
        if len(self._lines) > MOST_LINES:
            self._lines = {one: line for one, line in self._lines.items() if line.locked()}
        return self._lines.setdefault(name, asyncio.Lock())


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be taken, on which terms."""

    limit: str
    key: str
    cost: float
    terms: BudgetTerms
    paused: object

    def renewed(self, values: BudgetValues) -> "_Asked":
        """The same on the terms of now; those of before where it is no rate of calls any more."""
        return _Asked(self.limit, self.key, self.cost, values.terms or self.terms, values.paused_at)


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
        raise InvalidInput(FieldError(f"/{what}", f"is {amount!r:.100}; it must be a number of 0 or more"))
    return number


def _exhausted(asked: _Asked, after: float) -> BudgetExhausted:
    of = f" of {asked.key}" if asked.key else ""
    return BudgetExhausted(
        f"{asked.cost:g} of the budget {asked.limit}{of} did not come in time",
        after=max(after, 1.0),
        name=asked.limit,
    )
