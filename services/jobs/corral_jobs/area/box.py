"""Boxes of degrees: also across the antimeridian, and split into pieces that a provider can answer."""

import math
from collections.abc import Iterator
from typing import NamedTuple


class Box(NamedTuple):
    """South, west, north and east in degrees. One that crosses the antimeridian has its west east of its east."""

    south: float
    west: float
    north: float
    east: float

    @property
    def crosses(self) -> bool:
        """Whether it crosses the antimeridian."""
        return self.west > self.east

    @property
    def width(self) -> float:
        """Degrees from west to east."""
        return self.east - self.west + (360.0 if self.crosses else 0.0)

    @property
    def height(self) -> float:
        """Degrees from south to north."""
        return self.north - self.south

    @property
    def center(self) -> float:
        """The longitude of its middle; above 180 where it lies beyond the antimeridian."""
        return self.west + self.width / 2

    def pieces(self, side: float) -> Iterator["Box"]:
        """The box in pieces of at most `side` degrees, none of which crosses the antimeridian."""
        for part in self._parts():
            rows, columns = _count(part, side)
            for row in range(rows):
                for column in range(columns):
                    yield Box(
                        part.south + part.height * row / rows,
                        part.west + part.width * column / columns,
                        part.north if row == rows - 1 else part.south + part.height * (row + 1) / rows,
                        part.east
                        if column == columns - 1
                        else part.west + part.width * (column + 1) / columns,
                    )

    def count(self, side: float) -> int:
        """How many pieces there are."""
        return sum(math.prod(_count(part, side)) for part in self._parts())

    def quarters(self) -> list["Box"]:
        """Four boxes that make it up; it crosses no antimeridian."""
        return list(self.pieces(max(self.width, self.height) / 2))

    def _parts(self) -> tuple["Box", ...]:
        if not self.crosses:
            return (self,)
        halves = (
            Box(self.south, self.west, self.north, 180.0),
            Box(self.south, -180.0, self.north, self.east),
        )
        return tuple(one for one in halves if one.west < one.east)


def _count(box: Box, side: float) -> tuple[int, int]:
    """Rows and columns of pieces; a hair more than a whole number of sides is that number."""
    return max(1, math.ceil(box.height / side - 1e-9)), max(1, math.ceil(box.width / side - 1e-9))
