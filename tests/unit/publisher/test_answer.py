"""Every value that Postgres may give back can be answered, however deep it is."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.job.state import State
from corral_publisher.answer import _deep, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@dataclass
class Thing:
    id: UUID
    at: datetime
    state: State
    deep: Any


@settings(deadline=None)
@given(JSON)
def test_the_slow_way_writes_what_the_fast_one_does(value: Any):
    assert _deep(value) == encode(value)


@pytest.mark.parametrize("depth", [200, 254, 255, 1000, 20_000])
def test_depth_has_no_limit(depth: int):
    value: Any = "core"
    for _ in range(depth):
        value = [{"in": value}]
    thing = Thing(UUID(int=1), datetime(2030, 1, 2, tzinfo=UTC), State.QUEUED, value)
    text = encode({"items": [thing]})
    assert text.startswith(
        b'{"items":[{"id":"00000000-0000-0000-0000-000000000001","at":"2030-01-02T00:00:00Z","state":"queued","deep":'
    )
    assert text.count(b'[{"in":') == depth
    if depth < 300:
        assert orjson.loads(text)["items"][0]["deep"] == value
