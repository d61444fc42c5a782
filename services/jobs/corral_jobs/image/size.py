"""Sizes and orientations: plain arithmetic, before any pixel is read."""

from typing import NamedTuple

from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import MAX_SIDE, Crop, ImageOutput

MAX_PIXELS = 50_000_000
"""Width x height x frames of what is read, and of what is made."""


class Size(NamedTuple):
    """Pixels of a picture."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width:,} x {self.height:,}"


class Area(NamedTuple):
    """A rectangle of a picture, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


def refuse_too_large(size: Size, frames: int, what: str) -> None:
    """Refuse a picture that takes too much memory or time.

    Raises:
        InvalidImage: it has more than MAX_PIXELS pixels in all.
    """
    pixels = size.width * size.height * frames
    if pixels > MAX_PIXELS:
        of = f"{size} pixels" if frames == 1 else f"{frames:,} frames of {size} pixels"
        raise InvalidImage(f"{what} {of}; together they may be {MAX_PIXELS:,}")


def turned(orientation: int) -> bool:
    """Whether width and height change places when the picture is turned upright. Source: EXIF 2.32, Orientation."""
    return orientation >= 5


def area_of(crop: Crop, upright: Size, orientation: int) -> Area:
    """The rectangle of the stored pixels that `crop` names in the upright picture. Source: EXIF 2.32, Orientation.

    Raises:
        InvalidImage: it reaches beyond the picture.
    """
    left, top, width, height = crop.left, crop.top, crop.width, crop.height
    if left + width > upright.width or top + height > upright.height:
        raise InvalidImage(
            f"crop ends at {left + width:,}, {top + height:,}, beyond the picture of {upright} pixels"
        )
    right, bottom = upright.width - left - width, upright.height - top - height
    stored = {
        2: (right, top),
        3: (right, bottom),
        4: (left, bottom),
        5: (top, left),
        6: (top, right),
        7: (bottom, right),
        8: (bottom, left),
    }
    across, down = stored.get(orientation, (left, top))
    return Area(across, down, height, width) if turned(orientation) else Area(across, down, width, height)


def size_of(output: ImageOutput, source: Size) -> Size:
    """The size of the picture that `output` asks for, made of one of the size `source`."""
    width, height = output.width, output.height
    if output.resize != "fit" and width is not None and height is not None:
        return Size(width, height)
    scales = [
        wanted / there
        for wanted, there in ((width, source.width), (height, source.height))
        if wanted is not None
    ]
    scale = min(scales, default=1.0)
    if not output.enlarge:
        scale = min(scale, 1.0)
    made = Size(max(1, round(source.width * scale)), max(1, round(source.height * scale)))
    return Size(min(made.width, width or made.width), min(made.height, height or made.height))


def refuse_too_long(size: Size, sides: int, name: str) -> None:
    """Refuse a picture that its format can't hold.

    Raises:
        InvalidImage: a side is longer than `sides` pixels.
    """
    if max(size) > sides:
        raise InvalidImage(
            f"a picture of {size} pixels can't be stored as {name}, which has {sides:,} at most; "
            f"give a width or a height of up to {MAX_SIDE:,}"
        )
