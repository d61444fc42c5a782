"""Leader election: one Lease says which of several operators decides. Whoever does not find it creates it.

A holder that stops renewing is replaced after another operator has seen no change for the lease's time, by its own
clock; clocks are not compared. A holder that could not renew stops deciding before that. Two operators that decide
at once would do no harm: every change names the version of what it changes.
"""

import asyncio
import time
from typing import Final

import structlog

from corral.waiting import wait_for_event
from corral_operator.cluster.api import Absent, ApiError, ApiForbidden, Outdated
from corral_operator.cluster.cluster import Cluster, LeaseRecord
from corral_operator.reports import metrics
from corral_operator.reports.log_repeats import LogRepeats

log = structlog.get_logger(__name__)

DURATION_SECONDS: Final = 15
"""Seconds without a renewal after which another operator may take the Lease."""
RENEW_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0
"""Seconds between two reads of a Lease that another operator holds, or that could not be renewed."""
DEADLINE_SECONDS: Final = 9.0
"""Seconds after the last renewal from which on the holder decides nothing."""
UNUSABLE_SECONDS: Final = 10.0
"""Seconds after which a Lease that can't be used is told of: rights that were just granted take a moment."""


class Lease:
    """One operator's view of the Lease. All times are monotonic seconds of this process."""

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        holder: str,
        *,
        retry_seconds: float = RETRY_SECONDS,
        unusable_seconds: float = UNUSABLE_SECONDS,
    ) -> None:
        self._cluster, self._name, self._holder = cluster, name, holder
        self._retry_seconds, self._unusable_seconds = retry_seconds, unusable_seconds
        self._renewed: float | None = None
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0
        self._transitions = -1
        self.reign = 0
        """Rises each time this operator takes the Lease after another may have decided."""
        self.unusable: str | None = None
        """Why this operator can never take the Lease, as long as nobody changes its rights; None where it can."""
        self._unusable_since: float | None = None
        self._repeats = LogRepeats()

    def held(self, now: float) -> bool:
        """Whether this operator decides at `now`."""
        return self._renewed is not None and now - self._renewed < DEADLINE_SECONDS

    async def hold(self, stop: asyncio.Event) -> None:
        """Take the Lease when it is free, and renew it, until `stop` is set."""
        while not stop.is_set():
            await self.keep(time.monotonic())
            held = self.held(time.monotonic())
            metrics.LEADS.set(held)
            await wait_for_event(stop, RENEW_SECONDS if held else self._retry_seconds)

    async def keep(self, now: float) -> None:
        """Take the Lease if it is free, or renew it if this operator holds it. Raises nothing."""
        try:
            await self._try(now)
        except Outdated:
            self._renewed = None  # read again in a second
        except (Absent, ApiForbidden) as error:
            self._renewed = None
            self._cannot(str(error), now)
        except ApiError as error:
            if self._repeats.due(str(error), now):
                log.warning("lease.not_renewed", lease=self._name, error=str(error))
        else:
            self.unusable = self._unusable_since = None
            self._repeats.over()

    async def give_back(self) -> None:
        """Release the Lease, so that another operator can take it at once. Raises nothing."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            record = await self._cluster.lease(self._name)
            if record.holder == self._holder:
                await self._write(record, holder="")
        except ApiError as error:
            log.info("lease.not_given_back", error=str(error))

    async def _try(self, now: float) -> None:
        record = await self._found()
        mine = record.holder == self._holder
        if (record.holder, record.renewed) != self._seen:
            self._seen, self._seen_at = (record.holder, record.renewed), now
        silent = now - self._seen_at
        if record.holder and not mine and silent < max(DURATION_SECONDS, record.seconds):
            if self._renewed is not None:
                log.warning("lease.lost", holder=record.holder)
            self._renewed = None
            return
        known = mine and record.transitions == self._transitions
        written = await self._write(record, holder=self._holder, taken=not known)
        self._seen, self._seen_at = (written.holder, written.renewed), now
        self._renewed, self._transitions = now, written.transitions
        if not known:
            self.reign += 1
            log.info("lease.taken", before=record.holder, transitions=written.transitions)

    def _cannot(self, why: str, now: float) -> None:
        """Note why the Lease can't be taken."""
        if self._repeats.due(why, now):
            log.error("lease.unusable", lease=self._name, error=why)
        if self._unusable_since is None:
            self._unusable_since = now
        if now - self._unusable_since >= self._unusable_seconds:
            self.unusable = (
                f"no operator may lead, and nothing is scaled: the Lease {self._name} can't be read, written or created. "
                f"The operator's Role must allow get and patch of it, and create of leases. Kubernetes said: {why}"
            )

    async def _found(self) -> LeaseRecord:
        """The Lease; created where there is none: Argo CD leaves Leases out of what it applies."""
        try:
            return await self._cluster.lease(self._name)
        except Absent:
            created = await self._cluster.create_lease(self._name)
            log.info("lease.created", lease=self._name)
            return created

    async def _write(self, record: LeaseRecord, *, holder: str, taken: bool = False) -> LeaseRecord:
        return await self._cluster.write_lease(
            self._name,
            record.version,
            holder=holder,
            seconds=DURATION_SECONDS,
            transitions=record.transitions + taken,
        )
