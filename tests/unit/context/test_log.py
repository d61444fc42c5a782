"""Which values and errors become lines of a job's log."""

import asyncio
from typing import Any

import pytest
from tests.unit.context.noted import Noted

from corral.context import SyncContext


def raiser() -> None:
    raise ValueError("as asked \0")


def caught(function: Any = raiser) -> BaseException:
    try:
        function()
    except BaseException as error:  # noqa: BLE001  # it is what is logged
        return error
    raise AssertionError("did not raise")


def test_a_logged_exception_has_its_message_and_its_traceback(ctx: SyncContext, line: Noted):
    ctx.log(caught(), tries=3)
    ((text, fields),) = line.said
    assert text.startswith("ValueError: as asked \ufffd\nTraceback (most recent call last):")
    assert 'raise ValueError("as asked' in text
    assert fields == {"tries": 3}


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def recursive() -> None:
    recursive()


def grouped() -> None:
    raise ExceptionGroup("several", [caught(), KeyError("k")]) from caught()  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Hostile(), "Hostile: (an exception whose text can't be made: Hostile)"),
        (caught(recursive), "RecursionError"),
        (caught(grouped), "KeyError"),
        (ValueError("x" * 10**6), "ValueError: xxx"),
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_any_exception_is_a_line(ctx: SyncContext, line: Noted, error: BaseException, told: str):
    ctx.log(error)
    ((text, _),) = line.said
    assert told in text
    assert len(text) <= 4_000


class Noting(Exception):
    @property
    def __notes__(self) -> list[str]:
        raise RuntimeError


def noting() -> None:
    raise Noting("no")


def test_an_exception_that_breaks_its_own_traceback_is_told_all_the_same(ctx: SyncContext, line: Noted):
    ctx.log(caught(noting))
    ((text, _),) = line.said
    assert text.startswith("Noting: no\n")
    assert 'raise Noting("no")' in text


@pytest.mark.parametrize(
    ("said", "text"),
    [("text", "text"), (5, "5"), (None, "None"), (b"\xff", "\\xff"), ("x" * 10**6, "x" * 3999 + "…")],
)
def test_any_value_is_a_line(ctx: SyncContext, line: Noted, said: Any, text: str):
    ctx.log(said)
    assert line.said == [(text, {})]


def test_fields_may_have_any_name(ctx: SyncContext, line: Noted):
    ctx.log("said", text="field", self=1, fields=2)
    ctx.log(text="named")
    assert line.said == [("said", {"text": "field", "self": 1, "fields": 2}), ("named", {})]
