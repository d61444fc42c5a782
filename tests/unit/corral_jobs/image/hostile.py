"""Odd and hostile pictures, each with its answer."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyvips
from tests.unit.corral_jobs.image.pictures import (
    ENTITIES,
    HTML,
    PROFILE_BOMB,
    TEXT_BOMB,
    box,
    broken_png,
    chunk,
    cut,
    deep,
    frames,
    gif,
    jpeg_said_to_be,
    png,
    png_with,
    saved,
    scene,
    see_through,
    tiff_said_to_be,
    upright,
    webp_said_to_be,
)

from corral_jobs.image.request import Crop, ImageOutput

SMALL = ImageOutput(width=40, height=40)


@dataclass(frozen=True)
class Case:
    """A file, what is asked for, and the answer: format and size, or the reason of the refusal as a pattern."""

    name: str
    make: Callable[[], bytes]
    answer: str
    output: ImageOutput = SMALL
    more: dict[str, Any] = field(default_factory=dict)


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
