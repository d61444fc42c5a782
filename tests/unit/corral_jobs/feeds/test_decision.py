"""What an answer makes of its source."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.feeds.source import FeedSource, FetchOutcome, SourceState
from corral_jobs.feeds.answer import FetchAnswer, max_age, seconds_of
from corral_jobs.feeds.decision import DAY, MIN_WAIT, decide, postponed
from corral_jobs.feeds.feed import FeedEntry, FeedFormat, InvalidFeed, ParsedFeed, ParsedItem

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FEED = ParsedFeed(
    format=FeedFormat.RSS,
    title="News",
    link="https://a.example/",
    entries=(FeedEntry("1", "", lambda: ParsedItem("1")),),
)
BROKEN = InvalidFeed("it is cut")


def source(**said: Any) -> FeedSource:
    known: dict[str, Any] = dict.fromkeys(FeedSource.__dataclass_fields__)
    known |= {"id": UUID(int=1), "url": "https://a.example/feed", "title": "", "state": SourceState.ACTIVE}
    known |= {"interval": 3600.0, "item_count": 0, "failures": 0, "created_at": NOW}
    return FeedSource(**(known | said))


def answer(status: int | None = 200, **said: Any) -> FetchAnswer:
    return FetchAnswer(**({"status": status, "address": "https://a.example/feed", "body": b"x"} | said))


def test_validators_are_those_of_a_document_that_was_read():
    given_ = answer(etag='"a"', last_modified="Mon, 01 Jun 2026 10:00:00 GMT")
    good = decide(source(), given_, FEED, NOW)
    assert (good.outcome, good.validators, good.etag, good.item_count) == (
        FetchOutcome.FETCHED,
        True,
        '"a"',
        1,
    )
    assert good.digest == given_.digest
    broken = decide(source(), given_, BROKEN, NOW)
    assert (broken.outcome, broken.validators, broken.etag) == (FetchOutcome.FAILED, False, None)
    assert "it is cut" in broken.error
    assert decide(source(), answer(etag="bad\r\nX: y"), FEED, NOW).etag is None
    assert decide(source(), answer(etag="é"), FEED, NOW).etag is None


@pytest.mark.parametrize("reading", [FEED, None])
def test_a_permanent_redirect_changes_the_address_if_a_feed_is_there(reading):
    moved = answer(permanent_url="https://b.example/feed")
    assert decide(source(), moved, reading, NOW).url == "https://b.example/feed"
    assert decide(source(), moved, BROKEN, NOW).url is None
    assert decide(source(), answer(404, permanent_url="https://b.example/feed"), None, NOW).url is None


def test_gone_stops_the_source_and_nothing_else_does():
    gone = decide(source(), answer(410), None, NOW)
    assert (gone.outcome, gone.state, gone.wait) == (FetchOutcome.GONE, SourceState.GONE, None)
    for status in (400, 401, 403, 404, 451, 500, 503):
        failed = decide(source(), answer(status), None, NOW)
        assert (failed.state, failed.outcome) == (SourceState.ACTIVE, FetchOutcome.FAILED)
        assert str(status) in failed.error


@given(st.integers(0, 10**6), st.floats(60, 30 * DAY))
def test_a_source_that_fails_is_asked_ever_more_seldom_and_never_given_up(failures, interval):
    update = decide(source(failures=failures, interval=interval), answer(None, error="no answer"), None, NOW)
    assert update.failures == failures + 1
    assert update.wait is not None
    assert interval <= update.wait <= max(DAY, interval)


def test_the_wait_doubles_up_to_a_day():
    waits = [decide(source(failures=n), answer(500), None, NOW).wait for n in range(6)]
    assert waits == [7200, 14400, 28800, 57600, DAY, DAY]
    assert decide(source(failures=5), answer(), FEED, NOW).failures == 0


def test_nobody_is_asked_before_the_time_that_the_server_or_the_feed_names():
    held = ParsedFeed(format=FeedFormat.RSS, title="t", link=None, entries=(), ttl=7200)
    assert decide(source(), answer(), held, NOW).wait == 7200
    assert decide(source(), answer(cache_control="public, max-age=10800"), FEED, NOW).wait == 10800
    assert decide(source(), answer(cache_control="max-age=99999999"), FEED, NOW).wait == DAY
    assert decide(source(), answer(cache_control="max-age=1"), FEED, NOW).wait == 3600
    assert decide(source(interval=1), answer(), FEED, NOW).wait == MIN_WAIT
    assert decide(source(), answer(304, cache_control="max-age=10800"), None, NOW).wait == 10800


@pytest.mark.parametrize("status", [200, 304])
def test_what_a_feed_asks_for_holds_while_it_stays_the_same(status):
    held = decide(source(), answer(), replace(FEED, ttl=7200), NOW)
    assert (held.ttl, held.wait) == (7200, 7200)
    same = decide(source(ttl=held.ttl), answer(status), None, NOW)
    assert (same.outcome, same.wait) == (FetchOutcome.NOT_MODIFIED, 7200)
    assert same.ttl == (7200 if same.validators else None), "with the other facts of the document"
    assert decide(source(ttl=7200), answer(), FEED, NOW).wait == 3600, "a document that asks for nothing"
    assert decide(source(ttl=99 * DAY), answer(status), None, NOW).wait == DAY


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_time_before_which_nothing_is_sent(status):
    told = decide(source(), answer(status, retry_after="20000"), None, NOW)
    assert (told.wait, told.leave_alone) == (20000, 20000)
    assert decide(source(), answer(status, retry_after="9" * 12), None, NOW).leave_alone == DAY
    until = NOW + timedelta(hours=1)
    waiting = source(not_before=until, failures=3, last_error="busy")
    later = postponed(waiting, NOW)
    assert later is not None
    assert (later.outcome, later.leave_alone, later.failures) == (FetchOutcome.POSTPONED, 3600, 3)
    assert postponed(waiting, until) is None


def test_the_same_document_is_not_modified():
    assert decide(source(), answer(), None, NOW).outcome is FetchOutcome.NOT_MODIFIED
    assert decide(source(failures=3), answer(304), None, NOW).failures == 0
    assert decide(source(), answer(error="the body is too large"), None, NOW).outcome is FetchOutcome.FAILED


def test_the_same_document_may_have_new_validators_and_304_leaves_them():
    same = decide(source(site="https://a.example/"), answer(etag='"new"'), None, NOW)
    assert (same.validators, same.etag, same.digest) == (True, '"new"', source().digest)
    assert same.site == "https://a.example/"
    assert not decide(source(), answer(304, etag='"new"'), None, NOW).validators


def test_headers_are_read_as_they_are_written():
    assert max_age("private, MAX-AGE = 60") == 60
    assert max_age("s-maxage=60") is None
    assert max_age("no-cache, max-age=60") is None
    assert seconds_of("120", NOW) == 120
    assert seconds_of("Mon, 01 Jun 2026 12:01:00 GMT", NOW) == 60
    assert seconds_of("Mon, 01 Jun 2026 11:00:00 GMT", NOW) == 0
    for nonsense in ("", "soon", "-5", "1.5", "٣"):
        assert seconds_of(nonsense, NOW) is None
