"""Content codings of response bodies, decoded with bounded memory."""

from __future__ import annotations

import zlib
from typing import Final

# Far above any response of this API; without a limit, an endless one would take all memory.
MAX_BODY_SIZE: Final = 64 * 1024 * 1024
_CHUNK_SIZE: Final = 256 * 1024
_WINDOW_BITS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class DecodingError(Exception):
    """A body that cannot be decoded."""


class BodyTooLargeError(Exception):
    """A body of more than `MAX_BODY_SIZE` bytes."""

    def __str__(self) -> str:
        return f"the body is larger than {MAX_BODY_SIZE // 2**20} MiB"


class BodyDecoder:
    """Decodes a body of one coding, gzip or deflate, in chunks of limited size."""

    def __init__(self, coding: str) -> None:
        if coding not in _WINDOW_BITS:
            raise DecodingError("only one coding is accepted, gzip or deflate")
        self._coding = coding
        self._inflate = zlib.decompressobj(_WINDOW_BITS[coding])
        self._is_started = False
        self.has_more = False
        """Whether `decode(b"")` returns more without further input."""

    def decode(self, data: bytes) -> bytes:
        """The next chunk of the decoded body. Raises DecodingError."""
        data = self._inflate.unconsumed_tail + data
        try:
            decoded = self._decompress(data)
        except zlib.error as error:
            raise DecodingError(str(error)) from None
        self.has_more = len(decoded) == _CHUNK_SIZE or bool(self._inflate.unconsumed_tail)
        return decoded

    def finish(self) -> None:
        """Raises DecodingError for a body that is incomplete."""
        if self._is_started and not self._inflate.eof:
            raise DecodingError(f"the {self._coding} data is incomplete")

    def _decompress(self, data: bytes) -> bytes:
        if self._is_started or not data:
            return self._inflate.decompress(data, _CHUNK_SIZE)
        self._is_started = True
        try:
            return self._inflate.decompress(data, _CHUNK_SIZE)
        except zlib.error:
            if self._coding != "deflate":
                raise
            # Many servers take deflate to mean the raw format, without the header of zlib.
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflate.decompress(data, _CHUNK_SIZE)


class BodyBuffer:
    """Collects a whole body, decoded. Raises DecodingError and BodyTooLargeError."""

    def __init__(self, content_encoding: str) -> None:
        self.content = bytearray()
        self._decoder = make_decoder(content_encoding)

    def receive_data(self, data: bytes) -> None:
        """Add received bytes."""
        decoder = self._decoder
        self.content += data if decoder is None else decoder.decode(data)
        self._check_size()
        while decoder is not None and decoder.has_more:
            self.content += decoder.decode(b"")
            self._check_size()

    def finish(self) -> None:
        """All bytes were received."""
        if self._decoder is not None:
            self._decoder.finish()

    def _check_size(self) -> None:
        if len(self.content) > MAX_BODY_SIZE:
            raise BodyTooLargeError


def make_decoder(content_encoding: str) -> BodyDecoder | None:
    """The decoder of a body; None if it is not encoded. Raises DecodingError for codings that are not accepted."""
    coding = content_encoding.strip().lower()
    return None if coding in ("", "identity") else BodyDecoder(coding)
