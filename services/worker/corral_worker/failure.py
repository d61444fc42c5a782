"""From what went wrong in a handler to the error that is stored: bounded, printable, grouped by place."""

import signal
import sysconfig
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from corral.job.outcome import ErrorKind, JobError

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 16_000
"""Characters; the ends of a longer text are kept, its middle is cut."""
MAX_FRAMES = 50
MAX_NAME = 200

_OURS = str(Path(__file__).resolve().parent)
_LIBRARIES = tuple(
    {path for key in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(key))}
)


def failure(kind: ErrorKind, error: BaseException) -> JobError:
    """The stored form of an exception that a handler raised."""
    cls = type(error)
    frames = _without_ours(error.__traceback__)
    return JobError(
        kind=kind,
        type=cut(f"{cls.__module__}.{cls.__qualname__}", MAX_NAME),
        message=cut(_message(error), MAX_MESSAGE),
        traceback=cut(_traceback(error, frames), MAX_TRACEBACK),
        place=cut(_place(frames), MAX_NAME),
    )


def timed_out(seconds: float, *, place: str = "", stack: str = "") -> JobError:
    """An attempt that ran past its timeout; `stack` is where it was."""
    return JobError(
        kind=ErrorKind.TIMEOUT,
        type="builtins.TimeoutError",
        message=f"ran longer than its timeout of {seconds:g} s",
        traceback=cut(stack, MAX_TRACEBACK),
        place=place,
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


def death(exitcode: int | None) -> str:
    """A word for how a process ended: `SIGKILL`, or `exit 3`."""
    if exitcode is None or exitcode >= 0:
        return f"exit {exitcode}"
    try:
        return signal.Signals(-exitcode).name
    except ValueError:
        return f"signal {-exitcode}"


def where(frame: FrameType | None) -> str:
    """`module:function:line` of a frame."""
    if frame is None:
        return ""
    return f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}:{frame.f_lineno}"


def cut(text: str, limit: int) -> str:
    """Text that Postgres can hold, and at most about `limit` characters of it: both ends are kept."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters cut …\n{text[-half:]}"
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # the handler's own class may do anything
        return f"(an exception whose text can't be made: {type(error).__qualname__})"


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the handler on: the worker's own frames say nothing to its author."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace


def _traceback(error: BaseException, frames: TracebackType | None) -> str:
    try:
        return "".join(
            traceback.TracebackException(
                type(error), error, frames, limit=-MAX_FRAMES, compact=True, max_group_width=5
            ).format()
        )
    except Exception:  # noqa: BLE001  # as above: formatting calls the exception's own code
        return ""


def _place(trace: TracebackType | None) -> str:
    """The innermost frame of the user's code; of any code where there is none."""
    innermost = users = ""
    while trace is not None:
        frame = trace.tb_frame
        innermost = f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}:{trace.tb_lineno}"
        if not _of_library(frame.f_code.co_filename):
            users = innermost
        trace = trace.tb_next
    return users or innermost


def _of_library(filename: str) -> bool:
    return filename.startswith("<frozen") or filename.startswith(_LIBRARIES)
