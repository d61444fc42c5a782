"""How a report is made slow or made to fail, so that a person can watch progress and retries; in demo mode only."""

import time
from dataclasses import dataclass

from corral.context import SyncContext
from corral_jobs.report.request import ReportRequest

STEP_SECONDS = 0.25
"""Seconds between two reports of progress."""
PHASES = ("fetch", "process", "render")
BOUNDS = (10, 30, 60, 95)
"""Percent at which each phase begins, and at which the last one ends."""


@dataclass(frozen=True, slots=True)
class PacedProgress:
    """The progress of a report whose phases take at least so long, and which fails as often as it was asked to."""

    request: ReportRequest
    ctx: SyncContext

    def __call__(self, percent: int, message: str) -> None:
        """Tell the progress; at the beginning of a phase, wait and fail as asked."""
        self.ctx.progress(percent, message)
        phase = message.partition(":")[0]
        if percent not in BOUNDS[:3]:
            return
        at = PHASES.index(phase)
        if self.request.pace is not None:
            self._wait(self.request.pace[at], BOUNDS[at], BOUNDS[at + 1], message)
        # By the attempt's number, which a person's retry does not set back: so a report fails, and is then made.
        if phase == "process" and self.ctx.attempt <= self.request.fail_times:
            raise RuntimeError(f"error {self.ctx.attempt} of {self.request.fail_times}, as asked")

    def _wait(self, seconds: float, begin: int, end: int, message: str) -> None:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            self.ctx.progress(begin + (end - begin) * passed / seconds, message)
            time.sleep(min(STEP_SECONDS, seconds - passed))
