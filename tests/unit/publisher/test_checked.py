"""What is wrong in a body is named, in time that does not grow with how much is wrong."""

import tracemalloc
from typing import Any

import pytest

from corral.errors import InvalidInput
from corral_publisher.models.requests import Bulk, Submission
from corral_publisher.requests.checked import KEPT, MANY, checked

UNKNOWN = {f"k{number}": number for number in range(MANY + 1)}
JOB = {"type": "a"}


@pytest.mark.parametrize(
    ("model", "value", "first"),
    [
        (Submission, {**UNKNOWN, **JOB}, ["/k0", "/k1"]),
        (Submission, {**UNKNOWN, "type": 7}, ["/type", "/k0"]),
        (Bulk, {"jobs": [{**JOB, "x": 1}] * (MANY + 1)}, ["/jobs/0/x", "/jobs/1/x"]),
        # Those that come later, and those of which only the number is wrong:
        (
            Bulk,
            {"jobs": [JOB] * KEPT + [{**JOB, "x": 1}] * (MANY + 1)},
            [f"/jobs/{KEPT}/x", f"/jobs/{KEPT + 1}/x"],
        ),
        (Bulk, {"jobs": [JOB] * 10_001}, ["/jobs"]),
    ],
)
def test_the_first_of_very_many_faults_are_named(model: Any, value: Any, first: list[str]):
    with pytest.raises(InvalidInput) as refused:
        checked(model, value)
    assert [one.pointer for one in refused.value.errors[:2]] == first
    assert len(refused.value.errors) <= 20


def test_a_million_faults_are_not_listed_to_name_twenty():
    """Pydantic lists all of its errors, of half a kilobyte each, or none."""
    value = {f"k{number}": number for number in range(50_000)} | JOB
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput):
            checked(Submission, value)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_field_that_was_cut_for_a_look_is_not_said_to_be_missing():
    with pytest.raises(InvalidInput) as refused:
        checked(Bulk, {"jobs": [{**UNKNOWN, **JOB}]})
    assert {one.pointer.rpartition("/")[2][0] for one in refused.value.errors} == {"k"}
