"""Compressed bodies: the same bytes come out, however the server wrote them and the network split them."""

from __future__ import annotations

import gzip
import zlib

import pytest
from aurous.transport.body_decoding import BodyDecoder, DecodingError

BODY = b'{"text": "Red, green, blue."}' * 4


def _raw_deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(data) + compress.flush()


FORMS = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "gzip in two members": ("gzip", gzip.compress(BODY[:30]) + gzip.compress(BODY[30:])),
    "gzip with an empty member": ("x-gzip", gzip.compress(BODY) + gzip.compress(b"")),
    "gzip with padding": ("gzip", gzip.compress(BODY) + bytes(8)),
    "gzip with a byte after it that begins a member": ("gzip", gzip.compress(BODY) + b"\x1f"),
    "deflate": ("deflate", zlib.compress(BODY)),
    "deflate with bytes after it": ("deflate", zlib.compress(BODY) + b"\x1f\x8b"),
    "deflate without the header of zlib": ("deflate", _raw_deflate(BODY)),
}


def _chunks(decoder: BodyDecoder, piece: bytes) -> list[bytes]:
    chunks = [decoder.decode(piece)]
    while decoder.has_more:
        chunks.append(decoder.decode(b""))
        assert len(chunks) < 100, "the decoder does not end"
    return chunks


def _decode(coding: str, pieces: list[bytes]) -> bytes:
    decoder = BodyDecoder(coding)
    decoded = b"".join(chunk for piece in pieces for chunk in _chunks(decoder, piece))
    decoder.finish()
    return decoded


@pytest.mark.parametrize(("coding", "encoded"), FORMS.values(), ids=FORMS)
def test_body_split_at_any_byte_is_decoded(coding: str, encoded: bytes) -> None:
    for place in range(len(encoded) + 1):
        assert _decode(coding, [encoded[:place], encoded[place:]]) == BODY
    assert _decode(coding, [encoded[place : place + 1] for place in range(len(encoded))]) == BODY


@pytest.mark.parametrize("form", ["gzip", "deflate", "deflate without the header of zlib"])
def test_body_truncated_at_any_byte_is_refused(form: str) -> None:
    coding, encoded = FORMS[form]
    for length in range(1, len(encoded)):
        with pytest.raises(DecodingError):
            _decode(coding, [encoded[:length]])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_body_of_no_bytes_is_empty(coding: str) -> None:
    assert _decode(coding, [b""]) == b""


@pytest.mark.parametrize(
    ("after", "size"),
    [(b"", 2**20), (bytes(8), 2**20), (b"garbage", 2**20), (gzip.compress(bytes(2**20)), 2**21)],
    ids=["nothing", "padding", "garbage", "member"],
)
def test_large_body_is_decoded_in_chunks_to_its_end(after: bytes, size: int) -> None:
    sizes = list(map(len, _chunks(BodyDecoder("gzip"), gzip.compress(bytes(2**20)) + after)))
    assert sum(sizes) == size
    assert max(sizes) == 2**18
