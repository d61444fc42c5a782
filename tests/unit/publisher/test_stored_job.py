"""The JSON of a job that was just stored is the same, whether a template made it or the job itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.job.priority import Priority
from corral.job.state import State
from corral.job.unique import Unique
from corral_publisher.responses.json_response import encode
from corral_publisher.views import stored_job
from corral_publisher.views.stored_job import stored, stored_text
from corral_testing.values import new_job

NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.just("%b %s %")
AT = datetime(2026, 11, 29, 18, 0, 0, 123456, UTC)


def new(**more: Any) -> NewJob:
    plain: dict[str, Any] = {
        "type": "test.anything",
        "queue": "post",
        "retries": 3,
        "timeout": 60.0,
        "max_stalls": 2,
    }
    return new_job(**plain | more)


def accepted(job: NewJob, **more: Any) -> Accepted:
    plain: dict[str, Any] = {
        "id": job.id, "queue": job.queue, "priority": job.priority, "state": State.QUEUED, "run_at": None,
        "created_at": AT, "due_in": 0.0,
    }  # fmt: skip
    return Accepted(**plain | more)


@given(
    type=NAME,
    queue=NAME,
    created_by=NAME | st.none(),
    tags=st.lists(NAME, max_size=3).map(tuple),
    payload=st.sampled_from(["{}", "null", '"%s"', '{"a":[1,2.50,"\\u00e9%"]}', "1e400"]),
    retries=st.integers(0, 100),
    timeout=st.floats(0.1, 1e6) | st.none(),
    priority=st.sampled_from(Priority),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_a_queued_job_is_spelled_alike(at: datetime, **more: Any):
    job = new(**more)
    answer = accepted(job, created_at=at)
    assert stored_text(job, answer) == encode(stored(job, answer))


@pytest.mark.parametrize(
    ("of_job", "of_answer"),
    [
        ({"delay": 5.0}, {"state": State.SCHEDULED, "run_at": AT + timedelta(seconds=5), "due_in": 5.0}),
        ({"expires_in": 60.0}, {}),
        ({"parent": new_id()}, {}),
        ({"unique": Unique().key("test.anything", "one", own=True)}, {}),
        ({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, {"limit_group": UUID(int=1)}),
    ],
)
def test_so_is_any_other(of_job: dict[str, Any], of_answer: dict[str, Any]):
    job = new(**of_job)
    answer = accepted(job, **of_answer)
    assert stored_text(job, answer) == encode(stored(job, answer))


@pytest.mark.parametrize("place", range(6))
def test_a_name_that_looks_like_what_is_filled_in_spoils_nothing(place: int):
    text = stored_job._PLACES[place].decode()
    job = replace(new(), type=text.strip('"'), created_by=text, tags=(text,))
    answer = accepted(job)
    assert stored_text(job, answer) == encode(stored(job, answer))
