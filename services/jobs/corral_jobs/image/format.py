"""The formats that are read and written, and what is said of the others."""

from dataclasses import dataclass
from typing import Literal

from corral.media_type import HEAD_BYTES, media_type_of
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import Format

Read = Literal["jpeg", "png", "webp", "avif", "gif", "tiff"]

_READ: dict[str, Read] = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/tiff": "tiff",
}
_NAMES = {
    "image/heic": "HEIC",
    "image/jxl": "JPEG XL",
    "image/jp2": "JPEG 2000",
    "image/svg+xml": "SVG",
    "image/bmp": "BMP",
    "image/vnd.microsoft.icon": "ICO",
    "image/vnd.adobe.photoshop": "Photoshop",
    "application/pdf": "PDF",
    "application/postscript": "PostScript",
    "application/zip": "a ZIP archive",
    "application/gzip": "compressed by gzip",
    "video/mp4": "a video",
    "video/webm": "a video",
    "text/html": "a web page",
    "text/xml": "XML",
    "text/plain": "text",
}
KNOWN = "JPEG, PNG, WebP, AVIF, GIF and TIFF"


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A format in which pictures are stored."""

    name: str
    media_type: str
    suffix: str
    sides: int
    """The longest side that it can hold, in pixels."""
    quality: int | None
    """Where nobody says another; None: it loses nothing."""


WRITTEN: dict[Format, OutputFormat] = {
    "jpeg": OutputFormat("JPEG", "image/jpeg", "jpg", 65_500, 80),  # libjpeg's own limit
    "png": OutputFormat("PNG", "image/png", "png", 1_000_000, None),
    "webp": OutputFormat("WebP", "image/webp", "webp", 16_383, 80),
    "avif": OutputFormat("AVIF", "image/avif", "avif", 16_384, 50),
}
PLAIN: dict[Read, Format] = {
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "avif": "avif",
    "gif": "png",
    "tiff": "png",
}
"""In which format a picture stays where none is asked for."""


def format_of(data: bytes) -> Read:
    """The format of a picture, by its content.

    Raises:
        InvalidImage: it is none that is read.
    """
    if not data:
        raise InvalidImage("the file is empty")
    media_type = media_type_of(data[:HEAD_BYTES])
    if (found := _READ.get(media_type)) is not None:
        return found
    if (name := _NAMES.get(media_type)) is not None:
        raise InvalidImage(f"the file is {name}, which is not read; {KNOWN} are")
    raise InvalidImage(f"the file is no picture that is known; {KNOWN} are read")
