"""The one object through which everything else speaks to Redis."""

from typing import Self

from corral.dispatch.backlog import BacklogSignal
from corral.dispatch.connection import connect
from corral.dispatch.drain_requests import DrainRequests
from corral.dispatch.duty_status import DutyStatus
from corral.dispatch.events import Events
from corral.dispatch.exits import Exits
from corral.dispatch.hints import Hints
from corral.dispatch.lanes import Lanes
from corral.dispatch.pools import PoolReports
from corral.dispatch.repair import Repair
from corral.dispatch.rq_compat import RqContract
from corral.dispatch.trial import Trial


class Dispatch(
    Lanes, Hints, Repair, Trial, BacklogSignal, DutyStatus, PoolReports, DrainRequests, Exits, RqContract
):
    """One process' connections to Redis. Nothing connects before it is used."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._blocking = connect(url, connections=2)
        self.events = Events(self._redis)

    @classmethod
    def open(cls, url: str) -> Self:
        """A dispatch for `url`; close it in the event loop that used it."""
        return cls(url)

    async def close(self) -> None:
        """Send what events are left, and give the connections back."""
        await self.events.close()
        await self._redis.aclose()
        await self._blocking.aclose()
