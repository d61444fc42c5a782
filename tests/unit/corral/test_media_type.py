"""The type of a file is that of its content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.media_type import HEAD_BYTES, UNKNOWN, media_type_of

ISO = b"\0\0\0\x1cftyp"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x10\0\0\0AVI LIST", UNKNOWN),
        (b"GIF89a", "image/gif"),
        (b"MM\0*", "image/tiff"),
        (ISO + b"avif\0\0\0\0mif1miaf", "image/avif"),
        (ISO + b"mif1\0\0\0\0miafavif", "image/avif"),
        (ISO + b"heic\0\0\0\0mif1heic", "image/heic"),
        (ISO + b"isom\0\0\0\0mp42mp41", "video/mp4"),
        (b"\xff\x0a\0", "image/jxl"),
        (b"%PDF-1.4", "application/pdf"),
        (b"<svg width='1'>", "image/svg+xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE svg>\n<svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><feed/>", "text/xml"),
        (b"  <!doctype html><p>", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"a,b\n1,2\n", "text/plain"),
        ("grüß\n".encode(), "text/plain"),
        (("a" + "ü" * HEAD_BYTES).encode()[:HEAD_BYTES], "text/plain"),
        (b"\xfc\xdf latin", UNKNOWN),
        (b"a\0b", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_it_is_told_by_the_first_bytes(head: bytes, told: str):
    assert media_type_of(head) == told


@given(st.binary(max_size=200))
def test_whatever_comes_has_a_type(head: bytes):
    assert "/" in media_type_of(head)
