"""A duty: something the leader does again and again, and what is known of how that went."""

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
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

LONGEST_BACKOFF_SECONDS = 5.0


class Duty(ABC):
    """One duty of one reign. Its rounds may be repeated, and done by two leaders at once, without harm."""

    name: ClassVar[str]
    period: float
    """Seconds between the beginnings of two rounds."""

    @cached_property
    def apart(self) -> Apart:
        """Keeps the parts of a round apart."""
        return Apart(self.name)

    @abstractmethod
    async def round(self, reign: Reign) -> int:
        """Do what is to be done now; answers how many things were done.

        Raises:
            LeaseLost: another leads.
            CorralError: it is tried again.
        """

    async def __aenter__(self) -> Self:
        """Begin the reign: take hold of what all rounds need."""
        return self

    async def __aexit__(  # noqa: B027 - most duties hold nothing
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it: let go."""

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Wait for the next round, or for the end of the reign."""
        await wait_for_event(reign.over, seconds)

    def failed(self) -> None:  # noqa: B027 - most duties rest on nothing
        """A round was broken off: forget what rested on an unbroken row of successes."""


@dataclass(slots=True)
class DutyReport:
    """How a duty went so far. Read by others through corral.dispatch, as JSON."""

    period: float
    rounds: int = 0
    failures: int = 0
    done: int = 0
    """Things done in all rounds: jobs promoted, rows removed."""
    ran_at: str | None = None
    """The last round's end, UTC, by the leader's clock: to be shown, not to be compared."""
    seconds: float = 0.0
    """Duration of the last round."""
    error: str | None = None
    """Why the last round failed, or which parts of it and why; None where nothing did."""


async def perform(
    duty: Duty, reign: Reign, report: DutyReport, clock: Callable[[], float] = time.monotonic
) -> None:
    """Do a duty until the reign is over, whatever goes wrong.

    Raises:
        LeaseLost: another leads.
    """
    failures = 0
    while not reign.over.is_set():
        try:
            async with duty:
                await _rounds(duty, reign, report, clock)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - it could not take hold of what its rounds need: the others go on
            failures += 1
            report.error = str(error) or repr(error)
            report.failures += 1
            metrics.DUTY_ERRORS.labels(duty.name).inc()
            log.warning("duty.not_begun", duty=duty.name, error=repr(error))
            await wait_for_event(reign.over, _again_in(failures))


async def _rounds(duty: Duty, reign: Reign, report: DutyReport, clock: Callable[[], float]) -> None:
    failures = 0
    while not reign.over.is_set():
        began = clock()
        report.error, broken_off = None, False
        try:
            report.done += await duty.round(reign)
            failures = 0
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
            failures += 1
            duty.failed()
            duty.apart.told()
            await wait_for_event(reign.over, _again_in(failures))
            continue
        if took > duty.period:
            metrics.TICKS_SKIPPED.labels(duty.name).inc(took // duty.period)
        await duty.rest(max(0.0, duty.period - took), reign)


def _again_in(failures: int) -> float:
    """Seconds, after so many failures in a row."""
    return min(0.1 * 2.0 ** min(failures, 10), LONGEST_BACKOFF_SECONDS)
