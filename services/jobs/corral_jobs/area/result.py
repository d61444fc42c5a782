"""What `area.fetch` and `area.measure` answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class FetchedArea(BaseModel):
    """What was fetched. The elements are the file `elements.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pieces: int = Field(description="In how many pieces the box was asked for")
    requests: int = Field(description="Requests that were sent to the provider")
    shared: int = Field(description="Pieces that an identical query had asked for before")
    elements: int = Field(description="Elements, each once")
    size_bytes: int = Field(description="Of the answers")
    measured_by: UUID = Field(description="The job of area.measure")


class MeasuredShape(BaseModel):
    """One area."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="As way/123")
    name: str | None
    area_m2: float


class AreaDrawing(BaseModel):
    """Paths of an SVG drawing; north is up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int
    height: int
    paths: list["DrawnPath"] = Field(description="The largest shapes, simplified")
    left_out: int = Field(description="Shapes that are not drawn: they are too small, or too many")


class DrawnPath(BaseModel):
    """One shape of a drawing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["polygon", "line", "point"]
    label: str
    d: Annotated[str, StringConstraints(pattern=r"^[MLZ0-9 .-]*$")] = Field(description="As SVG has it")


class MeasuredArea(BaseModel):
    """What was measured, on the ellipsoid of WGS 84. The shapes are the file `area.geojson`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: int
    polygons: int
    lines: int
    points: int
    skipped: int = Field(description="Elements without a usable shape")
    area_m2: float = Field(description="The sum of all areas, each whole, also what lies outside of the box")
    covered_m2: float = Field(description="What they cover of the box, each place once")
    box_m2: float = Field(description="The box")
    length_m: float = Field(description="The sum of all lines")
    largest: list[MeasuredShape]
    drawing: AreaDrawing
