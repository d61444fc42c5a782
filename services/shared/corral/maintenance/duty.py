"""A duty: work that the leader repeats periodically, and the report of how its rounds went."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import ClassVar, Self

import structlog

from corral import metrics
from corral.errors import CorralError, LeaseLost
from corral.maintenance.apart import Apart
from corral.maintenance.leadership import Reign
from corral.waiting import doubling, wait_for_event

log = structlog.get_logger(__name__)

BACKOFF_SECONDS = (0.2, 5.0)
"""First and longest wait after failed rounds."""


class Duty(ABC):
    """One duty of one leader. Repeating a round, or two leaders doing it at once, does no harm."""

    name: ClassVar[str]
    period: float
    """Seconds between the beginnings of two rounds."""
    longest_rest: float = 60.0
    """Seconds after which there is a round even though nothing was found to do, where somebody looks for that."""
    _attended = False

    @cached_property
    def _found(self) -> asyncio.Event:
        """Set when something was found to do."""
        return asyncio.Event()

    @cached_property
    def apart(self) -> Apart:
        """Isolates the parts of a round."""
        return Apart(self.name)

    @abstractmethod
    async def round(self, reign: Reign) -> int:
        """Do what is due now; returns how many things were done.

        Raises:
            LeaseLost: another leads.
            CorralError: the round failed and is tried again.
        """

    async def __aenter__(self) -> Self:
        """Begin: open what all rounds need."""
        return self

    async def __aexit__(  # noqa: B027 - most duties hold nothing
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End: close it."""

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Wait until the next round, or the end of the reign: where somebody looks, until something is found."""
        began = time.monotonic()
        if self._attended:
            await wait_for_event(self._found, max(seconds, self.longest_rest))
            seconds = max(0.0, seconds - (time.monotonic() - began))
        await wait_for_event(reign.over, seconds)
        self._found.clear()

    def looked_for(self, *, found: bool) -> None:
        """Somebody looks whether there is something to do, and found something or nothing."""
        self._attended = True
        if found:
            self._found.set()

    def unattended(self) -> None:
        """Nobody looks any more: rounds come at the duty's own period."""
        if self._attended:
            self._attended = False
            self._found.set()

    def anything_found(self) -> bool:
        """Whether there is something to do as far as is known; asked once a round by duties that rest otherwise."""
        found = self._found.is_set() or not self._attended
        self._found.clear()
        return found

    def failed(self) -> None:  # noqa: B027 - most duties rest on nothing
        """Called after a round failed: forget what is valid only after successful rounds without a gap."""


@dataclass(slots=True)
class DutyReport:
    """Figures about the rounds of a duty so far. Others read them as JSON through corral.dispatch."""

    period: float
    rounds: int = 0
    failures: int = 0
    done: int = 0
    """Number of things done in all rounds: jobs promoted, rows removed."""
    ran_at: str | None = None
    """When the last round ended, in UTC by the leader's clock: to be shown, not compared."""
    seconds: float = 0.0
    """Duration of the last round."""
    error: str | None = None
    """Why the last round, or which parts of it, failed; None where nothing failed."""


async def perform(
    duty: Duty, reign: Reign, report: DutyReport, clock: Callable[[], float] = time.monotonic
) -> None:
    """Repeat a duty's rounds until the reign is over, whatever fails.

    Raises:
        LeaseLost: another leads.
    """
    waits = doubling(*BACKOFF_SECONDS)
    while not reign.over.is_set():
        try:
            async with duty:
                await _rounds(duty, reign, report, clock)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - it could not take hold of what its rounds need: the others go on
            report.error = str(error) or repr(error)
            report.failures += 1
            metrics.DUTY_ERRORS.labels(duty.name).inc()
            log.warning("duty.not_begun", duty=duty.name, error=repr(error))
            await wait_for_event(reign.over, next(waits))


async def _rounds(duty: Duty, reign: Reign, report: DutyReport, clock: Callable[[], float]) -> None:
    waits = doubling(*BACKOFF_SECONDS)
    while not reign.over.is_set():
        began = clock()
        report.error, broken_off = None, False
        try:
            report.done += await duty.round(reign)
            waits = doubling(*BACKOFF_SECONDS)
            report.error = duty.apart.told()
        except LeaseLost:
            raise
        except CorralError as error:
            report.error, broken_off = str(error), True
            log.warning("duty.failed", duty=duty.name, error=report.error)
        except Exception as error:
            report.error, broken_off = repr(error), True
            log.exception("duty.broken", duty=duty.name)
        took = clock() - began
        metrics.DUTY_SECONDS.labels(duty.name).observe(took)
        report.rounds += 1
        report.seconds = round(took, 4)
        report.ran_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if report.error is not None:
            report.failures += 1
            metrics.DUTY_ERRORS.labels(duty.name).inc()
        if broken_off:
            duty.failed()
            duty.apart.told()
            await wait_for_event(reign.over, next(waits))
            continue
        if took > duty.period:
            metrics.TICKS_SKIPPED.labels(duty.name).inc(took // duty.period)
        await duty.rest(max(0.0, duty.period - took), reign)
