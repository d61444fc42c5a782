"""What a server asks for with Retry-After: seconds or a date, and nothing for ever."""

from datetime import UTC, datetime

import pytest

from corral_jobs.webhook.retry_after import MOST, retry_after

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999", MOST),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Sun, 29 Nov 2026 07:01:30 GMT", 90.0),
        ("Sun, 29 Nov 2026 06:00:00 GMT", 0.0),
        ("Sun, 29 Nov 2026 07:01:30 -0000", 90.0),
        ("Tue, 29 Nov 2050 07:01:30 GMT", MOST),
        ("²", None),
    ],
)
def test_a_wait_is_read_and_bounded(text: str | None, seconds: float | None):
    assert retry_after(text, NOW) == seconds
