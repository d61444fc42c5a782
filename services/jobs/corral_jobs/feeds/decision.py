"""What an answer makes of its source: pure, so that every rule is a test without a server.

- Validators are kept only of a document that was read well: otherwise a broken one would be the last that we ever see.
- A permanent redirect changes the address, if what answers there is a feed; 410 stops the source.
- A failure doubles the wait, up to a day, and never ends it.
- Nobody is asked again before the time that Retry-After, Cache-Control or the feed itself names, up to a day.
"""

from datetime import datetime

from corral.feeds.source import FeedSource, FetchOutcome, SourceState, SourceUpdate
from corral_jobs.feeds.answer import FetchAnswer, max_age, seconds_of
from corral_jobs.feeds.feed import InvalidFeed, ParsedFeed

DAY = 86_400.0
MIN_WAIT = 60.0
"""Seconds between two fetches at least, whatever source and server say."""
_DOUBLINGS = 20
MAX_VALIDATOR = 1_000
"""Characters of an ETag or a Last-Modified; a longer one is not sent back."""


def postponed(source: FeedSource, now: datetime) -> SourceUpdate | None:
    """What becomes of a source that may not be asked now; None where it may."""
    if source.not_before is None or source.not_before <= now:
        return None
    return SourceUpdate(
        outcome=FetchOutcome.POSTPONED,
        failures=source.failures,
        wait=max(MIN_WAIT, (source.not_before - now).total_seconds()),
        leave_alone=(source.not_before - now).total_seconds(),
        status=source.last_status,
        error=source.last_error,
    )


def decide(
    source: FeedSource, answer: FetchAnswer, reading: ParsedFeed | InvalidFeed | None, now: datetime
) -> SourceUpdate:
    """What becomes of the source. `reading` is what was read in the body; None where there is none to be read."""
    match answer.status, reading:
        case 304, _:
            return _good(source, answer, None)
        case 410, _:
            return SourceUpdate(
                outcome=FetchOutcome.GONE,
                state=SourceState.GONE,
                failures=source.failures + 1,
                status=answer.status,
                error="its server says that it exists no more (410)",
            )
        case 200, ParsedFeed() as feed:
            return _good(source, answer, feed)
        case 200, None if answer.error is None:
            return _good(source, answer, None)
        case _:
            return _failed(source, answer, reading, now)


def _good(source: FeedSource, answer: FetchAnswer, feed: ParsedFeed | None) -> SourceUpdate:
    asked = (
        source.interval,
        min(DAY, max_age(answer.cache_control) or 0),
        min(DAY, (source.ttl if feed is None else feed.ttl) or 0),
    )
    if feed is None:
        same = answer.status == 200  # the document that was read well, perhaps with other validators
        return SourceUpdate(
            outcome=FetchOutcome.NOT_MODIFIED,
            url=answer.permanent_url,
            site=source.site,
            validators=same,
            etag=_sendable(answer.etag) if same else None,
            last_modified=_sendable(answer.last_modified) if same else None,
            digest=source.digest if same else None,
            ttl=source.ttl if same else None,
            wait=max(MIN_WAIT, *asked),
            status=answer.status,
        )
    return SourceUpdate(
        outcome=FetchOutcome.FETCHED,
        url=answer.permanent_url,
        title=feed.title,
        site=feed.link,
        format=feed.format.value,
        validators=True,
        etag=_sendable(answer.etag),
        last_modified=_sendable(answer.last_modified),
        digest=answer.digest,
        ttl=feed.ttl,
        item_count=len(feed.entries),
        wait=max(MIN_WAIT, *asked),
        status=answer.status,
    )


def _failed(
    source: FeedSource, answer: FetchAnswer, reading: ParsedFeed | InvalidFeed | None, now: datetime
) -> SourceUpdate:
    failures = source.failures + 1
    backoff = min(DAY, source.interval * 2.0 ** min(failures, _DOUBLINGS))
    asked = seconds_of(answer.retry_after, now) if answer.status not in (None, 200) else None
    alone = None if asked is None else min(DAY, asked)
    return SourceUpdate(
        outcome=FetchOutcome.FAILED,
        failures=failures,
        wait=max(MIN_WAIT, source.interval, backoff, alone or 0),
        leave_alone=alone,
        status=answer.status,
        error=_reason(answer, reading),
    )


def _reason(answer: FetchAnswer, reading: ParsedFeed | InvalidFeed | None) -> str:
    if answer.error is not None:
        return answer.error
    if isinstance(reading, InvalidFeed):
        return f"it is no feed that can be read: {reading}"
    return f"its server answered {answer.status}"


def _sendable(validator: str | None) -> str | None:
    fits = validator is not None and 0 < len(validator) <= MAX_VALIDATOR
    return (
        validator
        if fits and validator is not None and validator.isascii() and validator.isprintable()
        else None
    )
