"""Models of areas in the API: what is sent, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["pending", "fetching", "measuring", "ready", "failed", "cancelled"]


class AreaBody(BaseModel):
    """What to fetch: fields of `area.fetch`, which judges them."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"south": 47.35, "west": 8.5, "north": 47.4, "east": 8.6, "tags": {"landuse": "forest"}}
            ]
        },
    )

    south: Annotated[float, Field(ge=-90, le=90, description="Degrees, as the three others.")]
    west: Annotated[
        float, Field(ge=-180, le=180, description="Greater than east where the box crosses the antimeridian.")
    ]
    north: Annotated[float, Field(ge=-90, le=90)]
    east: Annotated[float, Field(ge=-180, le=180)]
    tags: Annotated[dict[str, str], Field(description="What is looked for has all of them; * is any value.")]
    provider: Annotated[str, Field(description="Whom to ask.")] = "overpass"


class AreaStarted(BaseModel):
    """An area that will be fetched."""

    id: UUID
    status: Literal["pending"]


class AreaAnswer(BaseModel):
    """An area. `fetched` is the result of its job of area.fetch, `measured` that of area.measure, which draws it, too."""

    id: UUID
    status: Status
    progress: int
    message: str | None
    error: str | None
    request: dict[str, Any]
    fetched: dict[str, Any] | None
    measured: dict[str, Any] | None
    measured_by: UUID | None
    geojson: Annotated[str | None, Field(description="The path of the shapes as GeoJSON.")]
    created_at: datetime
    updated_at: datetime


class AreaList(BaseModel):
    """Areas, newest first. `next` is the cursor of the next page; null at the end."""

    items: list[AreaAnswer]
    next: UUID | None
