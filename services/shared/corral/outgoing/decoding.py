"""Bodies decompressed piece by piece: a small input can't become a large buffer, and a cut one is noticed."""

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

PIECE_BYTES = 65_536
"""Bytes that are decompressed at once; brotli may give somewhat more."""
ACCEPTED = "gzip, deflate, br, zstd"
ZSTD_WINDOW_LOG = 23
"""8 MiB, the largest window that a body may need. Source: RFC 9659, section 3."""
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class BadEncoding(ValueError):
    """The body is not what its Content-Encoding says, ends too soon, or has an encoding that we don't know."""


class BodyDecoder(Protocol):
    """Takes a body in pieces and gives it decompressed, in pieces of bounded size."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises: BadEncoding."""

    def end(self) -> None:
        """Raises: BadEncoding where the body was cut."""


def decoder_for(content_encoding: str) -> BodyDecoder:
    """The decoder for a Content-Encoding header.

    Raises:
        BadEncoding: there is none. One within another is refused: a kilobyte could keep a processor busy for minutes.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    match [name for name in names if name not in ("", "identity")]:
        case []:
            return _Plain()
        case ["gzip" | "x-gzip"]:
            return _Zlib(gzip=True)
        case ["deflate"]:
            return _Zlib(gzip=False)
        case ["br"]:
            return _Brotli()
        case ["zstd"]:
            return _Zstd()
        case [_]:
            raise BadEncoding(f"its encoding is {names[0][:50]!a}; {ACCEPTED} are read")
        case several:
            raise BadEncoding(f"it is encoded {len(several)} times; once is read")


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None:
        pass


class _Zlib:
    """gzip, of one part or many, and deflate, with the header that it must have or without, as some send it."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._held = b""
        self._inner: zlib._Decompress | None = zlib.decompressobj(_GZIP_WINDOW) if gzip else None
        self._begun = self._complete = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield from self._feed(self._held + data)
        except zlib.error as error:
            raise BadEncoding(f"it is no {'gzip' if self._gzip else 'deflate'}: {error}") from None

    def _feed(self, data: bytes) -> Iterator[bytes]:
        self._held = b""
        if self._complete:
            data = self._next_part(data)
        if self._inner is None:
            if len(data) < 2:
                self._held = data
                return
            self._inner = zlib.decompressobj(zlib.MAX_WBITS if _has_header(data) else -zlib.MAX_WBITS)
        more = bool(data)
        self._begun = self._begun or more
        while more:
            piece = self._inner.decompress(data, PIECE_BYTES)
            data = self._inner.unconsumed_tail
            if piece:
                yield piece
            self._complete = self._inner.eof
            if self._complete:
                data = self._next_part(self._inner.unused_data)
            more = bool(data) or (len(piece) == PIECE_BYTES and not self._complete)

    def _next_part(self, data: bytes) -> bytes:
        """What follows a whole part: another one, or zeros."""
        if self._gzip and (data := data.lstrip(b"\0")):
            self._inner, self._complete = zlib.decompressobj(_GZIP_WINDOW), False
        elif data:
            raise BadEncoding("something follows its end")
        return data

    def end(self) -> None:
        if (self._begun or self._held) and not self._complete:
            raise BadEncoding("it ends too soon")


def _has_header(data: bytes) -> bool:
    """Source: RFC 1950, section 2.2."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            piece = self._inner.process(data, output_buffer_limit=PIECE_BYTES)
            while piece:
                yield piece
                piece = self._inner.process(b"", output_buffer_limit=PIECE_BYTES)
        except brotli.error:
            raise BadEncoding("it is no brotli") from None

    def end(self) -> None:
        if self._begun and not self._inner.is_finished():
            raise BadEncoding("it ends too soon")


class _Zstd:
    def __init__(self) -> None:
        self._inner = _zstd()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            while data or not (self._inner.needs_input or self._inner.eof):
                if self._inner.eof:  # another frame follows
                    self._inner = _zstd()
                if piece := self._inner.decompress(data, PIECE_BYTES):
                    yield piece
                data = self._inner.unused_data if self._inner.eof else b""
        except ZstdError as error:
            raise BadEncoding(f"it is no zstd that we read: {error}") from None

    def end(self) -> None:
        if self._begun and not self._inner.eof:
            raise BadEncoding("it ends too soon")


def _zstd() -> ZstdDecompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
