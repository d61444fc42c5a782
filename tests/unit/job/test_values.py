"""Options, lanes, ids and outcomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.ids import new_id, parse_id
from corral.job.backoff import Exact, Fixed
from corral.job.lane import Lane, lane_of
from corral.job.options import Options, Retention
from corral.job.outcome import ErrorKind, JobError
from corral.job.priority import PRIORITIES, Priority


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (Options(retries=-1), "retries is -1; it must be at least 0 and at most 1,000 tries"),
        (Options(retries=2.5), "retries is 2.5, which is no whole number"),  # type: ignore[arg-type]
        (Options(timeout=0), "timeout is 0; it must be above 0 and at most 604,800 seconds"),
        (Options(delay=-0.5), "delay is -0.5; it must be at least 0 and at most 31,622,400 seconds"),
        (Options(expires_in=0), "expires_in is 0"),
        (Options(max_stalls=101), "max_stalls is 101; it must be at least 0 and at most 100 lost workers"),
        (Options(tags=tuple("abcdefghijklmnopqrstu")), "21 tags"),
        (Options(tags=("a\0b",)), "printable"),
        (Options(tags=("x" * 101,)), "printable"),
        (Options(search=("",)), "search: '' is not 1 to 200 characters"),
        (Options(search=("x" * 201,)), "is not 1 to 200 characters"),
        (Options(search=tuple(map(str, range(101)))), "search: 101 fields are more than 100"),
        (Options(timeout=float("nan")), "timeout is nan"),
        (
            Options(keep_finished=Retention(seconds=999_999_999_999)),
            "keep_finished: seconds is 999,999,999,999; it must be at least 0 and at most 3,153,600,000 seconds",
        ),
        (Options(keep_failed=Retention(seconds=-1)), "keep_failed: seconds is -1"),
        (Options(keep_failed=Retention(seconds=float("inf"))), "keep_failed: seconds is inf"),
        (Options(keep_failed=Retention(count=10**30)), "keep_failed: count is a whole number of more than"),
        (Options(keep_failed=Retention(count=0.5)), "no whole number"),  # type: ignore[arg-type]
        (Options(keep_failed=Retention(count=True)), "no number"),
        (Options(backoff=Fixed(float("nan"))), "backoff: a wait is nan"),
        (Options(backoff=Exact((1.0,) * 1001)), "1,001 waits"),
    ],
)
def test_an_option_out_of_range_is_named_with_value_and_range(options: Options, named: str):
    with pytest.raises(ValueError, match=named):
        options.check()


def test_the_defaults_are_in_range():
    Options().check()


queues = st.from_regex(r"\A[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\Z")


@given(queues, st.sampled_from(PRIORITIES), st.booleans())
def test_a_lane_is_found_again_by_its_name(queue: str, priority: Priority, suspect: bool):
    lane = lane_of(queue, priority, suspect=suspect)
    assert Lane.parse(lane.name) == lane


@given(queues, queues)
def test_two_lanes_never_share_a_name(one: str, other: str):
    names = {
        lane_of(queue, priority, suspect=suspect).name
        for queue in {one, other}
        for priority in PRIORITIES
        for suspect in (True, False)
    }
    assert len(names) == len({one, other}) * 5


def test_a_priority_that_does_not_exist_is_no_lane():
    with pytest.raises(ValueError):
        Lane.parse("mail.urgent")


def test_ids_sort_by_the_time_they_were_made():
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {made.version for made in ids} == {7}


def test_text_that_spells_no_id_is_none():
    assert parse_id("not-an-id") is None
    made = new_id()
    assert parse_id(str(made)) == made


def test_failures_of_one_cause_share_a_fingerprint_whatever_they_say():
    one = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "no user 7", place="acme.mail:send:12")
    same = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "no user 8", place="acme.mail:send:12")
    other = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "no user 7", place="acme.mail:send:40")
    assert one.fingerprint == same.fingerprint != other.fingerprint
