"""Takes of rates of calls: in Redis, immediately before the call; Postgres says what is in force, and keeps notes.

In one process those who wait for the same budget wait in a line, so that only the first of them asks Redis.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.limits.budget_request import AWAY_SECONDS, BudgetRequest, BudgetsInForce, checked_amount
from corral.dispatch import Dispatch
from corral.dispatch.budgets import BudgetBusy, BudgetTaken, BudgetToNote, BudgetUnknown, BudgetWait
from corral.errors import FieldError, InvalidInput, Unavailable
from corral.ids import new_id
from corral.job.budget import BudgetState, BudgetTerms
from corral.job.limit_use import name_of
from corral.store import Store

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often at least somebody who waits looks again: values may have changed."""
BUSY_SECONDS = 0.01
"""How long to wait while somebody else tells Postgres what was taken."""
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
    counts_from: str = ""
    """The time that it counts from, as Redis has it."""
    deadline: float = 0.0
    """Seconds after which it is taken for arrived."""


class CallBudgets:
    """Takes of rates of calls, for one process. Belongs to the event loop."""

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._in_force = BudgetsInForce(store, clock=clock)
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
        asked = await self._in_force.request(limit, cost, key, payload, ends)
        return await self.take_as(asked, ends)

    async def take_as(self, asked: BudgetRequest, ends: float = math.inf) -> BudgetTake:
        """Take what was checked, until the clock says `ends`. Raises as `take`."""
        line = self._line(name_of(asked.limit, asked.key))
        try:
            async with asyncio.timeout(
                None if ends == math.inf else max(0.0, ends - self._clock()) + LOOK_SECONDS
            ):
                await line.acquire()
        except TimeoutError:
            raise asked.exhausted(0.0) from None
        try:
            taken = await self._take(asked, ends)
        finally:
            line.release()
        metrics.BUDGET_TAKEN.labels(asked.limit).inc(taken.cost)
        return taken

    async def settle(self, take: BudgetTake, actual: float) -> BudgetTake:
        """Correct what was taken: what is in the window counts as `actual` from now on.

        Raises:
            InvalidInput: it is no amount.
            Unavailable: Redis is away, and it may be corrected.
        """
        settled = replace(take, cost=checked_amount("actual", actual))
        name = name_of(take.limit, take.key)
        counts = await self._dispatch.budgets.settle(
            name, take.id, take.cost, settled.cost, new_id(), counts_from=take.counts_from
        )
        if counts and settled.cost > take.cost:
            values = await self._in_force.of(take.limit, take.key)
            if values.terms is not None:
                with suppress(Unavailable):
                    await self._once(BudgetRequest(take.limit, take.key, 0.0, values.terms, None))
        return settled

    async def give_back(self, take: BudgetTake, *, late: bool = False) -> None:
        """Give back what was taken for a call that was not made. While Redis is away it counts to its end."""
        if late:
            metrics.BUDGET_LATE.labels(take.limit).inc()
        name = name_of(take.limit, take.key)
        with suppress(Unavailable):
            await self._dispatch.budgets.settle(
                name, take.id, take.cost, 0.0, new_id(), counts_from=take.counts_from
            )

    async def arrived(self, take: BudgetTake) -> None:
        """Tell that the call was answered: it arrived by now, and needs its place no longer than `per` from now on."""
        if self._clock() < take.good_until:
            with suppress(Unavailable):
                await self._dispatch.budgets.arrived(
                    name_of(take.limit, take.key), take.id, take.cost, take.deadline
                )

    async def rate(self, limit: str) -> None:
        """Make sure that a limit is a rate.

        Raises:
            InvalidInput: it is not.
            Unavailable: Postgres is away.
        """
        if "rate" not in (await self._in_force.of(limit, "")).values:
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

    async def _take(self, asked: BudgetRequest, ends: float) -> BudgetTake:
        while True:
            try:
                if not asked.terms_given:
                    asked = asked.renewed(await self._in_force.of(asked.limit, asked.key))
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
                await self.give_back(answer, late=True)
                continue
            if answer is None:
                continue
            if self._clock() + answer > ends:
                raise asked.exhausted(answer)
            await asyncio.sleep(min(answer, LOOK_SECONDS))

    async def _once(self, asked: BudgetRequest) -> BudgetTake | float | None:
        """Ask Redis once; what was taken, or the seconds after which to ask again. None: what it asked for is done."""
        name, terms, budgets = name_of(asked.limit, asked.key), asked.terms, self._dispatch.budgets
        take, began = new_id(), self._clock()
        match await budgets.take(name, take, asked.cost, terms):
            case BudgetTaken(counts_from=counts_from):
                good_until = began + terms.deadline
                return BudgetTake(
                    take, asked.limit, asked.key, asked.cost, good_until, counts_from, terms.deadline
                )
            case BudgetWait(seconds=seconds):
                return seconds
            case BudgetUnknown():
                await self._begin(asked)
            case BudgetToNote() as told:
                await self._note(asked, told)
            case BudgetBusy():
                await asyncio.sleep(BUSY_SECONDS)
        return None

    async def _begin(self, asked: BudgetRequest) -> None:
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

    async def _note(self, asked: BudgetRequest, told: BudgetToNote) -> None:
        name, reserved = name_of(asked.limit, asked.key), asked.terms.reserve(asked.cost)
        version = await self._store.budget_notes.note(
            asked.limit, asked.key, after=told.version, state=told.state, reserved=reserved
        )
        if version is None:
            await self._dispatch.budgets.drop(name, told.version)
        else:
            await self._dispatch.budgets.noted(name, told, version, reserved)

    def _line(self, name: str) -> asyncio.Lock:
        if len(self._lines) > MOST_LINES:
            self._lines = {one: line for one, line in self._lines.items() if line.locked()}
        return self._lines.setdefault(name, asyncio.Lock())
