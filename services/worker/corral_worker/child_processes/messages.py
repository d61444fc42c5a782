"""What the worker and a child process say to each other, in both directions.

Each message names the attempt that it belongs to, and each call has a number, so that none can be taken for
another's. Values are of plain types: framing.py lets no other cross.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from corral.errors import CorralError
from corral.job.job import Claimed
from corral.storable import text_of
from corral_worker.attempts.handler_call import Raised, Returned


class AttemptId(NamedTuple):
    """One attempt of one job."""

    job: UUID
    attempt: int

    @classmethod
    def of(cls, claimed: Claimed) -> "AttemptId":
        """The id of the attempt that a claim began."""
        return cls(claimed.id, claimed.attempt)


@dataclass(frozen=True, slots=True)
class ChildReady:
    """The child is set up and can be given work."""

    pid: int
    """The process that runs handlers; its parent is the reaper."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the handler of a job type; `modules` are those of the handler and of the declaration."""

    claimed: Claimed
    modules: tuple[str, str]
    remaining: float | None
    """Seconds until its timeout."""
    trace: str | None = None
    """The trace context of its span, where tracing is on."""


@dataclass(frozen=True, slots=True)
class RunBatch:
    """Run the handler of a job type with several jobs at once; the batch goes by its first one's attempt."""

    claims: tuple[Claimed, ...]
    modules: tuple[str, str]
    remaining: float | None
    """Seconds until the first timeout of them."""
    trace: str | None = None
    """The trace context of the call's span, where tracing is on."""

    @property
    def claimed(self) -> Claimed:
        """The one in whose name it runs."""
        return self.claims[0]


@dataclass(frozen=True, slots=True)
class Begun:
    """The child has taken the run; what of the team's code it runs comes after this."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Ended:
    """The handler ended; the child can be given work again."""

    attempt: AttemptId
    ending: Returned | Raised
    lines_dropped: int


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job of a batch has its ending; the handler goes on with the others."""

    attempt: AttemptId
    ending: Returned | Raised
    lines_dropped: int


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The newest progress."""

    attempt: AttemptId
    percent: int
    message: str | None


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A line of the job's log; the fields are JSON values."""

    attempt: AttemptId
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a method of `AttemptLink`, which the worker answers."""

    attempt: AttemptId
    number: int
    """The calls of a child are numbered over all its attempts."""
    method: str
    arguments: tuple[Any, ...]
    trace: str | None = None
    """The trace context of the handler's span that makes it."""


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """A span that the handler ended, as `corral_worker.child_processes.child_spans` writes it."""

    span: dict[str, Any]


Message = Begun | Ended | JobEnded | ProgressMessage | LogMessage | Call
"""What a child says about an attempt."""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What a call returned, or the error it raised.

    The error travels in parts: exceptions with arguments of their own don't survive pickling.
    """

    number: int
    value: Any = None
    error: tuple[type[CorralError], tuple[Any, ...], dict[str, Any]] | None = None

    @classmethod
    def refusing(cls, number: int, error: BaseException) -> "CallAnswer":
        """The answer that raises `error` in the child; a stranger's error is told, not carried."""
        if isinstance(error, CorralError) and type(error).__module__ == CorralError.__module__:
            return cls(number, error=(type(error), error.args, dict(vars(error))))
        return cls(number, error=(CorralError, (f"{type(error).__qualname__}: {text_of(error, 1000)}",), {}))

    def unwrap(self) -> Any:
        """The value; raises the error."""
        if self.error is None:
            return self.value
        cls, arguments, attributes = self.error
        error = cls.__new__(cls, *arguments)
        vars(error).update(attributes)
        raise error
