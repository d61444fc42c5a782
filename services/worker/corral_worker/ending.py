"""How a handler ended, as values, and what outcome that makes of the attempt."""

import math
import random
from dataclasses import dataclass
from enum import Enum

from corral.errors import Discard, JobCancelled, Retry
from corral.job import backoff as backoffs
from corral.job.job import Claimed
from corral.job.limits import MAX_DELAY_SECONDS
from corral.job.outcome import (
    Cancelled,
    Erred,
    ErrorKind,
    Exhausted,
    JobError,
    Outcome,
    Released,
    Succeeded,
)
from corral_worker.failure import child_died, failure, timed_out
from corral_worker.stack import Stack


class RequestedOutcome(Enum):
    """What a failed handler asks for."""

    BACKOFF = "backoff"
    """Nothing in particular: the type's backoff."""
    DISCARD = "discard"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned; `result` is JSON text or None."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised, or could not be called, or returned what can't be stored."""

    error: JobError
    requested: RequestedOutcome = RequestedOutcome.BACKOFF
    after: float | None = None
    """Seconds until the next try, where the handler named them."""


@dataclass(frozen=True, slots=True)
class Died:
    """The child process ended before the handler did; `exitcode` is negative for a signal."""

    exitcode: int | None


Ending = Returned | Raised | Died


class Stop(Enum):
    """Why an attempt was told to stop."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"
    """The job is no longer this worker's: whatever the handler does is not written."""


def raised(error: BaseException) -> Raised:
    """The ending of a handler that raised. Never raises itself."""
    try:
        match _wish(error):
            case Discard():
                return Raised(failure(ErrorKind.DISCARD, error), RequestedOutcome.DISCARD)
            case JobCancelled():
                return Raised(failure(ErrorKind.EXCEPTION, error), RequestedOutcome.CANCEL)
            case Retry() as retry:
                return Raised(failure(ErrorKind.EXCEPTION, error), after=_seconds(retry))
            case _:
                return Raised(failure(ErrorKind.EXCEPTION, error))
    except BaseException:  # noqa: BLE001  # a class may raise when it is asked what it is
        return Raised(failure(ErrorKind.EXCEPTION, error))


def _wish(error: BaseException) -> BaseException:
    """What asks for something: the exception, or the only one in a group, which is how a TaskGroup passes it on."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _seconds(retry: Retry) -> float | None:
    """The wait that a Retry names; the type's backoff where that is no number of seconds."""
    try:
        seconds = float(retry.after)  # type: ignore[arg-type]  # a handler's, so it may be anything
    except BaseException:  # noqa: BLE001  # also a subclass whose `after` raises
        return None
    return None if math.isnan(seconds) else seconds


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

    A success under way wins over a cancel and over a release (rule 19), not over a timeout.

    Args:
        ending: how the handler ended.
        stop: why it was told to stop, if it was.
        claimed: its job.
        backoff: of its job type.
        chance: for the jitter.
        seen: its timeout as an error, where it was seen to go on past it.
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
        case Raised(error=error, after=after):
            return _erred(claimed, error, backoff, chance, after)


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
    return Erred(error, min(max(0.0, after), MAX_DELAY_SECONDS))


def _timeout(ending: Ending, claimed: Claimed) -> JobError:
    """The error of a timeout, with the place where the handler was, as far as that can be told."""
    seconds = claimed.timeout or 0.0
    if isinstance(ending, Raised):
        return timed_out(seconds, Stack(ending.error.place, ending.error.traceback))
    return timed_out(seconds)
