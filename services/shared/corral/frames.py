"""Where an exception was raised: the line of the team's own code, not one of a library or of Corral.

Exceptions of other people's code may answer anything, or raise, when they are asked for anything. What is read
here are the interpreter's own records, and whoever calls `described` gets a text whatever the exception does.
"""

import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType

_LIBRARIES = tuple(
    {path for key in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(key))}
)
_OURS = frozenset({"corral", "corral_local", "corral_publisher", "corral_testing", "corral_worker"})
"""Without corral_jobs: a handler that comes with Corral is shown like a team's."""
_COMPILED = (".pyx", ".pxd", ".pxi")
"""Cython's frames name the file that they were made from, wherever it was."""
MAX_CAUSES = 20
"""How far a chain of exceptions is followed."""
MAX_FRAMES = 50
"""Frames of a traceback that are shown: the innermost."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code: module, function, file and number."""

    module: str
    function: str
    file: str
    line: int
    of_team: bool
    """Whether it is the team's own code."""

    @classmethod
    def of(cls, frame: FrameType, line: int) -> "Place":
        """The line at which the frame stands, or stood."""
        code = frame.f_code
        return cls(_module(frame), code.co_qualname, code.co_filename, line, _of_team(frame))

    @property
    def grouped(self) -> str:
        """`module:function:line`: the same on every machine, so that equal failures can be counted together."""
        return f"{self.module}:{self.function}:{self.line}"

    @property
    def shown(self) -> str:
        """`file:line`, as editors open it, and the function."""
        return f"{self.file}:{self.line}, in {self.function}"


def trace_of(error: BaseException) -> TracebackType | None:
    """The traceback that the interpreter keeps, whatever the exception's class says of it."""
    trace: TracebackType | None = BaseException.__dict__["__traceback__"].__get__(error)
    return trace


def formatted(error: BaseException, trace: TracebackType | None) -> str:
    """The traceback as text, with what caused it. It calls the exception's own code, which may raise anything."""
    told = traceback.TracebackException(
        type(error), error, trace, limit=-MAX_FRAMES, compact=True, max_group_width=5
    )
    return "".join(told.format())


def place_of(error: BaseException) -> Place | None:
    """The innermost line of the team's code, in the exception or else in what caused it; else a library's."""
    one: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if one is None:
            break
        found = place_in(list(_frames(trace_of(one))))
        if found is not None and found.of_team:
            return found
        cause = _linked(one, "__cause__")
        one = _linked(one, "__context__") if cause is None else cause
    return place_in(list(_frames(trace_of(error))))


def place_in(stack: Sequence[tuple[FrameType, int]]) -> Place | None:
    """The innermost line of the team's code in a stack, outermost frame first; else a library's."""
    team = [found for found in stack if _of_team(found[0])]
    libraries = team or [found for found in stack if not _of_ours(found[0])]
    return Place.of(*libraries[-1]) if libraries else None


def class_name(error: BaseException) -> str:
    """The class's qualified name without its module: `KeyError`, `Order.Refused`."""
    name: str = type.__dict__["__qualname__"].__get__(type(error))
    return name


def text(error: BaseException) -> str:
    """What the exception says: a plain `str`, whatever its class does when it is asked."""
    try:
        said = str(error)
        if type(said) is str:
            return said
        return str.encode(said, "utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    except BaseException:  # noqa: BLE001  # any class's own code
        return f"(an exception whose text can't be made: {class_name(error)})"


def described(error: BaseException, *, where: bool = True) -> str:
    """`KeyError: 'id' (acme/models.py:12, in Order.check)`: the exception, and its place where there is one."""
    said = text(error)
    named = f"{class_name(error)}: {said}" if said else class_name(error)
    found = place_of(error) if where else None
    return f"{named} ({found.shown})" if found else named


def _linked(error: BaseException, name: str) -> BaseException | None:
    link: BaseException | None = BaseException.__dict__[name].__get__(error)
    return link


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno or 0  # the interpreter knows no line of some frames
        trace = trace.tb_next


def _of_team(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return not (_of_ours(frame) or name.startswith(("<frozen", *_LIBRARIES)) or name.endswith(_COMPILED))


def _of_ours(frame: FrameType) -> bool:
    return _module(frame).partition(".")[0] in _OURS


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))
