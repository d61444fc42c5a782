"""Log lines with whatever a handler may say, in the real column."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.contract.subjects import of_store
from tests.unit.corral.test_storable import ODD_TEXTS, SAID, VALUES

from corral.context.said import log_line
from corral.json_codec import Document
from corral.store.attempts.logs import NewLogLine
from corral_testing.subject import Subject

Said = tuple[object, dict[str, Any]]


def doubles(value: Any) -> Any:
    """The value with a double for each number: Postgres writes 1e100 with all its digits."""
    match value:
        case Document():
            return doubles(value.value)
        case dict():
            return {key: doubles(child) for key, child in value.items()}
        case list():
            return [doubles(child) for child in value]
        case int() | float() if not isinstance(value, bool):
            return float(value)
        case _:
            return value


class Logged:
    """A running job, and what its log says of what was said."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    async def check(self, said: list[Said]) -> None:
        """All of it is stored in one batch, and read back as it was made storable."""
        worker, id = await self._subject.worker(), await self._subject.submit()
        await self._subject.running(worker, id)
        lines = [log_line(text, fields) for text, fields in said]
        now = datetime.now(UTC)
        stored = [NewLogLine(id, 1, now, line.text, line.fields) for line in lines]
        answer = await self._subject.store.attempts.append_logs(stored)
        assert answer.truncated == frozenset[UUID]()
        found = await self._subject.store.jobs.logs(id, limit=1_000)
        assert [(line.text, doubles(line.fields or {})) for line in found] == [
            (line.text, doubles(line.fields)) for line in lines
        ]


@pytest.fixture
def logged(database_url: str) -> Iterator[tuple[asyncio.Runner, Logged]]:
    with asyncio.Runner() as runner:
        opened = of_store(database_url)
        subject = runner.run(opened.__aenter__())
        yield runner, Logged(subject)
        runner.run(opened.__aexit__(None, None, None))


@settings(
    max_examples=30,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    said=st.lists(st.tuples(VALUES, st.dictionaries(ODD_TEXTS, VALUES, max_size=3)), min_size=1, max_size=5)
)
def test_whatever_is_said_is_stored_and_read_back(logged: tuple[asyncio.Runner, Logged], said: list[Said]):
    runner, log = logged
    runner.run(log.check(said))


def test_odd_values_are_stored_beside_each_other(logged: tuple[asyncio.Runner, Logged]):
    runner, log = logged
    values = [getattr(said, "values", said)[0] for said in SAID]
    runner.run(log.check([(value, {"value": value}) for value in values]))
