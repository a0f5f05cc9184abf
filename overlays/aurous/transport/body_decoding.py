"""Decompresses bodies."""

from __future__ import annotations

import zlib
from typing import Final

_CHUNK_SIZE: Final = 256 * 1024
_WINDOW_BITS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class DecodingError(Exception):
    """A body that cannot be decoded."""


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
