"""Options, lanes, ids and outcomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.ids import new_id, parse_id
from corral.job.lane import Lane, lane_of
from corral.job.options import Options
from corral.job.outcome import ErrorKind, JobError
from corral.job.priority import PRIORITIES, Priority


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (Options(retries=-1), "retries: -1"),
        (Options(timeout=0), "timeout: 0"),
        (Options(delay=-0.5), "delay: -0.5"),
        (Options(expires_in=0), "expires_in: 0"),
        (Options(max_stalls=101), "max_stalls: 101"),
        (Options(tags=tuple("abcdefghijklmnopqrstu")), "21 tags"),
        (Options(timeout=float("nan")), "timeout: nan"),
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
