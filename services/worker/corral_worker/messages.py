"""What the worker and a child process say to each other, in both directions."""

from dataclasses import dataclass
from typing import Any

from corral.errors import CorralError
from corral.job.job import Claimed
from corral_worker.ending import Raised, Returned


@dataclass(frozen=True, slots=True)
class Ready:
    """The child leads a process group of its own and can be given work."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the handler of a job type; `modules` are those of the handler and of the declaration."""

    claimed: Claimed
    modules: tuple[str, str]
    remaining: float | None
    """Seconds until its timeout."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The handler ended; the child can be given work again."""

    ending: Returned | Raised
    lines_dropped: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest progress."""

    percent: int
    message: str | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the job's log; the fields are JSON values."""

    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the worker's line, to be answered."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned, or the error it raised.

    The error travels in parts: exceptions with arguments of their own don't survive pickling.
    """

    number: int
    value: Any = None
    error: tuple[type[CorralError], tuple[Any, ...], dict[str, Any]] | None = None

    @classmethod
    def refusing(cls, number: int, error: BaseException) -> "Answer":
        """The answer that raises `error` in the child; a stranger's error is told, not carried."""
        if isinstance(error, CorralError):
            return cls(number, error=(type(error), error.args, dict(vars(error))))
        return cls(number, error=(CorralError, (f"{type(error).__qualname__}: {error}",), {}))

    def unwrap(self) -> Any:
        """The value; raises the error."""
        if self.error is None:
            return self.value
        cls, arguments, attributes = self.error
        error = cls.__new__(cls, *arguments)
        vars(error).update(attributes)
        raise error
