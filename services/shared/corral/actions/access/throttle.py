"""Refuses callers that ask too much. Redis counts; while it is away everybody is let through."""

import time

import structlog

from corral import metrics
from corral.dispatch.caller_rates import CallerRates, CallerTake
from corral.errors import Unavailable
from corral.refusals import RateExceeded
from corral.settings.caller_rate import CallerRate

log = structlog.get_logger(__name__)

AWAY_SECONDS = 2.0
"""Seconds for which Redis is not asked again after it did not answer: requests would wait for it one by one."""
TOLD_SECONDS = 60.0
"""Seconds between two log lines about one caller."""
MOST_TOLD = 1_000
"""Callers of whom it is remembered that they were told of."""


class Throttle:
    """One rate, for every caller of its own."""

    def __init__(self, rates: CallerRates, name: str, rate: CallerRate) -> None:
        """`name`: what is counted, `requests` or `jobs`."""
        self.name, self.rate = name, rate
        self._rates = rates
        self._away_until = 0.0
        self._told: dict[str, float] = {}

    async def take(self, caller: str, cost: int = 1) -> CallerTake | None:
        """Take of the caller's rate; None where Redis does not say: it is let through.

        Raises:
            RateExceeded: there is no room now.
        """
        if time.monotonic() < self._away_until:
            metrics.CALLER_RATE_UNKNOWN.labels(self.name).inc()
            return None
        try:
            taken = await self._rates.take(self.name, caller, self.rate, cost)
        except Unavailable as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            metrics.CALLER_RATE_UNKNOWN.labels(self.name).inc()
            log.warning("api.rate_unknown", rate=self.name, reason=error.reason)
            return None
        if taken.allowed:
            return taken
        metrics.CALLER_RATE_REFUSED.labels(self.name).inc()
        self._tell(caller, taken)
        raise RateExceeded(self.name, self.rate, taken.seconds)

    def _tell(self, caller: str, taken: CallerTake) -> None:
        now = time.monotonic()
        if now - self._told.get(caller, -TOLD_SECONDS) < TOLD_SECONDS:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[caller] = now
        log.warning(
            "api.rate_exceeded", rate=self.name, allowed=str(self.rate), caller=caller, seconds=taken.seconds
        )
