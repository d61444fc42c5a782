"""A handler gets every whole number whole, and every decimal as far as its model can hold it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from corral.catalog import job_type
from corral.errors import Retry
from corral_worker.attempts.handler_call import read_payload, write_result

LONG = "0.12345678901234567890123"


class Price(BaseModel):
    """Money, to the last digit."""

    amount: Decimal
    pieces: int = 0
    weight: float = 0.0
    anything: Any = None


class Strict(BaseModel):
    """What JSON's own parser reads alone."""

    model_config = ConfigDict(strict=True)

    amount: Decimal
    at: tuple[int, ...] = ()


anything = job_type("test.anything")
price = job_type("test.price", payload=Price)
strict = job_type("test.strict", payload=Strict)


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**70, -(10**400)])
def test_whole_numbers_travel_through_a_handler_whole(number: int):
    payload = json.dumps({"n": [number]})
    value = read_payload(anything, payload)
    assert value == {"n": [number]}
    assert json.loads(write_result(anything, value).result or "") == {"n": [number]}  # type: ignore[union-attr]
    assert read_payload(price, json.dumps({"amount": 1, "pieces": number})).pieces == number


def test_a_decimal_of_a_model_keeps_every_digit():
    read = read_payload(price, f'{{"amount": {LONG}, "weight": {LONG}, "anything": {LONG}}}')
    assert read.amount == Decimal(LONG)
    assert read.weight == read.anything == float(LONG)
    assert read_payload(price, '{"amount": 1.10}').amount == Decimal("1.1")


def test_a_strict_model_is_read_all_the_same():
    assert read_payload(strict, f'{{"amount": {LONG}, "at": [1, 2]}}').at == (1, 2)


@pytest.mark.parametrize(
    "after", [float("nan"), float("inf"), -float("inf"), 10**400], ids=["nan", "inf", "-inf", "huge"]
)
def test_a_retry_after_no_length_of_time_is_refused_by_name(after: float):
    with pytest.raises(ValueError, match="Retry: after is"):
        Retry(after=after)
