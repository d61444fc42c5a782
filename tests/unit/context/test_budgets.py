"""Amounts as handlers give them to `ctx.budget`."""

import math
from typing import Any

import pytest

from corral.context.budgets import amount


@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, math.nan, -1])
def test_an_amount_that_is_none_is_refused_by_its_name(value: Any):
    with pytest.raises(ValueError, match=r"^cost is .*; it must be a number of 0 or more$"):
        amount("cost", value)


@pytest.mark.parametrize("value", [True, "5", None, [1]])
def test_what_is_no_number_is_refused_by_its_kind(value: Any):
    with pytest.raises(TypeError, match=r"^cost is a number, not a "):
        amount("cost", value)
