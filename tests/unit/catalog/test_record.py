from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from corral.catalog import job_type
from corral.catalog.record import options_from_json, options_to_json, record_of, supersedes
from corral.job import backoff as backoffs
from corral.job.options import Executor, Options, Retention
from corral.job.priority import Priority

seconds = st.floats(0.001, 1e6)
waits = st.one_of(
    st.builds(backoffs.Fixed, seconds),
    st.builds(backoffs.Linear, seconds, jitter=st.floats(0, 1)),
    st.builds(backoffs.Exponential, seconds, factor=st.floats(1, 10), cap=seconds),
    st.builds(backoffs.Exact, st.lists(seconds, min_size=1, max_size=5).map(tuple)),
)
words = st.lists(st.text(min_size=1), max_size=3)
retention = st.builds(Retention, st.none() | seconds, st.none() | st.integers(0, 1000))
options = st.builds(
    Options,
    queue=st.text(min_size=1),
    queues=words.map(frozenset),
    priority=st.sampled_from(Priority),
    backoff=waits,
    timeout=st.none() | seconds,
    tags=words.map(tuple),
    search=words.map(tuple),
    keep_finished=retention,
    keep_failed=retention,
    executor=st.sampled_from(Executor),
)


@given(options)
def test_options_survive_json(value: Options):
    assert options_from_json(options_to_json(value)) == value


def test_options_of_a_later_release_are_read():
    assert options_from_json({"queue": "mail", "novelty": 1}) == Options(queue="mail")


@pytest.mark.parametrize(
    ("new", "old", "replaces"),
    [
        ("1.2.0+aa", "1.1.9+bb", True),
        ("1.2+aa", "1.2.0+bb", True),
        ("1.10+aa", "1.9+bb", True),
        ("1.9+aa", "1.10+bb", False),
        ("0+aa", "0.1+bb", False),
    ],
)
def test_an_older_release_never_replaces_a_newer_one(new: str, old: str, replaces: bool):
    assert supersedes(new, old) is replaces


class Mail(BaseModel):
    to: str


def test_the_version_changes_with_the_declaration():
    def version(**keywords: Any) -> str:
        return record_of(job_type("mail.send", **keywords)).version

    assert version() == version()
    assert len({version(), version(payload=Mail), version(retries=1), version(description="x")}) == 4
