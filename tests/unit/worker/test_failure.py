import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.job.outcome import ErrorKind
from corral_worker.attempts.failure import CUT_CHARACTERS, MAX_MESSAGE, MAX_TRACEBACK, cut, failure


def caught(function, *arguments):
    try:
        function(*arguments)
    except BaseException as error:  # noqa: BLE001
        return failure(ErrorKind.EXCEPTION, error)
    raise AssertionError("did not raise")


def in_library():
    json.loads("{")


def recursive(n: int) -> int:
    return recursive(n + 1)


def test_the_place_is_the_innermost_frame_of_the_users_code():
    error = caught(in_library)
    module, function, line = error.place.split(":")
    assert (module.endswith("test_failure"), function, line.isdigit()) == (True, "in_library", True)
    assert "json" in error.traceback


def test_equal_causes_have_equal_fingerprints():
    assert caught(in_library).fingerprint == caught(in_library).fingerprint
    assert caught(in_library).fingerprint != caught(int, "x").fingerprint


def test_endless_recursion_makes_a_short_traceback():
    assert len(caught(recursive, 0).traceback) < MAX_TRACEBACK + 100


def test_causes_and_groups_are_told():
    def chained():
        try:
            in_library()
        except ValueError as error:
            raise ExceptionGroup("several", [KeyError("k"), error]) from error

    told = caught(chained).traceback
    assert "KeyError" in told
    assert "JSONDecodeError" in told


class Hostile(Exception):
    def __str__(self) -> str:
        raise SystemError

    __repr__ = __str__


def test_an_exception_that_cannot_be_printed_is_told_by_its_class():
    def hostile():
        raise Hostile

    error = caught(hostile)
    assert "Hostile" in error.type
    assert "Hostile" in error.message


@given(st.text(st.characters()), st.integers(2, 5000))
def test_a_cut_text_is_bounded_and_can_be_stored(text: str, limit: int):
    short = cut(text, limit)
    assert "\0" not in short
    short.encode()
    assert len(short) <= limit + CUT_CHARACTERS + 20
    if len(text) <= limit and text.isascii() and "\0" not in text:
        assert short == text


def test_a_long_message_keeps_both_ends():
    def long():
        raise ValueError("begin" + "x" * 100_000 + "end")

    message = caught(long).message
    assert len(message) < MAX_MESSAGE + 100
    assert message.startswith("begin")
    assert message.endswith("end")


@pytest.mark.parametrize("character", ["x", "\0", "\ud800", "é"])
def test_no_text_passes_its_limit_whatever_it_holds(character: str):
    for length in (0, 100, 101, 140, 141, 1_000, 100_000):
        shown = cut(character * length, 100)
        assert len(shown) <= 100 + CUT_CHARACTERS
        assert "\0" not in shown
        shown.encode()
        assert length > 100 or character in "\0\ud800" or shown == character * length
