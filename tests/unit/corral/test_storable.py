"""Whatever a handler says has a form that can be stored: for all values, and for the oddest."""

import itertools
import json
import math
import sys
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from corral import json_codec
from corral.storable import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, printable, storable, text_of

ODD_TEXTS = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\0\ud800\udfff…"), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    ODD_TEXTS,
    st.binary(max_size=10),
    st.complex_numbers(),
    st.decimals().filter(lambda number: not number.is_snan()),  # it has no hash
    st.fractions(),
    st.datetimes(),
    st.timedeltas(),
    st.uuids(),
    st.builds(object),
    st.builds(ValueError, ODD_TEXTS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4),
    max_leaves=8,
)


def check(fields: dict[str, Any]) -> dict[str, Any]:
    """The storable form, after what every store and reader asks of it."""
    made = storable(fields)
    text = json_codec.dumps(made)
    assert b"\\u0000" not in text.replace(b"\\\\", b"")
    assert json_codec.loads(text) == made
    assert len(text) < 6 * (MAX_CHARACTERS + 20 * MAX_VALUES)
    return made


@settings(max_examples=50)
@given(st.dictionaries(ODD_TEXTS, VALUES, max_size=3))
def test_every_value_is_storable(fields: dict[str, Any]):
    made = check(fields)
    assert check(made) == made


@given(ODD_TEXTS, st.integers(1, 50))
def test_a_printable_text_is_bounded_and_can_be_stored(text: str, limit: int):
    made = printable(text, limit)
    assert len(made) <= limit
    assert "\0" not in made
    made.encode()
    if len(text) <= limit and text.isprintable():
        assert made == text


class Shade(Enum):
    DARK = "dark"


class Size(IntEnum):
    HUGE = 2**70


class Text(str):
    __slots__ = ()


@dataclass
class Point:
    x: int
    of: Any = None


class Order(BaseModel):
    n: float
    when: date
    key: SecretStr = SecretStr("secret")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


class Pretending:
    """A proxy, as web frameworks have them: it claims to be a text."""

    __class__ = str  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "a proxy"


class Unsteady(list[int]):
    def __iter__(self) -> Any:
        raise RuntimeError


Pair = namedtuple("Pair", "a b")  # noqa: PYI024  # that is the point

SAID = [
    (2**63 - 1, 2**63 - 1),
    (2**64 - 1, 2**64 - 1),
    (2**70, 2**70),
    (-(2**63) - 1, -(2**63) - 1),
    (2**1001, str(2**1001)),
    pytest.param(2**30_000, "(a whole number of 30,001 bits)", id="huge"),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (Decimal("1.10"), "1.10"),
    (Decimal("sNaN"), "sNaN"),
    (Fraction(1, 3), "Fraction(1, 3)"),
    (1j, "1j"),
    (b"bytes", "bytes"),
    (b"\xff", "\\xff"),
    ("\0\ud800", "\ufffd?"),
    (Text("own"), "own"),
    (Shade.DARK, "dark"),
    (Size.HUGE, 2**70),
    (datetime(2030, 1, 31, 9, tzinfo=UTC), "2030-01-31T09:00:00Z"),
    (timedelta(hours=1), "PT1H"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Path("/a/b"), "/a/b"),
    (ValueError("no"), "ValueError: no"),
    (Point(1, Point(2)), {"x": 1, "of": {"x": 2, "of": None}}),
    (Order(n=math.nan, when=date(2030, 1, 31)), {"n": "nan", "when": "2030-01-31", "key": "**********"}),
    ({1: {None: 2, (3, 4): 5}}, {"1": {"None": 2, "(3, 4)": 5}}),
    (OrderedDict(a=deque([1, {2}])), {"a": [1, [2]]}),
    (Pair(1, 2), [1, 2]),
    (itertools.count(), "count(0)"),
    (Unprintable(), "(a Unprintable whose text can't be made)"),
    pytest.param(Pretending(), "a proxy", id="a proxy"),
    (Unsteady([1]), "[1]"),
    (print, "<built-in function print>"),
]


@pytest.mark.parametrize(("said", "kept"), SAID)
def test_what_json_has_no_word_for_is_told_in_words(said: object, kept: object):
    assert check({"value": said}) == {"value": kept}


def test_values_within_themselves_end():
    ring: list[Any] = [1]
    ring.append({"again": ring})
    assert check({"ring": ring}) == {"ring": [1, {"again": "… (a value within itself)"}]}
    wide: list[Any] = []
    wide.extend([wide, [wide]] * 3)
    check({"wide": wide})


def test_deep_values_are_cut():
    deep: Any = "bottom"
    for _ in range(sys.getrecursionlimit() * 3):
        deep = [deep]
    made = check({"deep": deep})["deep"]
    for _ in range(MAX_DEPTH):
        (made,) = made
    assert made == "… (a list, nested too deeply)"


@pytest.mark.parametrize(
    "large",
    [
        "x" * 10_000_000,
        ["x" * 3_000] * 100,
        list(range(100_000)),
        {str(n): n for n in range(100_000)},
        [[n] * 50 for n in range(500)],
    ],
)
def test_large_values_are_cut_and_say_so(large: Any):
    assert "…" in json.dumps(check({"large": large, "after": 1}), ensure_ascii=False)


def test_more_fields_than_are_kept_are_counted():
    made = check({f"f{n}": n for n in range(MAX_VALUES + 5)})
    assert made["…"] == "5 more were not kept"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (5, "5"),
        (None, "None"),
        (b"\xff", "\\xff"),
        (Unprintable(), "(a Unprintable whose text can't be made)"),
    ],
)
def test_any_value_has_a_text(said: object, text: str):
    assert text_of(said, 100) == text
