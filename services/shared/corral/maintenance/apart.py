"""Isolates the parts of a duty's round from each other: a part that fails does not prevent the next one."""

from types import TracebackType

import structlog

from corral import metrics
from corral.errors import LeaseLost, Refused, Unavailable

log = structlog.get_logger(__name__)

REFUSALS_IN_A_ROW = 3
"""Refusals in a row after which the round is broken off: then the server is in trouble, and not one part."""
NAMED_FAILURES = 3
"""Failures that a report names; further ones are counted."""


class Apart:
    """Runs the parts of a round, each isolated from the failures of the others, and records which ones failed."""

    def __init__(self, duty: str) -> None:
        self._duty = duty
        self._failed: dict[str, str] = {}
        self._refusals = 0

    def each(self, thing: str) -> "DutyPart":
        """A context for one part: its failure is counted and logged with its name, and the next part may begin.

        Raises:
            LeaseLost: another leads.
            Unavailable: a server is away, or refuses one thing after another.
        """
        return DutyPart(self, thing)

    def ended(self, thing: str, error: BaseException | None) -> bool:
        """Record how one part ended; returns whether the round may go on."""
        match error:
            case None:
                self._refusals = 0
                return True
            case Refused():
                self._refusals += 1
                if self._refusals >= REFUSALS_IN_A_ROW:
                    return False
                log.warning("duty.part_failed", duty=self._duty, part=thing, error=str(error))
            case LeaseLost() | Unavailable():
                return False
            case Exception():
                self._refusals = 0
                log.warning(
                    "duty.part_failed", duty=self._duty, part=thing, error=repr(error), exc_info=error
                )
            case _:  # a cancel, or the end of the process
                return False
        self._failed[thing] = str(error) or repr(error)
        metrics.DUTY_PARTS_FAILED.labels(self._duty).inc()
        return True

    def told(self) -> str | None:
        """The failures since the last call, as a text for the report; None where there were none."""
        failed, self._failed, self._refusals = self._failed, {}, 0
        if not failed:
            return None
        named = [f"{thing}: {error}" for thing, error in list(failed.items())[:NAMED_FAILURES]]
        more = f"; and {len(failed) - NAMED_FAILURES} more" if len(failed) > NAMED_FAILURES else ""
        return "; ".join(named) + more


class DutyPart:
    """One part of a round, as a context manager."""

    def __init__(self, apart: Apart, thing: str) -> None:
        self._apart, self._thing = apart, thing

    def __enter__(self) -> None:
        """Begin the part."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """End the part; True where it failed and the round may go on."""
        return self._apart.ended(self._thing, error)
