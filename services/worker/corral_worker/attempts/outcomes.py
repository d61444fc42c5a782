"""The outcome of an attempt: what its ending makes of it, decided once."""

import random
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from corral.job import backoff as backoffs
from corral.job.job import Claimed
from corral.job.limit_use import parsed
from corral.job.limits import MAX_DELAY_SECONDS
from corral.job.outcome import (
    Cancelled,
    Erred,
    Exhausted,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral_worker.attempts.failure import child_died, timed_out
from corral_worker.attempts.handler_call import Died, Ending, Raised, RequestedOutcome, Returned
from corral_worker.own_process.stack import Stack


class Stop(Enum):
    """Why an attempt was told to stop before its handler ended by itself."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"
    """The job is no longer this worker's: whatever the handler does is not written."""


def outcome_of(
    ending: Ending,
    stop: Stop | None,
    claimed: Claimed,
    backoff: backoffs.Backoff,
    chance: random.Random,
    *,
    seen: JobError | None = None,
) -> Outcome:
    """The outcome of an attempt that was not lost.

    A success under way wins over a cancel and over a release (rule 19), not over a timeout. `seen` is its timeout as an
    error, where the handler was seen to go on past it; `chance` is for the jitter of the backoff.
    """
    match stop:
        case Stop.TIMEOUT:
            return _erred(claimed, seen or _timeout(ending, claimed), backoff, chance)
        case Stop.CANCEL if not isinstance(ending, Returned):
            return Cancelled("a cancel was requested")
        case Stop.RELEASE | Stop.LOST if not isinstance(ending, Returned):
            return Released("the worker is stopping")
        case _:
            return _own(ending, claimed, backoff, chance)


def success_of(ending: Ending, stop: Stop | None) -> Succeeded | None:
    """The outcome of a handler that returned in time, whatever else it was told; None for every other ending.

    It needs no look at the options that are in force, and nearly all attempts have it.
    """
    if not isinstance(ending, Returned) or stop is Stop.TIMEOUT:
        return None
    return _SUCCEEDED if ending.result is None else Succeeded(ending.result)


def _own(ending: Ending, claimed: Claimed, backoff: backoffs.Backoff, chance: random.Random) -> Outcome:
    """The outcome of a handler that ended by itself."""
    match ending:
        case Returned(result=result):
            return Succeeded(result)
        case Died(exitcode=exitcode):
            return _erred(claimed, child_died(exitcode), backoff, chance)
        case Raised(error=error, requested=RequestedOutcome.DISCARD):
            return Exhausted(error)
        case Raised(error=error, requested=RequestedOutcome.CANCEL):
            return Cancelled(error.message)
        case Raised(requested=RequestedOutcome.SNOOZE | RequestedOutcome.PARK):
            return _later(ending, claimed, backoff, chance)
        case Raised(error=error, after=after):
            return _erred(claimed, error, backoff, chance, after)


def _later(ending: Raised, claimed: Claimed, backoff: backoffs.Backoff, chance: random.Random) -> Outcome:
    """The outcome of a handler that asked for a wait."""
    error, after = ending.error, _wait(ending.after or 0.0)
    if ending.requested is RequestedOutcome.SNOOZE:
        return Snoozed(after, error)
    name, fault = parked_name(claimed.limits, ending.limit)
    if name is not None:
        return Parked(after, name, error.message)
    return _erred(claimed, replace(error, message=f"{error.message}: {fault}"), backoff, chance, after)


def parked_name(names: Sequence[str], limit: str | None) -> tuple[str | None, str]:
    """Which of the names that a job takes of is parked, or why none is.

    Where a limit counts by keys that is the job's key of it; elsewhere the whole limit.
    """
    if not names:
        return None, "nothing is parked, because the job takes of no limit; name limits= in its declaration"
    limits = {parsed(name)[0] for name in names}
    if limit in names and limit not in limits:
        return limit, ""
    chosen = limits if limit is None else limits & {limit}
    keyed = [name for name in names if parsed(name)[0] in chosen and name not in chosen]
    if len(chosen) == 1 and len(keyed) <= 1:
        return (*keyed, *chosen)[0], ""
    if len(chosen) == 1:
        return (
            None,
            f"nothing is parked, because the job takes of several keys ({', '.join(keyed)}); name one with limit=",
        )
    listed = ", ".join(sorted(limits))
    if limit is None:
        return (
            None,
            f"nothing is parked, because the job takes of several limits ({listed}); name one with limit=",
        )
    return (
        None,
        f"nothing is parked, because the job does not take of the limit {limit!r:.120}, but of {listed}",
    )


def _erred(
    claimed: Claimed,
    error: JobError,
    backoff: backoffs.Backoff,
    chance: random.Random,
    after: float | None = None,
) -> Outcome:
    errors = claimed.errors + 1
    if errors > claimed.retries:
        return Exhausted(error)
    if after is None:
        return Erred(error, backoffs.wait(backoff, errors, chance))
    return Erred(error, _wait(after))


def _wait(seconds: float) -> float:
    return min(max(0.0, seconds), MAX_DELAY_SECONDS)


def _timeout(ending: Ending, claimed: Claimed) -> JobError:
    """The error of a timeout, with the place where the handler was, as far as that can be told."""
    seconds = claimed.timeout or 0.0
    if isinstance(ending, Raised):
        return timed_out(seconds, Stack(ending.error.place, ending.error.traceback))
    return timed_out(seconds)


_SUCCEEDED = Succeeded(None)
"""One for all that return nothing."""
