"""The Range header means what RFC 9110 says, for every size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral_publisher.requests.byte_range import Unsatisfiable, parse


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_first_and_last_byte(size: int, first: int, last: int | None):
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert parse(header, size) is None
    elif first >= size:
        with pytest.raises(Unsatisfiable):
            parse(header, size)
    else:
        start, end = parse(header, size) or (-1, -1)
        assert (start, end) == (first, min(size, (size if last is None else last + 1)))
        assert 0 <= start < end <= size


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 60))
def test_the_last_bytes(size: int, count: int):
    if min(size, count) == 0:
        with pytest.raises(Unsatisfiable):
            parse(f"bytes=-{count}", size)
    else:
        assert parse(f"bytes=-{count}", size) == (max(0, size - count), size)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_anything_else_is_the_whole_or_a_part_of_it(header: str):
    try:
        part = parse(header, 10)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= 10
