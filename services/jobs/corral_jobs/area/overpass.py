"""The query language of Overpass, and its answers: some of its errors come as 200.

Source: OpenStreetMap Wiki, Overpass API/Overpass QL; `remark` in the JSON output.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from corral import json_codec
from corral_jobs.area.box import Box
from corral_jobs.area.request import ANY, AreaRequest

PATH: Final = "interpreter"
CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
_TOO_MUCH: Final = (
    "timed out",
    "out of memory",
    "run out of memory",
    "maxsize",
    "too much data",
    "too large",
)
"""What Overpass says of a query that is too large for it."""
SHOWN: Final = 200


class AnswerKind(Enum):
    """What an answer is."""

    GOOD = "good"
    TOO_MUCH = "too much"
    """The query is too large; smaller ones may be answered."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer, read."""

    reading: AnswerKind
    elements: tuple[dict[str, Any], ...] = ()
    why: str = ""


def query_of(request: AreaRequest, box: Box, timeout: int) -> str:
    """The query for one piece. Numbers are written in full, tags as strings that can't end early."""
    where = ",".join(f"{value:.7f}" for value in box)
    tags = "".join(_tag(key, value) for key, value in sorted(request.tags.items()))
    asked = "".join(f"{element}{tags}({where});" for element in sorted(set(request.elements)))
    return f"[out:json][timeout:{timeout}];({asked});out geom qt;"


def read(body: bytes) -> ReadAnswer:
    """What a body of a 200 says: elements, or an error."""
    try:
        value = json_codec.lenient(body)
    except ValueError:
        text = body[:100_000].decode("utf-8", "replace")
        why = _said(text) or f"its answer is no JSON: {ascii(text[:SHOWN].strip())[1:-1]}"
        return ReadAnswer(_kind(text), why=why)
    if not isinstance(value, dict) or not isinstance(value.get("elements"), list):
        return ReadAnswer(AnswerKind.ERROR, why="its answer has no list of elements")
    remark = value.get("remark")
    if isinstance(remark, str) and "error" in remark.lower():
        return ReadAnswer(_kind(remark), why=ascii(remark[:SHOWN])[1:-1])
    elements = [one for one in value["elements"] if isinstance(one, dict) and "type" in one and "id" in one]
    return ReadAnswer(AnswerKind.GOOD, tuple(elements))


def _tag(key: str, value: str) -> str:
    if value == ANY:
        return f'["{key}"]'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{key}"="{escaped}"]'


def _kind(text: str) -> AnswerKind:
    return AnswerKind.TOO_MUCH if any(words in text.lower() for words in _TOO_MUCH) else AnswerKind.ERROR


def _said(text: str) -> str | None:
    """The error in a page of HTML, as Overpass sends it."""
    at = text.find("Error</strong>:")
    if at < 0:
        return None
    return ascii(text[at + len("Error</strong>:") :].partition("<")[0].strip()[:SHOWN])[1:-1]
