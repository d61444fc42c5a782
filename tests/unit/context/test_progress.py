"""What progress a context takes, and what is an error of the call."""

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.context.noted import CLAIMED, Noted, Number, Word

from corral.context import SyncContext


@pytest.mark.parametrize(
    ("percent", "kept"),
    [
        (0, 0), (100, 100), (40.4, 40), (99.6, 100), (-5, 0), (-0.0, 0), (130, 100), (2**70, 100), pytest.param(-(10**400), 0, id="hugely negative"),
        pytest.param(10**400, 100, id="huge"), (Decimal("12.5"), 12), (Fraction(1, 3), 0), (Number(7), 7),
    ],
)  # fmt: skip
def test_progress_is_a_number_and_ends_at_both_ends(ctx: SyncContext, line: Noted, percent: Any, kept: int):
    ctx.progress(percent)
    assert line.said == [(kept, None)]
    assert type(line.said[0][0]) is int


@pytest.mark.parametrize("percent", [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("Infinity")])
def test_progress_that_is_no_finite_number_is_an_error_of_the_call(
    ctx: SyncContext, line: Noted, percent: Any
):
    with pytest.raises(ValueError, match="progress is a number from 0 to 100, not"):
        ctx.progress(percent)
    assert line.said == []


@pytest.mark.parametrize("percent", ["50", b"50", True, None, [50], 1j, object(), Word.A])
def test_progress_that_is_no_number_is_an_error_of_the_call(ctx: SyncContext, line: Noted, percent: Any):
    with pytest.raises(TypeError, match="progress is a number from 0 to 100, not"):
        ctx.progress(percent)
    assert line.said == []


@pytest.mark.parametrize("message", [5, b"text", ["text"], object(), 1.5, Path("/a")])
def test_the_message_of_progress_is_a_text(ctx: SyncContext, line: Noted, message: Any):
    with pytest.raises(TypeError, match="the message of progress is a text, not"):
        ctx.progress(50, message)
    assert line.said == []


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("half", "half"),
        ("", ""),
        (None, None),
        ("\0\ud800", "\ufffd?"),
        ("x" * 10**6, "x" * 499 + "…"),
        (Word.A, "a word"),
    ],
)
def test_messages_of_progress_can_be_stored(ctx: SyncContext, line: Noted, message: Any, kept: str | None):
    ctx.progress(50, message)
    assert line.said == [(50, kept)]
    assert type(line.said[0][1]) in (str, type(None))


@given(st.one_of(st.integers(), st.floats(), st.decimals(), st.fractions()))
def test_every_number_is_progress_or_not_finite(percent: Any):
    line = Noted()
    try:
        SyncContext(CLAIMED, line, None).progress(percent)
    except ValueError:
        assert not (percent.is_finite() if isinstance(percent, Decimal) else math.isfinite(percent))
    else:
        assert 0 <= line.said[0][0] <= 100
