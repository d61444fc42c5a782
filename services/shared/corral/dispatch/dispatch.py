"""The one object through which everything else speaks to Redis: one attribute per subject."""

from typing import Self

from corral.dispatch.backlog import BacklogSignal
from corral.dispatch.budgets import Budgets
from corral.dispatch.caller_rates import CallerRates
from corral.dispatch.connection import connect
from corral.dispatch.drain_requests import DrainRequests
from corral.dispatch.duty_status import DutyStatus
from corral.dispatch.events import Events
from corral.dispatch.exits import Exits
from corral.dispatch.hints import Hints
from corral.dispatch.lanes import Lanes
from corral.dispatch.pools import PoolReports
from corral.dispatch.repair import Repair
from corral.dispatch.rings import Rings
from corral.dispatch.rq_compat import RqContract
from corral.dispatch.trial import Trial


class Dispatch:
    """One process' connections to Redis. Nothing connects before it is used."""

    def __init__(self, url: str) -> None:
        redis = self._redis = connect(url)
        blocking = self._blocking = connect(url, connections=2)
        self.lanes = Lanes(redis, blocking)
        """Jobs on their way: queued, popped, acknowledged, and workers that wait for them."""
        self.rings = Rings(redis)
        """Groups of jobs that wait for their limits, and whose turn it is."""
        self.budgets = Budgets(redis)
        """What was taken of rates of calls."""
        self.caller_rates = CallerRates(redis)
        """What callers of the API have asked lately."""
        self.hints = Hints(redis, blocking)
        """Hints that save time: pauses, due times, cancels."""
        self.repair = Repair(redis, blocking)
        """Questions about the lanes as a whole, and their repair."""
        self.rq = RqContract(redis)
        """What RQ's own programs need beside the lists."""
        self.pools = PoolReports(redis)
        """Reports of the operator, or of `corral up`, about its pools."""
        self.drain_requests = DrainRequests(redis)
        """Requests that workers drain, and their answers."""
        self.backlog = BacklogSignal(redis)
        """The signal about the backlog, for whoever scales workers."""
        self.duties = DutyStatus(redis)
        """Who leads the maintenance, and how its duties go."""
        self.exits = Exits(redis)
        """How worker processes ended."""
        self.trial = Trial(redis)
        """Whether Redis does what the service needs."""
        self.events = Events(redis)
        """Hints that something changed."""

    @classmethod
    def open(cls, url: str) -> Self:
        """A dispatch for `url`; close it in the event loop that used it."""
        return cls(url)

    async def close(self) -> None:
        """Send what events are left, and give the connections back."""
        await self.events.close()
        await self._redis.aclose()
        await self._blocking.aclose()
