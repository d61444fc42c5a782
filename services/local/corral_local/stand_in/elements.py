"""Elements of an invented map: the same box has always the same ones."""

import hashlib
import json
import math
import random
import re
from typing import Any

BOX = re.compile(r"\((-?[0-9.]+),(-?[0-9.]+),(-?[0-9.]+),(-?[0-9.]+)\)")
TAG = re.compile(r'\["([^"]+)"(?:="((?:[^"\\]|\\.)*)")?\]')
FIELD_DEGREES = 0.01
"""One shape stands in every field of the map of this size."""
MAX_SHAPES = 2_000


def answer_to(query: str) -> bytes:
    """The answer of Overpass to a query."""
    found = BOX.search(query)
    elements = _elements(tuple(map(float, found.groups())), _tags(query)) if found else []
    said = {"version": 0.6, "generator": "Corral's stand-in for Overpass", "elements": elements}
    return json.dumps(said).encode()


def _tags(query: str) -> dict[str, str]:
    statement = query.partition(";(")[2].partition(");")[0]
    return {key: value or "yes" for key, value in TAG.findall(statement.partition(";")[0])}


def _elements(box: tuple[float, ...], tags: dict[str, str]) -> list[dict[str, Any]]:
    south, west, north, east = (round(side / FIELD_DEGREES) for side in box)
    fields = (
        (row, column)
        for row in range(south, max(north, south + 1))
        for column in range(west, max(east, west + 1))
    )
    return [_shape(row, column, tags) for (row, column), _ in zip(fields, range(MAX_SHAPES), strict=False)]


def _shape(row: int, column: int, tags: dict[str, str]) -> dict[str, Any]:
    """A pentagon with a name, well within its field."""
    number = int.from_bytes(hashlib.sha256(f"{row},{column}".encode()).digest()[:6])
    dice = random.Random(number)  # noqa: S311  # a map
    radius = FIELD_DEGREES * dice.uniform(0.15, 0.45)
    ring = []
    for corner in range(5):
        angle = 2 * math.pi * corner / 5
        ring.append(
            {
                "lat": round((row + 0.5) * FIELD_DEGREES + radius * math.sin(angle), 7),
                "lon": round((column + 0.5) * FIELD_DEGREES + radius * math.cos(angle), 7),
            }
        )
    return {
        "type": "way",
        "id": number,
        "tags": {"name": f"Field {row}/{column}", **tags},
        "geometry": [*ring, ring[0]],
    }
