"""Every value that Postgres may give back can be answered, however deep it is."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from corral.job.moment import Beyond
from corral.job.state import State
from corral_publisher.responses.json_response import encode


@dataclass
class Thing:
    id: UUID
    at: datetime
    state: State
    deep: Any


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


def test_a_time_that_postgres_alone_holds_is_answered_as_the_edge_of_the_calendar():
    assert encode({"at": Beyond.read("infinity")}) == b'{"at":"9999-12-31T23:59:59.999999Z"}'
    assert encode({"at": Beyond.read("0044-03-15 00:00:00+00 BC")}) == b'{"at":"0001-01-01T00:00:00Z"}'
