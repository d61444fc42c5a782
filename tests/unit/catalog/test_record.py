from dataclasses import replace
from importlib import metadata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from corral.catalog import job_type
from corral.catalog.options_json import options_from_json, options_to_json
from corral.catalog.precedence import QueueOverrides, settle
from corral.catalog.record import record_of, release_of, supersedes
from corral.job import backoff as backoffs
from corral.job.limits import KEPT_SECONDS
from corral.job.options import Executor, Options, Retention
from corral.job.priority import Priority

OPTION_WORDS = ("kind", "seconds", "count", "waits", "factor", "jitter", "cap")
seconds = st.floats(0.001, 604_800)
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
    words = {"priority": "urgent", "executor": "gpu", "backoff": {"kind": "fibonacci"}, "retries": 1}
    assert options_from_json(words) == Options(retries=1)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"keep_finished": {"seconds": 999_999_999_999}}, Retention(seconds=KEPT_SECONDS.most)),
        ({"keep_finished": {"seconds": -5}}, Retention(seconds=0)),
        ({"keep_finished": {"seconds": 1e300, "count": 10**30}}, Retention(KEPT_SECONDS.most, 10**9)),
        ({"keep_finished": {"seconds": None}}, Retention()),
        ({"keep_finished": {"seconds": "week"}}, Options().keep_finished),
        ({"keep_finished": 7}, Options().keep_finished),
    ],
)
def test_a_number_that_was_stored_before_it_had_bounds_counts_as_the_nearest(
    stored: dict[str, Any], read: Retention
):
    assert options_from_json(stored).keep_finished == read


stored_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(OPTION_WORDS), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(Options.__dataclass_fields__)), stored_json))
def test_whatever_is_stored_is_read_as_options_that_make_sense(stored: dict[str, Any]):
    """But for tags and names of fields: those of older releases may have been longer."""
    settled = settle(stored, QueueOverrides(overrides=stored), stored)
    replace(settled.options, tags=(), search=()).check()
    replace(options_from_json(stored), tags=(), search=()).check()
    assert all(any(option in told for option in stored) for told in settled.unread)


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


@pytest.mark.parametrize(
    ("module", "distribution"),
    [("pytest.x", "pytest"), ("_pytest", "pytest"), ("dateutil.parser", "python-dateutil")],
)
def test_the_release_is_that_of_the_distribution_that_carries_the_package(module: str, distribution: str):
    assert release_of(module) == metadata.version(distribution)


def test_a_package_that_no_distribution_carries_has_no_release():
    assert release_of("of_nobody.at_all") == "0"
