"""What one attempt took of rates, to be corrected when it knows better."""

import asyncio
import math
import time
from typing import TYPE_CHECKING

from corral.actions.limits.call_budgets import BudgetTake
from corral.errors import BudgetExhausted, Conflict, FieldError, InvalidInput, JobCancelled
from corral.job.limit_use import parsed
from corral_worker.attempts.execution import Execution

if TYPE_CHECKING:
    from corral_worker.context.offered_services import HandlerServices

STOP_SECONDS = 0.5
"""How long a handler in a thread or a process goes on waiting after it was told to stop."""
TURNS = 4
"""Turns of the event loop from a take to the bytes of its call: a name is looked up, a connection made, TLS agreed on."""
LATE_TAKES = 20
"""Takes that were given back because their calls would have been late, after which the job is put off."""


class AttemptTakes:
    """The takes of one attempt. Belongs to the event loop of the worker."""

    def __init__(self, execution: Execution, services: "HandlerServices") -> None:
        self._execution = execution
        self._services = services
        self._of_calls: dict[tuple[str, str], BudgetTake] = {}
        """The last one of each key, by rate and key; the last of all stands at the end."""
        self._of_claim: dict[str, float] = {}
        """What was said last of what the job took when it started."""

    async def take(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> float:
        """Take of a rate of calls; until when it may be used.

        Where the event loop is so full that the call would leave too late, what was taken is given back, and asked for
        again: those who hold theirs leave first.

        Raises:
            JobCancelled: the attempt was told to stop meanwhile.
            BudgetExhausted: nothing came in time, or the loop stayed as full.
        """
        ends = math.inf if timeout is None else time.monotonic() + timeout
        late = 0
        while True:
            left = None if timeout is None else max(0.0, ends - time.monotonic())
            taken = await self._taken(name, cost, key, left)
            asked = time.monotonic()
            await asyncio.sleep(0)
            now = time.monotonic()
            if now + TURNS * (now - asked) <= taken.good_until:
                self._of_calls.pop((name, taken.key), None)
                self._of_calls[name, taken.key] = taken
                return taken.good_until
            await self._services.give_back_budget(taken)
            late += 1
            if late == LATE_TAKES:
                raise BudgetExhausted(
                    f"{late} calls of {name} would have left later than its deadline of {taken.deadline:g} s: this worker"
                    " does too much at once; give it fewer slots, or the rate a longer deadline",
                    after=taken.deadline,
                    name=name,
                )

    async def _taken(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> BudgetTake:
        payload = self._execution.claimed.payload
        taking = asyncio.ensure_future(self._services.take_budget(name, cost, key, payload, timeout))
        try:
            while not taking.done():
                await asyncio.wait([taking], timeout=STOP_SECONDS)
                if self._execution.stop is not None and not taking.done():
                    raise JobCancelled(f"job {self._execution.claimed.id} was told to stop")
        finally:
            taking.cancel()
        return taking.result()

    async def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken last.

        Raises:
            Conflict: nothing of it was taken.
            InvalidInput: several keys were taken of, or it is no rate.
        """
        for take in reversed(self._of_calls.values()):
            if take.limit == name and (key is None or take.key == key):
                self._of_calls[name, take.key] = await self._services.settle_budget(take, actual)
                return
        claimed = self._execution.claimed
        names = [
            one for one in claimed.limits if parsed(one)[0] == name and (key is None or parsed(one)[1] == key)
        ]
        if not names:
            raise Conflict(f"attempt {claimed.attempt} of job {claimed.id} took nothing of {name!r:.120}")
        if len(names) > 1:
            raise InvalidInput(
                FieldError("/key", f"the job takes of several keys ({', '.join(names)}); name one")
            )
        before = self._of_claim.get(names[0])
        await self._services.settle_claim(claimed.id, claimed.attempt, names[0], before, actual)
        self._of_claim[names[0]] = actual
