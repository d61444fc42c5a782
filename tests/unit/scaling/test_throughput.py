"""Jobs that end per second, told from what came and what is still there."""

import pytest

from corral.scaling.throughput import WINDOW_SECONDS, Throughput


def test_what_came_and_is_gone_has_ended():
    seen = Throughput()
    assert seen.at(0, arrived=100, live=100) == 0
    assert seen.at(2, arrived=110, live=90) == 10
    assert seen.at(4, arrived=110, live=70) == 10


def test_only_the_last_half_minute_counts():
    seen = Throughput()
    for second in range(60):
        rate = seen.at(second, arrived=1000, live=1000 - 10 * min(second, 20))
    assert rate == 0
    assert WINDOW_SECONDS == 30


def test_a_count_that_begins_anew_is_no_negative_throughput():
    seen = Throughput()
    seen.at(0, arrived=1000, live=0)
    assert seen.at(1, arrived=5, live=5) == 0
    assert seen.at(2, arrived=5, live=1) == pytest.approx(4)
