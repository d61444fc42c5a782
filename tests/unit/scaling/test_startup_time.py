"""How long workers take to start is a line in how many start at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.scaling.startup_time import StartLine


def test_the_line_is_learned_from_the_starts_that_were_seen():
    line = StartLine().learned([(k, 5.0 + 1.5 * (k - 1)) for k in range(1, 11)] * 4)
    assert line.of(5) == pytest.approx(11.0, rel=0.15)
    assert line.of(10) == pytest.approx(18.5, rel=0.2)


def test_one_start_alone_does_not_tell_how_a_batch_starts():
    assert StartLine().learned([(1, 4.0)]).of(20) == pytest.approx(StartLine().of(20), rel=0.25)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 500)), max_size=60))
def test_a_later_one_of_a_batch_never_starts_sooner(started):
    line = StartLine().learned([(float(k), seconds) for k, seconds in started])
    assert 0 <= line.of(1) <= line.of(2) <= line.of(30)
