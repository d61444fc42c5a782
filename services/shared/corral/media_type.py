"""The type of a file by its content, whatever its name or its sender says.

Source: WHATWG MIME Sniffing (signatures), ISO/IEC 14496-12 (brands in `ftyp`), RFC 9649 (WebP), ISO/IEC 18181-2 (JPEG XL).
"""

import re

HEAD_BYTES = 4_096
"""So many bytes from the start of a file tell its type."""
UNKNOWN = "application/octet-stream"

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"BM", "image/bmp"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"PK\3\4", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = (
    (frozenset({b"avif", b"avis"}), "image/avif"),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}), "image/heic"),
)
_SVG = re.compile(
    rb"(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>[]*(\[[^]]*\])?\s*>|\s)*<svg[\s>]", re.DOTALL | re.IGNORECASE
)
_HTML = re.compile(
    rb"(<!--.*?-->|\s)*<(!DOCTYPE html|html|head|script|body|iframe|table|div|style|title|a|p|br|h1)[\s>]",
    re.DOTALL | re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def media_type_of(head: bytes) -> str:
    """The media type of a file that begins with `head`, which is all of it or HEAD_BYTES bytes."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    return _of_text(head)


def _of_brands(head: bytes) -> str:
    size = min(int.from_bytes(head[:4]), len(head))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, size - 3, 4))}
    for known, found in _BRANDS:
        if brands & known:
            return found
    return "video/mp4"


def _of_text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if not text or _CONTROL.search(text):
        return UNKNOWN
    if _SVG.match(text):
        return "image/svg+xml"
    if text.lstrip().startswith(b"<?xml"):
        return "text/xml"
    if _HTML.match(text):
        return "text/html"
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(text) - 3:  # a character may be cut at the end
            return UNKNOWN
    return "text/plain"
