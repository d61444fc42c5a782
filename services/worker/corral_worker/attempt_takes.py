"""What one attempt took of rates, to be corrected when it knows better."""

import asyncio
from typing import TYPE_CHECKING

from corral.actions.call_budgets import BudgetTake
from corral.errors import Conflict, FieldError, InvalidInput, JobCancelled
from corral.job.limit_use import parsed
from corral_worker.execution import Execution

if TYPE_CHECKING:
    from corral_worker.offered_services import HandlerServices

STOP_SECONDS = 0.5
"""How long a handler in a thread or a process goes on waiting after it was told to stop."""


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

        Raises:
            JobCancelled: the attempt was told to stop meanwhile.
        """
        payload = self._execution.claimed.payload
        taking = asyncio.ensure_future(self._services.take_budget(name, cost, key, payload, timeout))
        try:
            while not taking.done():
                await asyncio.wait([taking], timeout=STOP_SECONDS)
                if self._execution.stop is not None and not taking.done():
                    raise JobCancelled(f"job {self._execution.claimed.id} was told to stop")
        finally:
            taking.cancel()
        taken = taking.result()
        self._of_calls.pop((name, taken.key), None)
        self._of_calls[name, taken.key] = taken
        return taken.good_until

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
