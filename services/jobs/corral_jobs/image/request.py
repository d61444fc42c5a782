"""What `image.process` is asked for with."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, model_validator

MAX_SIDE = 16_383
"""The longest side of a picture that is made: WebP's limit; AVIF's is one more."""
MAX_OUTPUTS = 20
MAX_URL = 2_048
MAX_CROP = 10_000_000

Side = Annotated[StrictInt, Field(ge=1, le=MAX_SIDE)]
FileName = Annotated[
    str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
]
UploadId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""As it was answered, and in no other spelling: the upload is kept for the jobs that name it so."""
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
Format = Literal["jpeg", "png", "webp", "avif"]


class ArtifactSource(BaseModel):
    """A file that another job made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: UUID = Field(description="The job's id")
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="The file's name"
    )


class Crop(BaseModel):
    """The part of the picture that is used, in pixels of the picture as it is shown: upright."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left: Annotated[StrictInt, Field(ge=0, le=MAX_CROP)]
    top: Annotated[StrictInt, Field(ge=0, le=MAX_CROP)]
    width: Annotated[StrictInt, Field(ge=1, le=MAX_CROP)]
    height: Annotated[StrictInt, Field(ge=1, le=MAX_CROP)]


class ImageOutput(BaseModel):
    """One picture to make. Without width and height it keeps the size of the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: FileName | None = Field(
        default=None, description="The file's name; made from the source's name and the size if absent"
    )
    width: Side | None = Field(default=None, description="Pixels")
    height: Side | None = Field(default=None, description="Pixels")
    resize: Literal["fit", "fill", "exact"] = Field(
        default="fit",
        description="`fit` stays within width and height, `fill` covers both and cuts what is over, `exact` stretches",
    )
    enlarge: StrictBool = Field(
        default=False,
        description="Whether `fit` may make a small picture larger; `fill` and `exact` always may",
    )
    position: Literal["centre", "attention", "entropy", "low", "high"] = Field(
        default="centre",
        description="What `fill` keeps: the centre, what draws attention, what has most detail, the start or the end",
    )
    format: Format | None = Field(
        default=None, description="The format; the source's if absent, and PNG for GIF and TIFF"
    )
    quality: Annotated[StrictInt, Field(ge=1, le=100)] | None = Field(
        default=None, description="1 to 100 for JPEG, WebP and AVIF; 80, 80 and 50 if absent"
    )
    background: Color = Field(
        default="#ffffff", description="What shows through where JPEG has no transparency"
    )

    @model_validator(mode="after")
    def _both_sides(self) -> Self:
        if self.resize != "fit" and (self.width is None or self.height is None):
            raise ValueError(f"resize {self.resize} needs width and height")
        return self


class ImageRequest(BaseModel):
    """A picture from exactly one source, and what to make of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"required": ["upload"], "properties": {"upload": {"type": "string"}}},
                {"required": ["url"], "properties": {"url": {"type": "string"}}},
                {"required": ["artifact"], "properties": {"artifact": {"type": "object"}}},
            ],
            "examples": [
                {
                    "upload": "0199f0a4-5d6e-7c3b-9a51-6f1f0f8e2c47",
                    "outputs": [
                        {"width": 800, "format": "webp"},
                        {"width": 200, "height": 200, "resize": "fill"},
                    ],
                },
                {
                    "url": "https://example.com/photo.jpg",
                    "outputs": [
                        {"width": 1600, "height": 1600, "format": "webp"},
                        {"width": 200, "height": 200, "resize": "fill"},
                    ],
                },
            ],
        },
    )

    upload: UploadId | None = Field(default=None, description="The id that POST /api/v1/uploads answered")
    url: Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL)] | None = Field(
        default=None, description="An address of the public internet"
    )
    artifact: ArtifactSource | None = Field(default=None, description="A file that another job made")
    crop: Crop | None = Field(default=None, description="The part to use; all of it if absent")
    outputs: Annotated[list[ImageOutput], Field(min_length=1, max_length=MAX_OUTPUTS)] = Field(
        default_factory=lambda: [ImageOutput()], description="The pictures to make"
    )
    keep_metadata: StrictBool = Field(
        default=False, description="Whether EXIF, XMP and IPTC stay, with the place where a photo was taken"
    )
    animation: StrictBool = Field(
        default=False,
        description="Whether WebP keeps all frames of an animation; other formats show the first",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("upload", "url", "artifact") if getattr(self, name) is not None]
        if len(given) != 1:
            said = "none is" if not given else f"{' and '.join(given)} are"
            raise ValueError(f"exactly one of upload, url and artifact must be given; {said}")
        return self

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        seen: set[str] = set()
        for output in self.outputs:
            if output.name is not None and output.name in seen:
                raise ValueError(f"outputs names {output.name!r} twice")
            seen.add(output.name or "")
        return self
