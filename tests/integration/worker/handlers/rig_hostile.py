"""User code that raises whatever it can, wherever it is called: the same in each executor."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from pydantic import BaseModel, field_serializer, field_validator

from corral.catalog import JobType, job_type


class Told(BaseException):
    """Like KeyboardInterrupt: no Exception."""


class Silent(Exception):
    """Ends the process when it is asked what it says."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Text(str):
    """A text that is none when it is sent or stored."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        raise RuntimeError("not to be sent")

    def __len__(self) -> int:
        raise RuntimeError("not to be counted")


class Wordy(Exception):
    def __str__(self) -> str:
        return Text("wordy")


class Needy(Exception):
    """Can't be made again from its arguments, and refuses to be pickled."""

    def __init__(self, one: str, *, two: str) -> None:
        self.one, self.two = one, two

    def __str__(self) -> str:
        return f"{self.one} {self.two}"

    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


class Masked(Exception):
    """Lies about its traceback and its class."""

    @property
    def __traceback__(self) -> Any:
        raise RuntimeError("no traceback")

    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class Nameless(type):
    @property
    def __module__(cls) -> Any:
        raise SystemExit(4)


class Foundling(Exception, metaclass=Nameless): ...


def deep() -> NoReturn:
    deep()


def grouped() -> NoReturn:
    raise ExceptionGroup("several", [KeyError("one"), ExceptionGroup("more", [ValueError("two")])])


def nested() -> NoReturn:
    error: Exception = ValueError("innermost")
    for _ in range(2_000):
        error = ExceptionGroup("within", [error])
    raise error


ERRORS: dict[str, Callable[[], BaseException]] = {
    "KeyError": lambda: KeyError("id"),
    "TypeError": lambda: TypeError("no"),
    "Empty": LookupError,
    "MemoryError": MemoryError,
    "StopIteration": lambda: StopIteration(1),
    "StopAsyncIteration": lambda: StopAsyncIteration(1),
    "GeneratorExit": GeneratorExit,
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "Told": lambda: Told("not even an exception"),
    "Silent": Silent,
    "Wordy": Wordy,
    "Needy": lambda: Needy("a", two="b"),
    "Masked": lambda: Masked("hidden"),
    "Foundling": lambda: Foundling("from nowhere"),
    "Odd": lambda: ValueError("nul \0 and surrogate \ud800", ["not", "text"]),
    "Long": lambda: ValueError("x" * 3_000_000),
}


def throw(what: str) -> NoReturn:
    match what:
        case "RecursionError":
            deep()
        case "Group":
            grouped()
        case "Nested":
            nested()
        case _:
            error = ERRORS[what]()
            raise error


class Hostile(BaseModel):
    at: str
    what: str

    @field_validator("what")
    @classmethod
    def check(cls, what: str, info: Any) -> str:
        if info.data["at"] == "validator":
            throw(what)
        return what

    def model_post_init(self, _context: Any) -> None:
        if self.at == "post_init":
            throw(self.what)


class Answer(BaseModel):
    at: str
    what: str

    @field_serializer("what")
    def write(self, what: str) -> str:
        if self.at == "serializer":
            throw(what)
        return what


def declare(executor: str) -> JobType[Hostile, Answer]:
    return job_type(
        f"rig.hostile_{executor}", payload=Hostile, result=Answer, queue="rig", executor=executor, retries=0
    )


def misbehave(payload: Hostile) -> Any:
    if payload.at == "handler":
        throw(payload.what)
    if payload.at == "awaitable":
        return asyncio.sleep(0)
    return Answer(at=payload.at, what=payload.what)


in_loop, in_thread, in_process = declare("async"), declare("thread"), declare("process")


@in_loop.handler
async def hostile_in_loop(payload: Hostile) -> Any:
    return misbehave(payload)


@in_thread.handler
def hostile_in_thread(payload: Hostile) -> Any:
    return misbehave(payload)


@in_process.handler
def hostile_in_process(payload: Hostile) -> Any:
    return misbehave(payload)
