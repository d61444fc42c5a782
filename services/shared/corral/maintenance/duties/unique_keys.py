"""Keeps unique keys right: what an end did not give back, and what is over (protocol rule 33).

The ends that workers and people write give keys back themselves. Expiry, a lost worker, and a worker of an older release
do not: their keys are free, as everybody who comes looks at the holder, but a job that waits behind one is let go here.
"""

import time
from collections.abc import Callable

import structlog

from corral.actions.submissions.enqueuer import Enqueuer
from corral.actions.submissions.keyed_follow_ups import store_apart
from corral.dispatch import Dispatch
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.query_budget import QueryBudget
from corral.store import Store

log = structlog.get_logger(__name__)

KEYS_PER_STATEMENT = 2_000
SHARE, FREE = 0.05, 0.1
"""The share of time for looks where they take long; there is at least one a minute."""
LEFT_SECONDS = 5.0
"""Seconds after which a follow-up is taken for left by its worker."""
SWEEP_SECONDS = 10.0
"""Seconds between two looks at a page of all keys."""


class KeepUniqueKeys(Duty):
    """The duty that lets jobs go on which wait for a holder that has ended, forgets keys that are over, and stores keyed follow-ups that a worker left."""

    name = "unique-keys"
    period = 1.0
    longest_rest = SWEEP_SECONDS

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._enqueuer = Enqueuer(dispatch)
        self._clock = clock
        self._pace = QueryBudget(SHARE, free=FREE, clock=clock)
        self._sweep_at = clock()
        self._after = ""

    async def round(self, reign: Reign) -> int:
        """Look at all keys for which a job waits, and now and then at a page of all."""
        done = 0
        if self._pace.due:
            with self._pace.asked():
                after, more = "", True
                while more:
                    count, after = await self._settle(reign, after, waited_for=True)
                    done, more = done + count, bool(after)
        for left in await self._store.keyed_follow_ups.left(LEFT_SECONDS, KEYS_PER_STATEMENT):
            with self.apart.each(f"follow-up {left}"):
                done += await store_apart(self._store.keyed_follow_ups, self._enqueuer, left)
        if self._clock() >= self._sweep_at:
            self._sweep_at = self._clock() + SWEEP_SECONDS
            count, self._after = await self._settle(reign, self._after, waited_for=False)
            done += count
        return done

    async def _settle(self, reign: Reign, after: str, *, waited_for: bool) -> tuple[int, str]:
        keys = self._store.unique_keys
        count, promoted, after = await keys.settle(
            reign.term, after, KEYS_PER_STATEMENT, waited_for=waited_for
        )
        if promoted:
            log.info("unique_keys.let_go", keys=count, first=str(promoted[0].id), jobs=len(promoted))
            self._enqueuer.accepted(promoted)
        return count, after
