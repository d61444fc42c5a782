"""Leader election by a lease in Postgres: a candidate takes it when it sees no renewal for long enough (protocol rule 25)."""

import asyncio
import time
from collections.abc import Callable

import structlog

from corral import metrics
from corral.errors import CorralError, LeaseLost
from corral.store.leader.leases import Leases, Term
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 10.0
"""Seconds without a renewal, by a candidate's own clock, after which it takes the lease."""
RENEW_SECONDS = 2.0
READ_SECONDS = 2.0
"""Seconds between two reads of the lease by a candidate."""


class Reign:
    """The time in which this process leads."""

    def __init__(
        self, leases: Leases, term: Term, predecessor: Term | None, clock: Callable[[], float]
    ) -> None:
        self.term = term
        """The lease, as it was renewed last."""
        self.predecessor = predecessor
        """The lease before this process took it; None where nobody ever held it."""
        self.over = asyncio.Event()
        """Set when the reign is over, before the duties are cancelled: on Python 3.11 a library may swallow a cancel."""
        self._leases = leases
        self._clock = clock

    async def keep(self, renew_seconds: float, silence_seconds: float) -> None:
        """Renew the lease until the reign is over.

        Raises:
            LeaseLost: another leads, or may lead: no renewal succeeded for as long as others wait.
        """
        renewed = self._clock()
        while not await wait_for_event(self.over, renew_seconds):
            began = self._clock()
            try:
                self.term = await self._leases.renew(self.term)
                renewed = began
            except LeaseLost:
                raise
            except CorralError as error:
                metrics.SWALLOWED.labels("leadership.renew").inc()
                log.warning("leadership.not_renewed", term=self.term.term, error=str(error))
            if self._clock() - renewed >= silence_seconds:
                raise LeaseLost(self.term.name, self.term.term)

    async def give_up(self) -> None:
        """Release the lease, so that another process can lead at once."""
        try:
            await self._leases.give_up(self.term)
        except CorralError as error:
            metrics.SWALLOWED.labels("leadership.give_up").inc()
            log.info("leadership.not_given_up", term=self.term.term, error=str(error))


class LeaderCandidate:
    """A process that wants to lead. It measures the lease only by its own monotonic clock."""

    def __init__(
        self,
        leases: Leases,
        holder: str,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        look_seconds: float = READ_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases = leases
        self._holder = holder
        self._silence = silence_seconds
        self._look = look_seconds
        self._clock = clock
        self._seen: Term | None = None
        self._since = clock()

    async def elected(self, stop: asyncio.Event) -> Reign | None:
        """Wait until this process leads; None where it was told to stop before."""
        while not stop.is_set():
            try:
                if (reign := await self.look()) is not None:
                    return reign
            except CorralError as error:
                # What happens while we do not see it counts for nothing.
                self._seen = None
                metrics.SWALLOWED.labels("leadership.look").inc()
                log.info("leadership.not_seen", error=str(error))
            await wait_for_event(stop, self._look)
        return None

    async def look(self) -> Reign | None:
        """Read the lease once, and take it if it is free or was not renewed for long enough.

        Raises:
            Unavailable: Postgres is away.
        """
        lease = await self._leases.read()
        now = self._clock()
        if lease != self._seen:
            self._seen, self._since = lease, now
        free = lease is None or lease.holder in ("", self._holder)
        if not free and now - self._since < self._silence:
            return None
        term = await self._leases.acquire(self._holder, lease)
        self._seen = None
        if term is None:
            return None
        log.info(
            "leadership.taken", term=term.term, holder=self._holder, before=lease.holder if lease else None
        )
        return Reign(self._leases, term, lease, self._clock)
