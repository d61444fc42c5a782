"""Pictures: decoded, made smaller, coloured as sRGB, encoded. Imports the image library, libvips.

Every file is hostile: only loaders for the formats in format.py are asked, by name, and loaders that libvips itself does
not trust are blocked. Size and frames are read from the file's head, and bounded before a pixel is decoded.
"""

from collections.abc import Iterator
from typing import Any, Final

import pyvips

from corral_jobs.image.color import dominant
from corral_jobs.image.format import WRITTEN, OutputFormat, Read, format_of
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import Crop, Format, ImageOutput
from corral_jobs.image.size import (
    Size,
    area_of,
    refuse_too_large,
    refuse_too_long,
    size_of,
    turned,
)

pyvips.concurrency_set(1)  # one attempt has one processor
pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)  # nothing is made twice from the same picture, and the cache would hold it

_LOADERS: Final[dict[Read, str]] = {
    "jpeg": "jpegload_buffer",
    "png": "pngload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "gif": "gifload_buffer",
    "tiff": "tiffload_buffer",
}
_ANIMATED: Final[frozenset[Read]] = frozenset({"webp", "gif"})
_OF_ANIMATIONS: Final = ("page-height", "n-pages", "delay", "loop")
_SHRINKS: Final = (8, 4, 2)
"""Factors by which libjpeg decodes a smaller picture at once, for less time and memory."""
LARGE: Final = 4_000_000
"""Pixels from which on a file may be some percent larger for less memory."""
_SAMPLE: Final = 64
"""Pixels of a side of what the dominant colour is looked for in."""


class Picture:
    """One file, its head read. Each `make` decodes it anew, so that it is never whole in memory where that can be helped."""

    def __init__(self, data: bytes) -> None:
        """Read the head.

        Raises:
            InvalidImage: it is no picture that is read, is damaged, or has too many pixels.
        """
        self._data = data
        self.format = format_of(data)
        head = self._load(1)
        self._orientation = int(head.get("orientation")) if head.get_typeof("orientation") else 1
        stored = Size(int(head.width), int(head.height))
        self.size = Size(stored.height, stored.width) if turned(self._orientation) else stored
        pages = int(head.get("n-pages")) if head.get_typeof("n-pages") else 1
        self.frames = pages if self.format in {*_ANIMATED, "tiff", "avif"} else 1
        refuse_too_large(stored, self.frames if self.format in _ANIMATED else 1, "the picture has")

    def make(
        self,
        output: ImageOutput,
        kind: Format,
        *,
        crop: Crop | None = None,
        animation: bool = False,
        keep_metadata: bool = False,
    ) -> "Made":
        """Make one picture.

        Raises:
            InvalidImage: the file is damaged, or can't be made into what is asked for.
        """
        written = WRITTEN[kind]
        source = Size(crop.width, crop.height) if crop else self.size
        size = size_of(output, source)
        frames = self.frames if animation and kind == "webp" and self.format in _ANIMATED else 1
        refuse_too_large(size, frames, "the result would have")
        refuse_too_long(size, written.sides, written.name)
        area = area_of(crop, self.size, self._orientation) if crop else None
        try:
            loaded = self._load(frames, shrink=1 if crop else self._shrink(size))
            made = []
            for frame in _frames(loaded, frames):
                part = frame if area is None else frame.crop(*area)
                made.append(_resized(part, size, output))
            joined = made[0] if frames == 1 else _animated(made, loaded, size)
            if kind == "jpeg":
                joined = _opaque(joined, output.background)
            data = _encoded(
                joined, written, output, large=size.width * size.height > LARGE, keep_metadata=keep_metadata
            )
            return Made(data, written, size, frames, _dominant(data, kind))
        except pyvips.Error as error:
            raise InvalidImage(f"the picture can't be read to its end{_told(error)}") from error

    def _shrink(self, size: Size) -> int:
        """By how much a JPEG is decoded smaller: so much that twice the wanted size is left, for a good resize."""
        if self.format != "jpeg":
            return 1
        width, height = self.size.width, self.size.height
        return next(
            (by for by in _SHRINKS if width >= 2 * by * size.width and height >= 2 * by * size.height), 1
        )

    def _load(self, frames: int, *, shrink: int = 1) -> Any:
        options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
        if frames != 1:
            options["n"] = frames
        if shrink != 1:
            options["shrink"] = shrink
        try:
            return getattr(pyvips.Image, _LOADERS[self.format])(self._data, **options)
        except pyvips.Error as error:
            raise InvalidImage(
                f"the file begins like {self.format.upper()} and is none{_told(error)}"
            ) from error


class Made:
    """A picture that was made: its bytes, and what is said of it."""

    def __init__(
        self, data: bytes, written: OutputFormat, size: Size, frames: int, color: str | None
    ) -> None:
        self.data, self.written, self.size, self.frames, self.color = data, written, size, frames, color


def _frames(loaded: Any, frames: int) -> Iterator[Any]:
    if frames == 1:
        yield loaded
        return
    strip = loaded.copy_memory()  # frames are read more than once from it
    height = strip.height // frames
    for number in range(frames):
        frame = strip.crop(0, number * height, strip.width, height).copy()
        for name in _OF_ANIMATIONS:
            frame.remove(name)
        yield frame


def _resized(part: Any, size: Size, output: ImageOutput) -> Any:
    """Upright, in sRGB with eight bits a channel, and of the wanted size."""
    keep: dict[str, Any] = {"size": "force"}
    if output.resize == "fill":
        keep = {"size": "both", "crop": output.position}
    # Without a profile of its own, CMYK is taken for what most printers expect.
    made = part.thumbnail_image(
        size.width,
        height=size.height,
        input_profile="cmyk" if part.interpretation == "cmyk" else "srgb",
        output_profile="srgb",
        intent="relative",
        **keep,
    )
    if made.interpretation != "srgb":
        made = made.colourspace("srgb")
    return made.cast("uchar")


def _animated(frames: list[Any], loaded: Any, size: Size) -> Any:
    joined = pyvips.Image.arrayjoin(frames, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", size.height)
    for name, kind in (("loop", pyvips.GValue.gint_type), ("delay", pyvips.GValue.array_int_type)):
        if loaded.get_typeof(name):
            joined.set_type(kind, name, loaded.get(name))
    return joined


def _opaque(image: Any, background: str) -> Any:
    if not image.hasalpha():
        return image
    return image.flatten(background=[int(background[start : start + 2], 16) for start in (1, 3, 5)])


def _encoded(
    image: Any, written: OutputFormat, output: ImageOutput, *, large: bool, keep_metadata: bool
) -> bytes:
    options: dict[str, Any] = {"keep": "all" if keep_metadata else "none"}
    quality = output.quality or written.quality
    if quality is not None and written.quality is not None:
        options["Q"] = quality
    if written.suffix == "avif":
        options |= {"compression": "av1", "effort": 2}
    if written.suffix == "jpg":
        options |= {"optimize_coding": not large}  # which holds the whole picture
    data: bytes = image.write_to_buffer(f".{written.suffix}", **options)
    return data


def _dominant(data: bytes, kind: Format) -> str | None:
    """The dominant colour of a picture that was made, looked for in a small copy."""
    made = getattr(pyvips.Image, _LOADERS[kind])(data, access="sequential")
    small = made.thumbnail_image(_SAMPLE, height=_SAMPLE, size="force").colourspace("srgb")
    if not small.hasalpha():
        small = small.addalpha()
    pixels: bytes = small.cast("uchar").write_to_memory()
    return dominant(pixels[start : start + 4] for start in range(0, len(pixels), 4))


def _told(error: pyvips.Error) -> str:
    """What the library says, in one line; nothing where it only says what it tried."""
    lines = dict.fromkeys(line.strip() for line in str(error).splitlines())
    told = [line for line in lines if line and not line.startswith(("unable to call", "source:", "vips2"))]
    return f": {'; '.join(told)[:300]}" if told else ""
