"""Makes, derives and checks idempotency keys, and decides when one is sent.

Pages: api-reference/chat/idempotency, idempotency.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from aurous_client.errors import EncodeError
from aurous_client.operations import Operation

from .._json import decode

# The pages say 64 and 256; generated keys have 36.
MAX_LENGTH: Final = 256
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_NAMESPACE = uuid.UUID("5f0ccf1c-7d0e-5a0b-9a53-2b1f7a0c9d3e")
_NAMESPACE_HASH = hashlib.sha1(_NAMESPACE.bytes, usedforsecurity=False)
_to_json = json.JSONEncoder().encode


def new_key() -> str:
    """A key for one logical call: a random UUID, of version 4."""
    # As `uuid.uuid4()` makes it, in a third of the time.
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def idempotency_key(*parts: str | int | bool | None) -> str:
    """A key that is always the same for the same parts, in every process: `idempotency_key("order-123", "summary")`.

    A job that is restarted within 24 hours and sends the same request under such a key gets the first response again,
    and pays once. Raises TypeError without parts, or for parts without a canonical spelling.
    """
    if not parts or not all(part is None or isinstance(part, (str, int)) for part in parts):
        raise TypeError("idempotency_key() takes one or more strings, whole numbers, booleans or None")
    # JSON keeps ("a", "b") apart from ("ab",), and 1 from "1". The rest is `uuid.uuid5`, in a quarter of the time.
    hashed = _NAMESPACE_HASH.copy()
    hashed.update(f"[{', '.join(map(_to_json, parts))}]".encode())
    return str(uuid.UUID(bytes=hashed.digest()[:16], version=5))


def check_key(key: object) -> str:
    """The key, if it can be sent. Raises EncodeError before anything is sent."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_LENGTH or not _PRINTABLE.fullmatch(key) or not key.strip():
        raise EncodeError(f"idempotency_key: a key is a string of 1 to {MAX_LENGTH} printable ASCII characters")
    return key


def refuse_hidden_stream(operation: Operation[Any], content: bytes | None) -> None:
    """Raise EncodeError if a call for one result has a body with `"stream": true`."""
    if operation.events is None or content is None or b'"stream"' not in content:
        return
    # A form with files, in one of which these bytes are, is none.
    body = decode(content)
    if isinstance(body, dict) and body.get("stream") is True:
        raise EncodeError("stream: this call returns one result; for a stream of events call stream()")


def key_for(
    operation: Operation[Any], headers: Mapping[str, str], *, streams: bool, refuses: bool = True
) -> str | None:
    """The key of a call: the caller's own, else a new one; None if the API would ignore it.

    refuses: whether a key given to a stream is an error; otherwise it is sent, without making the stream idempotent

    Raises EncodeError for a caller's key that cannot be sent, or that is given to a stream.
    """
    if operation.idempotency_header is None:
        return None
    given = given_key(operation, headers)
    if not streams:
        return new_key() if given is None else check_key(given)
    if given is not None and refuses:
        raise EncodeError(
            "idempotency_key: the API ignores the key of a stream, so sending it twice would be charged twice; "
            "leave it out, use create(), or send it all the same by StreamPolicy(on_idempotency_key='send')"
        )
    if given is not None:
        check_key(given)
    return None


def given_key(operation: Operation[Any], headers: Mapping[str, str]) -> str | None:
    """The caller's own key, unchecked; None without one."""
    if operation.idempotency_header is not None and headers:
        header = operation.idempotency_header.lower()
        for name, value in headers.items():
            if name.lower() == header:
                return value
    return None


def is_idempotent(operation: Operation[Any], key: str | None) -> bool:
    """Whether sending the request twice has the effect of sending it once: by its key, or by the spec."""
    return operation.is_repeatable or key is not None
