"""Pictures for tests: plain ones, odd ones, and files that lie about what they are."""

import struct
import zlib
from typing import Any

import pyvips


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
