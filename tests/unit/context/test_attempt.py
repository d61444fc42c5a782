"""What a context takes, what it makes of it, and what is an error of the call."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.unit.context.noted import Noted, Number, Word

from corral.context import SyncContext
from corral.errors import InvalidInput, TooLarge
from corral.job.priority import Priority


class Model(BaseModel):
    n: float


@dataclass
class Point:
    x: int


def endless() -> Any:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def deep() -> Any:
    value: Any = 1
    for _ in range(5_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"page": 3, "big": 2**70}, '{"page":3,"big":1180591620717411303424}'),
        (Model(n=1.5), '{"n":1.5}'),
        ([Point(1), {2}], '[{"x":1},[2]]'),
        (datetime(2030, 1, 31, tzinfo=UTC), '"2030-01-31T00:00:00Z"'),
        (Word.A, '"a word"'),
        ("NaN \\u0000", '"NaN \\\\u0000"'),
    ],
)
def test_a_checkpoint_is_any_json_value(ctx: SyncContext, line: Noted, value: Any, text: str):
    ctx.checkpoint(value)
    assert line.said == [text]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, math.nan]}, "/checkpoint/a/1: is nan"),
        (math.inf, "/checkpoint: is inf"),
        (Model(n=math.nan), "/checkpoint/n: is nan"),
        ({"a": "\0"}, "/checkpoint/a: contains a NUL"),
        ({"\0": 1}, "/checkpoint: contains a NUL"),
        ({"a/b": "\ud800"}, "/checkpoint/a~1b: can't be written as JSON"),
        ([1, object()], "/checkpoint/1: can't be written as JSON"),
        ({"a": b"\xff"}, "/checkpoint/a: can't be written as JSON"),
        (endless(), "/checkpoint: can't be written as JSON"),
        (deep(), "/checkpoint"),
        pytest.param({"a": 2**20_000}, "/checkpoint/a: can't be written as JSON", id="huge"),
    ],
)
def test_a_checkpoint_that_cannot_be_stored_is_an_error_of_the_call(
    ctx: SyncContext, line: Noted, value: Any, place: str
):
    with pytest.raises(InvalidInput) as raised:
        ctx.checkpoint(value)
    assert str(raised.value).startswith(place)
    assert line.said == []


def test_a_checkpoint_has_a_bound(ctx: SyncContext):
    with pytest.raises(TooLarge, match="/checkpoint has"):
        ctx.checkpoint("x" * (16 * 1024 * 1024))


class Zone(tzinfo):
    """A time zone of a library of times."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=2)

    def dst(self, _: datetime | None) -> timedelta:
        raise RuntimeError


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {}),
        (
            {"queue": Word.A, "priority": "high", "delay": None},
            {"queue": "a word", "priority": Priority.HIGH},
        ),
        ({"timeout": timedelta(minutes=1), "delay": 3}, {"timeout": 60.0, "delay": 3.0}),
        ({"idempotency_key": Word.A}, {"idempotency_key": "a word"}),
        ({"tags": {Word.A}, "retries": Number(3)}, {"tags": ["a word"], "retries": 3}),
        (
            {"run_at": datetime(2030, 1, 31, 12, tzinfo=Zone())},
            {"run_at": datetime(2030, 1, 31, 10, tzinfo=UTC)},
        ),
        ({"run_at": datetime(2030, 1, 31)}, {"run_at": datetime(2030, 1, 31)}),  # noqa: DTZ001  # refused later
    ],
)
def test_options_of_a_submission_become_plain(ctx: SyncContext, line: Noted, options: Any, kept: Any):
    ctx.submit("a.b", {"n": 1}, **options)
    ((name, payload, said),) = line.said
    assert (name, payload, said) == ("a.b", '{"n":1}', kept)
    run_at = said.get("run_at")
    assert run_at is None or type(run_at.tzinfo) in (timezone, type(None))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"retrys": 3}, "no option 'retrys'; it has queue"),
        ({"queue": 5}, "queue is the name of a queue, not a int"),
        ({"idempotency_key": 17}, "idempotency_key is a text"),
        ({"tags": "abc"}, "tags is a list of texts"),
        ({"tags": [1]}, "tags is a list of texts"),
        ({"retries": True}, "retries is a whole number"),
        ({"retries": 1.5}, "retries is a whole number"),
        ({"timeout": "5"}, "timeout is a number of seconds"),
        ({"run_at": "2030-01-31"}, "run_at is a datetime"),
    ],
)
def test_an_option_that_is_no_such_thing_is_an_error_of_the_call(
    ctx: SyncContext, line: Noted, options: Any, named: str
):
    with pytest.raises(TypeError, match=named):
        ctx.submit("a.b", **options)
    assert line.said == []


def test_other_faults_of_a_submission_are_named(ctx: SyncContext):
    with pytest.raises(ValueError, match="priority is one of critical, high, normal, low"):
        ctx.submit("a.b", priority="urgent")
    with pytest.raises(ValueError, match="timeout is too large"):
        ctx.submit("a.b", timeout=10**400)
    with pytest.raises(TypeError, match="a job type or its name is submitted, not a int"):
        ctx.submit(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="/payload/a: is nan"):
        ctx.submit("a.b", {"a": math.nan})


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "file").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_artifacts_are_bytes_texts_and_files(ctx: SyncContext, line: Noted, elsewhere: Path):
    for data in (b"a", bytearray(b"a"), memoryview(b"a"), "a"):
        ctx.artifacts.put(Word.A, data)  # type: ignore[arg-type]
        assert line.said.pop() == ("a word", "application/octet-stream", b"a")
    ctx.artifacts.put("folder/file.txt", Path("file"), "text/plain; charset=utf-8")
    assert line.said.pop() == ("folder/file.txt", "text/plain; charset=utf-8", elsewhere / "file")


@pytest.mark.parametrize(
    ("name", "data", "media_type", "error"),
    [
        ("", b"", "text/csv", ValueError),
        ("x" * 256, b"", "text/csv", ValueError),
        ("a\0b", b"", "text/csv", ValueError),
        ("a\nb", b"", "text/csv", ValueError),
        ("\ud800", b"", "text/csv", ValueError),
        ("a/../b", b"", "text/csv", ValueError),
        (5, b"", "text/csv", TypeError),
        (None, b"", "text/csv", TypeError),
        ("a", None, "text/csv", TypeError),
        ("a", {"a": 1}, "text/csv", TypeError),
        ("a", "\ud800", "text/csv", ValueError),
        ("a", Path("missing"), "text/csv", FileNotFoundError),
        ("a", Path("/"), "text/csv", IsADirectoryError),
        ("a", b"", "", ValueError),
        ("a", b"", "text/csv\r\nX: y", ValueError),
        ("a", b"", None, TypeError),
    ],
)
def test_an_artifact_that_cannot_be_stored_is_an_error_of_the_call(
    ctx: SyncContext, name: Any, data: Any, media_type: Any, error: type[Exception]
):
    with pytest.raises(error):
        ctx.artifacts.put(name, data, media_type)
    if not isinstance(name, str) or name == "":
        with pytest.raises(error):
            ctx.artifacts.get(name)
        with pytest.raises(error):
            ctx.artifacts.publish(name)
