"""A wrong field of a request is told in words: what it is, and what it must be."""

from typing import Any

import pytest
from pydantic import BaseModel

from corral.errors import InvalidInput
from corral_publisher.models.options import QueuePatch
from corral_publisher.models.requests import Bulk, Clean, LoadRequest, Submission
from corral_publisher.requests.checked import checked

GOOD: dict[str, Any] = {"type": "a"}


@pytest.mark.parametrize(
    ("model", "value", "told"),
    [
        (Submission, {}, "/type is required"),
        (Submission, {"type": 5}, "/type is 5; it must be text"),
        (Submission, {"type": "x" * 101}, "/type has 101 characters; it must have at most 100"),
        (Submission, GOOD | {"prio": 1}, "/prio is not a known field"),
        (Submission, GOOD | {"delay": "5"}, '/delay is "5"; it must be a number'),
        (
            Submission,
            GOOD | {"delay": -1},
            "/delay is -1; it must be at least 0 and at most 31,622,400 seconds",
        ),
        (Submission, GOOD | {"timeout": 0}, "/timeout is 0; it must be above 0 and at most 604,800 seconds"),
        (Submission, GOOD | {"retries": 0.5}, "/retries is 0.5; it must be a whole number"),
        (Submission, GOOD | {"retries": True}, "/retries is true; it must be a whole number"),
        (
            Submission,
            GOOD | {"priority": "urgent"},
            "/priority is \"urgent\"; it must be 'critical', 'high', 'normal' or 'low'",
        ),
        (Submission, GOOD | {"tags": "paper"}, '/tags is "paper"; it must be a list'),
        (Submission, GOOD | {"tags": ["a"] * 21}, "/tags has 21 items; it must have at most 20"),
        (Submission, GOOD | {"run_at": "soon"}, "/run_at is not a time such as 2030-01-31T09:00:00Z"),
        (Submission, GOOD | {"run_at": 5}, "/run_at is not a time as text, such as 2030-01-31T09:00:00Z"),
        (Submission, [], " is a list; it must be an object"),
        (Bulk, {"jobs": []}, "/jobs has 0 items; it must have at least 1"),
        (Bulk, {"jobs": [5]}, "/jobs/0 is 5; it must be an object"),
        (
            Clean,
            {"states": ["queued"]},
            "/states/0 is \"queued\"; it must be 'completed', 'failed' or 'cancelled'",
        ),
        (QueuePatch, {"overrides": 5}, "/overrides is 5; it must be an object"),
        (
            QueuePatch,
            {"overrides": {"keep_failed": {"count": 10**12}}},
            (
                "/overrides/keep_failed/count is 1,000,000,000,000;"
                " it must be at least 0 and at most 1,000,000,000 jobs"
            ),
        ),
        (LoadRequest, {"mix": 5, "count": 1}, "/mix is 5; it must be an object"),
    ],
)
def test_a_wrong_field_is_told_in_words(model: type[BaseModel], value: Any, told: str):
    with pytest.raises(InvalidInput) as refused:
        checked(model, value)
    (error,) = refused.value.errors
    assert f"{error.pointer} {error.message}" == told
