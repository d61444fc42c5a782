"""The chart of a pool: what is drawn where, and in words."""

import re
from uuid import UUID

from tests.integration.publisher.pools.telling import decision, status

from corral.scaling.decision_record import ScalingDecision
from corral_publisher.pages.pool_chart import GAP_SECONDS, PoolChart, chart_of
from corral_publisher.views.pools import PoolView, Sample

NOW = 10_000.0


def chart(
    samples: list[Sample], decisions: list[ScalingDecision] | None = None, *, silent: float = 0.0
) -> PoolChart:
    """Over 300 s up to NOW, so that two units are a second; decisions newest first."""
    told = status(at=NOW - silent)
    return chart_of(PoolView(told, silent > 6, silent, samples, decisions or []))


def steady(begin: float, end: float, ready: int = 1, desired: int = 1, queued: int = 0) -> list[Sample]:
    return [Sample(NOW - begin + n, ready, desired, queued) for n in range(int(begin - end) + 1)]


def test_a_pool_that_was_just_seen_has_empty_paths():
    drawn = chart([])
    assert (drawn.ready, drawn.desired, drawn.queued, drawn.marks) == ("", "", "", ())
    assert drawn.words == "Nothing is known of the last 5 minutes."


def test_workers_and_backlog_are_drawn_as_steps_to_now():
    drawn = chart([*steady(200, 101, 1, 2, 0), *steady(100, 0, 2, 2, 500)])
    assert drawn.ready == "M200 50H400V0H600V100H200Z"
    assert drawn.desired == "M200 0H600"
    assert drawn.queued == "M200 100H400V0H600V100H200Z"
    assert (drawn.most_workers, drawn.most_queued) == (2, 500)
    assert drawn.words == "The last 5 minutes: 1 to 2 workers, now 2; up to 500 jobs queued, now 500."


def test_axes_end_with_round_numbers():
    ends = [chart([Sample(NOW, most, 0, most)]) for most in (0, 1, 7, 10, 11, 97, 1820)]
    assert [one.most_workers for one in ends] == [1, 1, 8, 10, 20, 100, 2000]
    assert [one.most_queued for one in ends] == [10, 10, 10, 10, 20, 100, 2000]


def test_a_silence_breaks_the_line():
    drawn = chart([*steady(200, 150), *steady(150 - GAP_SECONDS - 1, 0)])
    assert drawn.ready.count("M") == drawn.ready.count("Z") == 2
    assert chart([*steady(200, 150), *steady(150 - GAP_SECONDS, 0)]).ready.count("M") == 1


def test_what_is_older_than_the_window_is_left_out():
    drawn = chart(steady(500, 0), [decision(1, 2, at=NOW - 301)])
    assert drawn.ready.startswith("M0 ")
    assert drawn.marks == ()


def test_a_silent_pool_moves_to_the_left():
    drawn = chart(steady(100, 60), silent=60)
    assert re.search(r"H482V", drawn.ready), drawn.ready


def test_decisions_are_marked_where_they_were_made():
    down, noted, up = decision(4, 1, at=NOW - 50), decision(4, 4, at=NOW - 100), decision(1, 4, at=NOW - 150)
    marks = chart(steady(300, 0), [down, noted, up]).marks
    assert [(mark.x, mark.kind) for mark in marks] == [("300", "up"), ("400", "note"), ("500", "down")]
    assert isinstance(marks[0].decision.id, UUID)


def test_what_was_wanted_before_we_looked_is_told_by_decisions():
    drawn = chart(steady(50, 0), [decision(4, 1, at=NOW - 100), decision(1, 4, at=NOW - 200)])
    assert drawn.desired == "M0 75H200V0H400V75H500 M500 75H600"
    assert drawn.most_workers == 4
