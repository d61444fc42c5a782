"""What Redis is told of turns that a worker took, and when the worker looks again because of it."""

from collections.abc import Callable, Iterable, Mapping

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.rings import Gather, Stay, Turn, TurnOutcome, Until
from corral.errors import Unavailable
from corral_worker.claiming.group_claiming import GroupClaimResult
from corral_worker.claiming.next_look import NextLook

log = structlog.get_logger(__name__)

ROUNDING_SECONDS = 0.002
"""Redis counts in milliseconds, and rounds its clock down and a wait up."""


class TurnAnswers:
    """Tells Redis what became of turns: with the next pop, or before the worker rests. Belongs to the claim loop.

    Redis counts the time for which a group waits from when it is told, so the worker looks again that long after it.
    """

    def __init__(self, dispatch: Dispatch, look: Callable[[], None]) -> None:
        self._dispatch = dispatch
        self._next_look = NextLook(look)
        self._kept: list[TurnOutcome] = []

    async def add(self, result: GroupClaimResult) -> None:
        """Keep what became of these turns; let in at once whoever can use what these groups could not."""
        self._kept += result.settled
        if result.passed_on:
            await self.flush(result.passed_on)

    def taken(self) -> list[TurnOutcome]:
        """What is kept, for the pop that tells it. If Redis does not take it, the groups keep their places."""
        kept, self._kept = self._kept, []
        return kept

    def told(self, settled: Iterable[TurnOutcome]) -> None:
        """Redis took these: look again when the first of their groups has waited long enough for a full batch, or a rate lets it start."""
        waits = [one.verdict.seconds for one in settled if isinstance(one.verdict, Gather | Until)]
        if waits:
            self._next_look.within(min(waits) + ROUNDING_SECONDS)

    async def flush(self, passed_on: Mapping[str, int] | None = None) -> None:
        """Tell what is kept, now. What Redis does not take, the leader does."""
        settled = self.taken()
        if not settled and not passed_on:
            return
        try:
            await self._dispatch.rings.settle(settled)
            self.told(settled)
            await self._dispatch.rings.free(passed_on or {})
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("answer").inc()
            log.warning("dispatch.left_to_sweep", groups=len(settled), error=str(error))

    async def give_back(self, turns: Iterable[Turn]) -> None:
        """Leave these turns to others: the worker may claim nothing now."""
        self._kept += [TurnOutcome(turn, Stay()) for turn in turns]
        await self.flush()

    def close(self) -> None:
        """Look no more."""
        self._next_look.cancel()
