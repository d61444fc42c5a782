"""From what went wrong in a handler to the error that is stored: bounded, printable, grouped by place.

What was raised is other people's code: its class may raise again, end the process, or answer anything when it is
asked for its text. Nothing here raises, whatever the exception does.
"""

import signal
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TypeGuard

from corral import frames
from corral.frames import Place
from corral.job.outcome import ErrorKind, JobError
from corral_worker.own_process.stack import OURS, Stack

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 16_000
"""Characters; the ends of a longer text are kept, its middle is cut."""
CUT_CHARACTERS = 40
"""Characters by which a text may exceed its limit: those of the sentence that says what was cut."""
MAX_NAME = 200
MIB = 1_048_576
MAX_LEAVES = 3
"""Exceptions of a group that its message tells; its traceback has more of them."""


def failure(kind: ErrorKind, error: BaseException, *, doing: str = "") -> JobError:
    """The stored form of an exception that the team's code raised.

    Args:
        kind: what sort of failure it makes of the attempt.
        error: the exception.
        doing: what was going on, where that was not the handler: the message then begins with it, and names the
            exception and its place.
    """
    try:
        trace = _without_ours(frames.trace_of(error))
        place = frames.place_of(error)
        return JobError(
            kind=kind,
            type=cut(_type(error), MAX_NAME),
            message=cut(_message(error, place, doing), MAX_MESSAGE),
            traceback=cut(_traceback(error, trace), MAX_TRACEBACK),
            place=cut(place.grouped, MAX_NAME) if place else "",
        )
    except BaseException:  # noqa: BLE001  # out of memory, out of stack: the attempt ends all the same
        return JobError(
            kind, frames.class_name(error), f"{doing or 'the handler'}: {frames.class_name(error)}"
        )


def timed_out(seconds: float, stack: Stack | None = None) -> JobError:
    """An attempt that ran past its timeout; `stack` is where it was."""
    stack = stack or Stack()
    return JobError(
        kind=ErrorKind.TIMEOUT,
        type="builtins.TimeoutError",
        message=f"ran longer than its timeout of {seconds:g} s",
        traceback=cut(stack.text, MAX_TRACEBACK),
        place=cut(stack.place, MAX_NAME),
    )


def child_died(exitcode: int | None) -> JobError:
    """A child process that ended without an outcome. Source: a negative code is the signal's number."""
    if exitcode is not None and exitcode < 0:
        how = death(exitcode)
        hint = "; out of memory is the usual reason" if -exitcode == signal.SIGKILL else ""
        message = f"the process was killed by {how}{hint}"
    else:
        message = f"the process ended with exit code {exitcode} before the handler returned"
    return JobError(kind=ErrorKind.EXIT, type="ProcessDied", message=message)


def over_memory(used: int, limit: int) -> JobError:
    """An attempt whose process was ended because of its memory; `used` is in bytes, `limit` in MiB."""
    return JobError(
        kind=ErrorKind.MEMORY,
        type="MemoryLimitExceeded",
        message=f"used {used / MIB:,.0f} MiB of memory, more than its memory_limit of {limit:,} MiB",
    )


def death(exitcode: int | None) -> str:
    """How a process ended, in short: `SIGKILL`, or `exit 3`."""
    if exitcode is None or exitcode >= 0:
        return f"exit {exitcode}"
    try:
        return signal.Signals(-exitcode).name
    except ValueError:
        return f"signal {-exitcode}"


def cut(text: str, limit: int) -> str:
    """Text that Postgres can hold, and at most about `limit` characters of it: both ends are kept."""
    text = _ends(text, limit)
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return _ends(text, limit)  # what was spelled out is longer


def _ends(text: str, limit: int) -> str:
    if len(text) <= limit + CUT_CHARACTERS:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters cut …\n{text[-half:]}"


def _type(error: BaseException) -> str:
    try:
        return f"{type(error).__module__}.{frames.class_name(error)}"
    except BaseException:  # noqa: BLE001  # a metaclass may do anything
        return frames.class_name(error)


def _message(error: BaseException, place: Place | None, doing: str) -> str:
    """What the exception says. Where that alone would tell nobody what happened: which one it is, and where."""
    if doing or not issubclass(type(error), Exception):
        named = frames.described(error, where=False)
        return f"{f'{doing}: ' if doing else ''}{named}{f' ({place.shown})' if place else ''}"
    if _is_group(error):
        return f"{frames.text(error)}: {_leaves(error)}"
    return frames.text(error) or frames.class_name(error)


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    """By its own class: one that pretends to be another may raise when it is asked."""
    return issubclass(type(error), BaseExceptionGroup)


def _leaves(group: BaseExceptionGroup[BaseException]) -> str:
    """The first exceptions of a group, each with its place."""
    told: list[str] = []
    for leaf in _flat(group):
        if len(told) == MAX_LEAVES:
            told.append("…")
            break
        told.append(cut(frames.described(leaf), MAX_MESSAGE // MAX_LEAVES))
    return "; ".join(told)


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """What is in a group and in the groups in it; depth costs no stack."""
    left: list[BaseException] = [group]
    while left:
        one = left.pop()
        if _is_group(one):
            left.extend(reversed(one.exceptions))
        else:
            yield one


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the handler on: the worker's own frames say nothing to its author."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OURS):
        trace = trace.tb_next
    return trace


def _traceback(error: BaseException, trace: TracebackType | None) -> str:
    try:
        return frames.formatted(error, trace)
    except BaseException:  # noqa: BLE001  # formatting calls the exception's own code
        lines = traceback.format_tb(trace, limit=-frames.MAX_FRAMES)
        return "".join(["Traceback (most recent call last):\n", *lines, f"{frames.class_name(error)}\n"])
