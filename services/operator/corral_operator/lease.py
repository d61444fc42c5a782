"""Which of several operators decides. One Lease, made by the chart; the operator may not create one.

A holder that falls silent is replaced after it was watched for the lease's time by the watcher's own clock;
no two clocks are compared. A holder that could not renew in time stops deciding before that. Two that decide
at once would still do no harm: every change names the version of what it changes.
"""

import asyncio
import time
from typing import Final

import structlog

from corral.waiting import wait_for_event
from corral_operator import metrics
from corral_operator.api import Absent, ApiError, ApiForbidden, Outdated
from corral_operator.cluster import Cluster, LeaseRecord

log = structlog.get_logger(__name__)

SECONDS: Final = 15
"""Silence after which another operator may take the Lease."""
RENEW_AFTER: Final = 2.0
ASK_AFTER: Final = 1.0
"""Seconds between two looks at a Lease that somebody else holds, or that could not be renewed."""
STOP_AFTER: Final = 9.0
"""Without a renewal for so long, the holder decides nothing more."""


class Lease:
    """The Lease as one operator sees it. All times are monotonic seconds of this process."""

    def __init__(self, cluster: Cluster, name: str, holder: str) -> None:
        self._cluster, self._name, self._holder = cluster, name, holder
        self._renewed: float | None = None
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0
        self._transitions = -1
        self.reign = 0
        """Rises when this operator takes the Lease after somebody else may have decided."""

    def held(self, now: float) -> bool:
        """Whether this operator decides at `now`."""
        return self._renewed is not None and now - self._renewed < STOP_AFTER

    async def hold(self, stop: asyncio.Event) -> None:
        """Take the Lease when it is free, and renew it, until `stop`."""
        while not stop.is_set():
            await self.keep(time.monotonic())
            held = self.held(time.monotonic())
            metrics.LEADS.set(held)
            await wait_for_event(stop, RENEW_AFTER if held else ASK_AFTER)

    async def keep(self, now: float) -> None:
        """Take or renew the Lease, if it is free or held here. Raises nothing."""
        try:
            await self._try(now)
        except Outdated:
            self._renewed = None  # read again in a second
        except (Absent, ApiForbidden) as error:
            self._renewed = None
            log.error("lease.unusable", lease=self._name, error=str(error))  # noqa: TRY400  # the message says all
        except ApiError as error:
            log.warning("lease.not_renewed", lease=self._name, error=str(error))

    async def give_back(self) -> None:
        """Let another operator take it at once. Raises nothing."""
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
        record = await self._cluster.lease(self._name)
        mine = record.holder == self._holder
        if (record.holder, record.renewed) != self._seen:
            self._seen, self._seen_at = (record.holder, record.renewed), now
        silent = now - self._seen_at
        if record.holder and not mine and silent < max(SECONDS, record.seconds):
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

    async def _write(self, record: LeaseRecord, *, holder: str, taken: bool = False) -> LeaseRecord:
        return await self._cluster.write_lease(
            self._name,
            record.version,
            holder=holder,
            seconds=SECONDS,
            transitions=record.transitions + taken,
        )
