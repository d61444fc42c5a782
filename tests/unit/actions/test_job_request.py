"""From a submission to a job: precedence, bounds, queues, searchable fields."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.actions.submissions.job_request import NewSubmission, resolve
from corral.actions.submissions.known_type import KnownType
from corral.actions.submissions.type_cache import TypeSnapshot
from corral.catalog import job_type
from corral.catalog.precedence import QueueOverrides
from corral.catalog.record import record_of
from corral.errors import InvalidInput, UnknownQueue
from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.limits import MAX_DELAY_SECONDS, MAX_RETRIES, MAX_TIMEOUT_SECONDS
from corral.job.priority import Priority

ID = new_id()
INSTALLATION = {"retries": 77}


def known(queues: dict[str, QueueOverrides] | None = None, /, **options: Any) -> KnownType:
    record = record_of(job_type("test.x", **({"queue": "a", "queues": ["b"]} | options)))
    return KnownType.of(record, queues or {}, INSTALLATION)


def resolved(kind: KnownType, **fields: Any) -> NewJob:
    knowledge = TypeSnapshot({"test.x": kind, "test.y": known(queue="elsewhere")})
    return resolve(NewSubmission(type="test.x", **fields), kind, knowledge, ID, max_payload=10_000)


LEVELS = st.tuples(*[st.none() | st.integers(0, 50)] * 4)


@settings(deadline=None)
@given(LEVELS)
def test_the_most_specific_setting_wins(levels: tuple[int | None, ...]):
    submitted, overridden, declared, default = levels
    of_queue = QueueOverrides(
        {} if overridden is None else {"retries": overridden}, {} if default is None else {"retries": default}
    )
    queues = {"a": of_queue, "b": QueueOverrides({"retries": 99}, {"retries": 98})}
    options = {} if declared is None else {"retries": declared}
    job = resolved(known(queues, **options), retries=submitted)
    assert job.retries == next((level for level in levels if level is not None), INSTALLATION["retries"])


def test_an_override_counts_for_the_queue_that_the_job_is_in():
    queues = {"b": QueueOverrides({"priority": "critical", "timeout": 5.0, "delay": 7.0})}
    job = resolved(known(queues))
    assert (job.queue, job.priority, job.timeout, job.delay) == ("a", Priority.NORMAL, 3600.0, 0.0)
    job = resolved(known(queues), queue="b")
    assert (job.queue, job.priority, job.timeout, job.delay) == ("b", Priority.CRITICAL, 5.0, 7.0)


def test_a_time_replaces_every_delay():
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    job = resolved(known(delay=60), run_at=moment)
    assert (job.run_at, job.delay) == (moment, 0.0)


@settings(deadline=None)
@given(
    st.sampled_from(["delay", "retries", "timeout", "expires_in"]),
    st.floats() | st.integers(-(10**400), 10**400).map(lambda n: n if abs(n) < 10**300 else n // 10**100),
)
def test_numbers_out_of_range_never_pass(name: str, value: float):
    most = {
        "delay": MAX_DELAY_SECONDS,
        "retries": MAX_RETRIES,
        "timeout": MAX_TIMEOUT_SECONDS,
        "expires_in": MAX_DELAY_SECONDS,
    }[name]
    least_is_in = name in ("delay", "retries")
    inside = 0 <= value <= most if least_is_in else 0 < value <= most
    inside = inside and (name != "retries" or isinstance(value, int))
    if inside:
        assert getattr(resolved(known(), **{name: value}), name) == value
    else:
        with pytest.raises(InvalidInput) as caught:
            resolved(known(), **{name: value})
        assert [error.pointer for error in caught.value.errors] == [f"/{name}"]


def test_a_queue_must_be_one_that_the_type_allows():
    assert resolved(known(), queue="b").queue == "b"
    with pytest.raises(UnknownQueue):
        resolved(known(), queue="none")
    with pytest.raises(InvalidInput, match="not allowed") as caught:
        resolved(known(), queue="elsewhere")
    assert not isinstance(caught.value, UnknownQueue)


def test_tags_are_joined_once_and_bounded():
    assert resolved(known(tags=["x"]), tags=("y", "x", "y")).tags == ("x", "y")
    with pytest.raises(InvalidInput, match="more than 20"):
        resolved(known(tags=["x"]), tags=tuple(map(str, range(20))))


def test_searchable_fields_are_the_plain_ones():
    kind = known(search=["to", "deep", "gone", "none"])
    payload = {"to": "Ann", "deep": {"a": 1}, "none": None, "other": 1}
    assert resolved(kind, payload=payload).search == {"to": "Ann", "none": None}
    assert resolved(kind, payload=[1]).search is None


@pytest.mark.parametrize(
    "trace", ["x", "00-" + "a" * 32 + "-" + "b" * 16, "00-" + "A" * 32 + "-" + "b" * 16 + "-01"]
)
def test_a_strange_trace_is_refused(trace: str):
    with pytest.raises(InvalidInput):
        resolved(known(), traceparent=trace)
