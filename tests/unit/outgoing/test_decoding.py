import gzip
import sys
import zlib
from itertools import pairwise

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.outgoing.decoding import PIECE_BYTES, BadEncoding, decoder_for

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACK = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "": bytes,
    "identity": bytes,
    "identity, gzip": gzip.compress,
}


def unpacked(encoding: str, packed: bytes, at: list[int] | None = None) -> bytes:
    decoder = decoder_for(encoding)
    out = b""
    edges = [0, *sorted(edge % (len(packed) + 1) for edge in at or []), len(packed)]
    for start, end in pairwise(edges):
        for piece in decoder.feed(packed[start:end]):
            assert len(piece) <= 4 * PIECE_BYTES or not encoding.strip() or encoding == "identity"
            out += piece
    decoder.end()
    return out


@pytest.mark.parametrize("encoding", PACK)
@settings(max_examples=25)
@given(
    data=st.binary(max_size=300),
    times=st.sampled_from([1, 1, 2_000]),
    at=st.lists(st.integers(0, 10_000), max_size=4),
)
def test_what_was_packed_comes_back_however_it_is_cut(encoding: str, data: bytes, times: int, at: list[int]):
    assert unpacked(encoding, PACK[encoding](data * times), at) == data * times


@pytest.mark.parametrize("encoding", [name for name in PACK if name not in ("", "identity")])
@settings(max_examples=25)
@given(keep=st.integers(1, 10_000))
def test_a_cut_body_is_noticed(encoding: str, keep: int):
    packed = PACK[encoding](bytes(range(256)) * 8)
    with pytest.raises(BadEncoding):
        unpacked(encoding, packed[: keep % (len(packed) - 1) + 1] if keep % len(packed) else packed[:-1])


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@settings(max_examples=25)
@given(junk=st.binary(min_size=20, max_size=50))
def test_what_is_not_packed_is_noticed_or_comes_out_whole(encoding: str, junk: bytes):
    """Deflate without a header may be anything; the others have a form."""
    try:
        unpacked(encoding, junk)
    except BadEncoding:
        return
    assert encoding == "br"  # a few bytes may be brotli by chance


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@settings(max_examples=25)
@given(at=st.lists(st.integers(0, 10_000), max_size=4))
def test_several_parts_are_one_body(encoding: str, at: list[int]):
    assert unpacked(encoding, PACK[encoding](b"one ") + PACK[encoding](b"two"), at) == b"one two"


@settings(max_examples=25)
@given(at=st.lists(st.integers(0, 10_000), max_size=3))
def test_zeros_after_gzip_are_no_part_of_it(at: list[int]):
    assert unpacked("gzip", gzip.compress(b"one") + bytes(700), at) == b"one"


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "gzip, gzip", "chunked", "zip"])
def test_an_encoding_that_is_not_read_is_refused(encoding: str):
    with pytest.raises(BadEncoding):
        decoder_for(encoding)


def test_a_window_larger_than_a_body_may_need_is_refused():
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    large = packer.compress(b"x" * 64) + packer.flush()
    with pytest.raises(BadEncoding, match="zstd"):
        unpacked("zstd", large)
