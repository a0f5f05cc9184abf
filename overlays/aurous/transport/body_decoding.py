"""Decompresses bodies."""

from __future__ import annotations

import zlib
from typing import Final

_CHUNK_SIZE: Final = 256 * 1024
_WINDOW_BITS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_GZIP_MAGIC: Final = b"\x1f\x8b"
# Of both codings. zlib tells a wrong one apart only when it is whole.
_HEADER_START: Final = 2


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
        # Received and not decompressed yet.
        self._pending = b""
        self.has_more = False
        """Whether `decode(b"")` returns more without further input."""

    def decode(self, data: bytes) -> bytes:
        """The next chunk of the decoded body. Raises DecodingError."""
        self._pending += data
        self.has_more = False
        if self._inflate.eof and not self._starts_member():
            return b""
        if not self._is_started and len(self._pending) < _HEADER_START:
            return b""
        try:
            decoded = self._decompress()
        except zlib.error as error:
            raise DecodingError(str(error)) from None
        # Some versions of zlib keep an old `unconsumed_tail` beyond the end.
        self._pending = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self.has_more = len(decoded) == _CHUNK_SIZE or bool(self._pending)
        return decoded

    def finish(self) -> None:
        """Raises DecodingError for a body that is incomplete."""
        if (self._is_started or self._pending) and not self._inflate.eof:
            raise DecodingError(f"the {self._coding} data is incomplete")

    def _starts_member(self) -> bool:
        """Whether another gzip member follows the last, to which its data is appended. Anything else is ignored."""
        if self._coding == "deflate" or not _GZIP_MAGIC.startswith(self._pending[:_HEADER_START]):
            self._pending = b""
        if len(self._pending) < _HEADER_START:
            return False
        self._inflate = zlib.decompressobj(_WINDOW_BITS[self._coding])
        return True

    def _decompress(self) -> bytes:
        is_first, self._is_started = not self._is_started, True
        try:
            return self._inflate.decompress(self._pending, _CHUNK_SIZE)
        except zlib.error:
            if self._coding != "deflate" or not is_first:
                raise
            # Many servers take deflate to mean the raw format, without the header of zlib.
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflate.decompress(self._pending, _CHUNK_SIZE)
