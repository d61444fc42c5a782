"""What `image.process` says of the pictures it made."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SourceImage(BaseModel):
    """The picture that was given, as it is shown: upright."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["jpeg", "png", "webp", "avif", "gif", "tiff"]
    width: int = Field(gt=0, description="Pixels, of the whole picture")
    height: int = Field(gt=0, description="Pixels, of the whole picture")
    frames: int = Field(
        gt=0, description="Frames of an animation, pages of a document; 1 for a plain picture"
    )
    size_bytes: int = Field(gt=0)


class ProcessedImage(BaseModel):
    """One picture that was made; the file is an artifact of this name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="The file's name")
    media_type: str
    width: int = Field(gt=0, description="Pixels")
    height: int = Field(gt=0, description="Pixels")
    frames: int = Field(gt=0)
    size_bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    dominant_color: str | None = Field(
        pattern="^#[0-9a-f]{6}$",
        description="The colour that covers most of it; null where all of it is transparent",
    )


class ImageResult(BaseModel):
    """The result of `image.process`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SourceImage
    images: list[ProcessedImage] = Field(description="In the order of `outputs`")
