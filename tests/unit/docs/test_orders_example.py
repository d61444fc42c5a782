"""The example of a job that pays once and is followed by another, called as its own tests would."""

import runpy
from pathlib import Path

import pytest

from corral.errors import NotDone
from corral_testing.context import context

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "orders.py"


async def test_an_order_is_paid_once_and_followed_by_what_its_outcome_asks_for():
    example = runpy.run_path(str(EXAMPLE))
    pack, order = example["pack"], example["Order"](order="17", mail="a@example.com")
    ctx, recording = context(pack)
    assert await pack(order, ctx) == "packed 17"
    assert recording.effects == {"charged": "paid with 4711"}
    assert [(on, name) for on, name, *_ in recording.follow_ups] == [
        ("success", "orders.confirm"),
        ("failure", "orders.look_into"),
    ]
    again, later = context(pack, effects={"charged": "paid before"})
    await pack(order, again)
    assert later.effects == {"charged": "paid before"}, "a later attempt does not pay"


async def test_what_is_certainly_not_paid_may_be_tried_again():
    example = runpy.run_path(str(EXAMPLE))
    ctx, recording = context(example["pack"])
    with pytest.raises(NotDone):
        await example["pack"](example["Order"](order="17", mail="a@example.com", card=""), ctx)
    assert recording.effects == {}
