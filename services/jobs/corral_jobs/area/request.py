"""What `area.fetch` and `area.measure` are asked for with."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

from corral_jobs.area.box import Box
from corral_jobs.provider.declaration import ProviderName

MAX_PIECES = 64
"""Pieces of one box; more would take a provider's budget of a day."""
PIECE_DEGREES = 0.5
ANY = "*"

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=True)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True)]
TAG_KEY = r"^[A-Za-z][A-Za-z0-9:_-]{0,62}$"
TagKey = Annotated[str, StringConstraints(pattern=TAG_KEY)]
TagValue = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Element = Literal["node", "way", "relation"]


class BoxOfDegrees(BaseModel):
    """A box of degrees (WGS 84), and the tags of what is looked for in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    south: Latitude
    west: Longitude = Field(description="Greater than `east` where the box crosses the antimeridian")
    north: Latitude
    east: Longitude
    tags: Annotated[dict[TagKey, TagValue], Field(min_length=1, max_length=10)] = Field(
        description="What is looked for has all of them; * is any value",
        json_schema_extra={"propertyNames": {"pattern": TAG_KEY}},
    )

    @property
    def box(self) -> Box:
        """The box."""
        return Box(self.south, self.west, self.north, self.east)

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.south >= self.north:
            raise ValueError(f"south is {self.south:g} and north {self.north:g}; north must be the greater")
        if self.west == self.east or (self.west == 180 and self.east == -180):
            raise ValueError(f"west is {self.west:g} and east {self.east:g}: the box has no width")
        return self


class AreaRequest(BoxOfDegrees):
    """What to fetch, and from whom."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"south": 47.35, "west": 8.5, "north": 47.4, "east": 8.6, "tags": {"landuse": "forest"}}
            ]
        },
    )

    provider: ProviderName = "overpass"
    elements: Annotated[list[Element], Field(min_length=1, max_length=3)] = Field(
        default=["way", "relation"], description="Which kinds of OpenStreetMap's elements"
    )
    timeout: Annotated[StrictInt, Field(ge=1, le=900)] = Field(
        default=60, description="Seconds that the provider may take for one piece"
    )
    piece_degrees: Annotated[float, Field(ge=0.01, le=10)] = Field(
        default=PIECE_DEGREES, description="A larger box is asked for in pieces with sides of so many degrees"
    )
    share_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=600, description="Identical queries within this time share one answer; 0: each asks anew"
    )

    @model_validator(mode="after")
    def _not_too_many_pieces(self) -> Self:
        count = self.box.count(self.piece_degrees)
        if count > MAX_PIECES:
            raise ValueError(
                f"the box has {count:,} pieces of {self.piece_degrees:g} degrees; {MAX_PIECES} are the most. "
                "Ask for a smaller box, or for larger pieces"
            )
        return self


class MeasureRequest(BoxOfDegrees):
    """What to measure: the elements that a job of `area.fetch` kept."""

    fetched_by: UUID = Field(description="The job of area.fetch")
