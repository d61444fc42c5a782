"""Odd and hostile pictures, made here, each with its answer. As a program it processes them all and prints what came of it.

python -m tests.unit.image.hostile    one JSON object: an answer by name, and the peak memory in MiB
"""

import json
import resource
import struct
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyvips

from corral_jobs.image.format import PLAIN
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.picture import Picture
from corral_jobs.image.request import Crop, Format, ImageOutput

SMALL = ImageOutput(width=40, height=40)


@dataclass(frozen=True)
class Case:
    """A file, what is asked for, and the answer: format and size, or the reason of the refusal as a pattern."""

    name: str
    make: Callable[[], bytes]
    answer: str
    output: ImageOutput = SMALL
    more: dict[str, Any] = field(default_factory=dict)


def scene(width: int = 120, height: int = 80) -> Any:
    """Something of every colour, red in its upper left corner."""
    at = pyvips.Image.xyz(width, height)
    image = (at[0] * 255 / width).bandjoin([at[1] * 255 / height, (at[0] + at[1]) % 200])
    image = image.cast("uchar").copy(interpretation="srgb")
    return image.draw_rect([255, 0, 0], 0, 0, width // 4, height // 4, fill=True)


def saved(image: Any, suffix: str, **options: Any) -> bytes:
    return image.write_to_buffer(suffix, **options)


def upright(orientation: int, suffix: str = ".jpg") -> bytes:
    image = scene().copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return saved(image, suffix)


def frames(count: int = 3, width: int = 60, height: int = 40) -> Any:
    joined = pyvips.Image.arrayjoin(
        [scene(width, height).invert() if number % 2 else scene(width, height) for number in range(count)],
        across=1,
    )
    joined = joined.cast("uchar").copy(interpretation="srgb")
    joined.set_type(pyvips.GValue.gint_type, "page-height", height)
    joined.set_type(pyvips.GValue.array_int_type, "delay", [100] * count)
    return joined


def deep(image: Any, interpretation: str) -> Any:
    return (image.cast("ushort") * 257).cast("ushort").copy(interpretation=interpretation)


def see_through() -> Any:
    return scene().bandjoin(scene()[0])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, *between: bytes, bits: int = 1, colors: int = 0) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colors, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(between) + body


def png_with(between: bytes) -> bytes:
    return png(8, 8, b"\0\0" * 8, between)


def jpeg_said_to_be(width: int, height: int) -> bytes:
    data = bytearray(saved(scene(), ".jpg", keep="none"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def gif(width: int, height: int, count: int, side: int = 1) -> bytes:
    """Frames of one pixel each on a screen of any size."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + b"\xff\0\0\0\0\xff"
        + frame * count
        + b";"
    )


def webp_said_to_be(side: int) -> bytes:
    data = bytearray(saved(see_through(), ".webp", keep="none"))
    at = data.index(b"VP8X")
    data[at + 12 : at + 18] = (side - 1).to_bytes(3, "little") * 2
    return bytes(data)


def tiff_said_to_be(side: int) -> bytes:
    data = bytearray(saved(scene(), ".tif", keep="none"))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] in {256, 257}:
            data[entry : entry + 12] = struct.pack(
                "<HHII", struct.unpack_from("<H", data, entry)[0], 4, 1, side
            )
    return bytes(data)


def cut(data: bytes, part: float = 0.6) -> bytes:
    return data[: int(len(data) * part)]


def broken_png() -> bytes:
    data = bytearray(saved(scene(), ".png"))
    at = data.index(b"IDAT") + 20
    data[at : at + 4] = b"\xde\xad\xbe\xef"
    return bytes(data)


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\0\0" + brand + b"mif1" + b"\0" * 64


HTML = b"<html><script>alert(1)</script></html>"
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg xmlns="x">&b;</svg>'
)
TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 60_000_000, 9))
PROFILE_BOMB = chunk(b"iCCP", b"p\0\0" + zlib.compress(b"\0" * 60_000_000, 9))
FULL = ImageOutput()
WEBP = ImageOutput(width=30, format="webp")

CASES = [
    Case("jpeg", lambda: saved(scene(), ".jpg"), "jpeg 40x27"),
    Case("jpeg, progressive", lambda: saved(scene(), ".jpg", interlace=True), "jpeg 40x27"),
    Case("jpeg, grey", lambda: saved(scene()[0].copy(interpretation="b-w"), ".jpg"), "jpeg 40x27"),
    Case(
        "jpeg, CMYK with its profile",
        lambda: saved(scene().icc_transform("cmyk", input_profile="srgb"), ".jpg"),
        "jpeg 40x27",
    ),
    Case(
        "jpeg, CMYK without",
        lambda: saved(scene().icc_transform("cmyk", input_profile="srgb"), ".jpg", keep="none"),
        "jpeg 40x27",
    ),
    Case(
        "jpeg, wide gamut",
        lambda: saved(scene().icc_transform("p3", input_profile="srgb"), ".jpg"),
        "jpeg 40x27",
    ),
    Case("jpeg, turned left", lambda: upright(6), "jpeg 27x40"),
    Case("jpeg, upside down", lambda: upright(3), "jpeg 40x27"),
    Case("jpeg, mirrored and turned", lambda: upright(7), "jpeg 27x40"),
    Case(
        "jpeg, of an orientation that there is not",
        lambda: upright(6).replace(b"\x12\x01\x03\0\x01\0\0\0\x06", b"\x12\x01\x03\0\x01\0\0\0\x63"),
        "jpeg 40x27",
    ),
    Case(
        "jpeg, turned, cropped",
        lambda: upright(6),
        "jpeg 20x10",
        FULL,
        {"crop": Crop(left=5, top=7, width=20, height=10)},
    ),
    Case(
        "jpeg, cropped beyond its edge",
        lambda: saved(scene(), ".jpg"),
        "crop ends at 130, 10",
        FULL,
        {"crop": Crop(left=110, top=0, width=20, height=10)},
    ),
    Case(
        "jpeg with a script in its comment",
        lambda: saved(scene(), ".jpg", keep="none").replace(
            b"\xff\xdb", b"\xff\xfe\0\x28" + HTML[:38] + b"\xff\xdb", 1
        ),
        "jpeg 40x27",
    ),
    Case(
        "jpeg and ZIP at once",
        lambda: saved(scene(), ".jpg") + b"PK\x03\x04" + b"\0" * 200 + b"PK\x05\x06" + b"\0" * 18,
        "jpeg 40x27",
    ),
    Case("jpeg and HTML at once", lambda: saved(scene(), ".jpg") + HTML, "jpeg 40x27"),
    Case("jpeg, cut", lambda: cut(saved(scene(), ".jpg")), "can't be read to its end"),
    Case("jpeg, its head alone", lambda: saved(scene(), ".jpg")[:40], "begins like JPEG and is none"),
    Case("jpeg, its first bytes alone", lambda: b"\xff\xd8\xff\xe0", "begins like JPEG and is none"),
    Case(
        "jpeg said to be 65,500 a side",
        lambda: jpeg_said_to_be(65_500, 65_500),
        "65,500 x 65,500 pixels; together they may be 50,000,000",
    ),
    Case(
        "jpeg said to be larger than it is, grey where nothing is",
        lambda: jpeg_said_to_be(400, 400),
        "jpeg 40x40",
    ),
    Case("png", lambda: saved(scene(), ".png"), "png 40x27"),
    Case("png, 16 bits", lambda: saved(deep(scene(), "rgb16"), ".png"), "png 40x27"),
    Case("png, grey, 16 bits", lambda: saved(deep(scene()[0], "grey16"), ".png"), "png 40x27"),
    Case("png, palette", lambda: saved(scene(), ".png", palette=True), "png 40x27"),
    Case("png, palette with transparency", lambda: saved(see_through(), ".png", palette=True), "png 40x27"),
    Case("png, one bit", lambda: png(8, 8, b"\0\xaa" * 8), "png 8x8"),
    Case("png, interlaced", lambda: saved(scene(), ".png", interlace=True), "png 40x27"),
    Case(
        "png, transparent, as jpeg",
        lambda: saved(see_through(), ".png"),
        "jpeg 40x27",
        ImageOutput(width=40, height=40, format="jpeg"),
    ),
    Case("png, of one pixel", lambda: png(1, 1, b"\0\0"), "png 1x1"),
    Case(
        "png, of one pixel, made larger",
        lambda: png(1, 1, b"\0\0"),
        "png 40x40",
        ImageOutput(width=40, height=40, enlarge=True),
    ),
    Case("png, 1 x 100,000", lambda: png(1, 100_000, b"\0\0" * 100_000), "png 1x40"),
    Case("png, 100,000 x 1", lambda: png(100_000, 1, b"\0" * 12_501), "png 40x1"),
    Case(
        "png, 1 x 100,000, as WebP",
        lambda: png(1, 100_000, b"\0\0" * 100_000),
        "1 x 100,000 pixels can't be stored as WebP",
        ImageOutput(format="webp"),
    ),
    Case("png and HTML at once", lambda: saved(scene(), ".png") + HTML, "png 40x27"),
    Case("png, cut", lambda: cut(saved(scene(), ".png")), "can't be read to its end"),
    Case("png, damaged", broken_png, "can't be read to its end"),
    Case(
        "png, without rows",
        lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 1, 0, 0, 0, 0)),
        "PNG and is none|can't be read",
    ),
    Case(
        "png bomb of 400 million pixels",
        lambda: png(20_000, 20_000, b"\0" * (2_501 * 20_000)),
        "20,000 x 20,000 pixels; together they may be",
    ),
    Case(
        "png said to be a million a side",
        lambda: png(1_000_000, 1_000_000, b"\0"),
        "1,000,000 x 1,000,000|PNG and is none",
    ),
    Case("png said to be nothing", lambda: png(0, 0, b"\0"), "begins like PNG and is none"),
    Case("png with a text of 60 MB", lambda: png_with(TEXT_BOMB), "png 8x8|can't be read"),
    Case("png with a profile of 60 MB", lambda: png_with(PROFILE_BOMB), "png 8x8|can't be read"),
    Case("webp", lambda: saved(scene(), ".webp"), "webp 40x27"),
    Case(
        "webp, transparent, without loss", lambda: saved(see_through(), ".webp", lossless=True), "webp 40x27"
    ),
    Case("webp, animated", lambda: saved(frames(), ".webp"), "webp 40x27"),
    Case(
        "webp, animated, kept so",
        lambda: saved(frames(), ".webp"),
        "webp 30x20 of 3",
        WEBP,
        {"animation": True},
    ),
    Case("webp, cut", lambda: cut(saved(scene(), ".webp")), "WEBP and is none|can't be read"),
    Case(
        "webp said to be 16,383 a side",
        lambda: webp_said_to_be(16_383),
        "WEBP and is none|together they may be|can't be read",
    ),
    Case("avif", lambda: saved(scene(), ".avif"), "avif 40x27"),
    Case("avif, ten bits", lambda: saved(deep(scene(), "rgb16"), ".avif", bitdepth=10), "avif 40x27"),
    Case("avif, cut", lambda: cut(saved(scene(), ".avif")), "AVIF and is none|can't be read"),
    Case("avif, its head alone", lambda: box(b"avif"), "begins like AVIF and is none"),
    Case("gif", lambda: saved(scene(), ".gif"), "png 40x27"),
    Case("gif, animated", lambda: saved(frames(), ".gif"), "png 40x27"),
    Case(
        "gif, animated, as WebP",
        lambda: saved(frames(), ".gif"),
        "webp 30x20 of 3",
        WEBP,
        {"animation": True},
    ),
    Case("gif, cut", lambda: cut(saved(scene(), ".gif")), "GIF and is none|can't be read"),
    Case("gif, animated, cut after its first frame", lambda: cut(saved(frames(), ".gif"), 0.4), "png 40x27"),
    Case("gif of 65,535 a side with a frame of one pixel", lambda: gif(65_535, 65_535, 1), "png 1x1"),
    Case(
        "gif of 65,535 a side, all of it",
        lambda: gif(65_535, 65_535, 1, side=65_535),
        "together they may be|GIF and is none",
    ),
    Case("gif of 20,000 frames", lambda: gif(100, 100, 20_000), "20,000 frames of 100 x 100 pixels"),
    Case(
        "gif and a script at once",
        lambda: b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1);//",
        "GIF and is none|can't be read",
    ),
    Case("tiff", lambda: saved(scene(), ".tif"), "png 40x27"),
    Case("tiff of numbers with a point", lambda: saved(scene().cast("float"), ".tif"), "png 40x27"),
    Case(
        "tiff, CMYK", lambda: saved(scene().icc_transform("cmyk", input_profile="srgb"), ".tif"), "png 40x27"
    ),
    Case("tiff of three pages", lambda: saved(frames(), ".tif"), "png 40x27"),
    Case("tiff for large files", lambda: saved(scene(), ".tif", bigtiff=True, tile=True), "png 40x27"),
    Case("tiff, cut", lambda: cut(saved(scene(), ".tif")), "TIFF and is none|can't be read"),
    Case(
        "tiff said to be a million a side",
        lambda: tiff_said_to_be(1_000_000),
        "1,000,000 x 1,000,000|TIFF and is none",
    ),
    Case("nothing", lambda: b"", "the file is empty"),
    Case("noise", lambda: bytes(range(7, 256)) * 40, "no picture that is known"),
    Case(
        "text",
        lambda: b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://example.com)'",
        "the file is text",
    ),
    Case(
        "SVG",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "SVG, which is not read",
    ),
    Case("SVG with entities in entities", lambda: ENTITIES, "SVG, which is not read"),
    Case("HTML", lambda: HTML, "a web page, which is not read"),
    Case("PDF", lambda: b"%PDF-1.7\n", "PDF, which is not read"),
    Case("HEIC", lambda: box(b"heic"), "HEIC, which is not read"),
    Case("JPEG XL", lambda: b"\xff\x0a" + b"\0" * 30, "JPEG XL, which is not read"),
    Case("JPEG 2000", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 30, "JPEG 2000, which is not read"),
    Case("BMP", lambda: b"BM" + b"\0" * 60, "BMP, which is not read"),
    Case("ZIP", lambda: b"PK\x03\x04" + b"\0" * 60, "a ZIP archive"),
    Case("libvips' own format", lambda: b"\xb6\xa6\xf2\x08" + b"\0" * 80, "no picture that is known"),
    Case(
        "the largest that is read",
        lambda: saved(pyvips.Image.black(8_000, 6_250, bands=3).copy(interpretation="srgb"), ".jpg"),
        "jpeg 40x31",
    ),
    Case(
        "a result that is too large",
        lambda: png(1, 1, b"\0\0"),
        "the result would have 9,000 x 9,000",
        ImageOutput(width=9_000, height=9_000, resize="exact"),
    ),
]


def answer(case: Case) -> tuple[str, bytes]:
    """What comes of it in words, and the file that was made."""
    try:
        picture = Picture(case.make())
        kind: Format = case.output.format or PLAIN[picture.format]
        made = picture.make(case.output, kind, **case.more)
    except InvalidImage as error:
        return str(error), b""
    said = f"{kind} {made.size.width}x{made.size.height}"
    return (said if made.frames == 1 else f"{said} of {made.frames}"), made.data


def main() -> None:
    answers, clean, slowest = {}, True, 0.0
    for case in CASES:
        began = time.monotonic()
        answers[case.name], data = answer(case)
        slowest = max(slowest, time.monotonic() - began)
        clean = clean and b"script" not in data and b"PK\x03\x04" not in data
    told = {"answers": answers, "clean": clean, "peak": peak_mib(), "slowest": slowest}
    sys.stdout.write(json.dumps(told))


def peak_mib() -> float:
    """The most memory that this program had. What getrusage tells begins with that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
