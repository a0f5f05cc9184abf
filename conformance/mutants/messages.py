"""Requests, responses and stream frames in a form that a variant can alter.

Bodies are parsed when first looked at and written again only when they were changed, so that a variant never alters
bytes that it did not mean to.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders

CREATE = "/v1/chat/completions"
MODELS = "/v1/models"
BALANCE = "/v1/balance"
DOCS = "https://docs.aurous-labs.com/errors#"


def write_json(value: Any) -> bytes:
    """JSON without spaces, in which lone surrogates stay escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def read_json(raw: bytes) -> Any:
    """The value, or None for what is not JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


class Bytes:
    """Bytes and the JSON value they stand for, in step."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._value: Any = None
        self._looked = False

    @property
    def value(self) -> Any:
        if not self._looked:
            self._value, self._looked = read_json(self._raw), True
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value, self._looked, self._raw = value, True, write_json(value)

    @property
    def raw(self) -> bytes:
        if self._looked and self._value is not None and (new := write_json(self._value)) != self._unchanged():
            return new
        return self._raw

    def _unchanged(self) -> bytes:
        return write_json(read_json(self._raw))


@dataclass
class Request:
    """A client's request. What is altered here reaches the mock behind, except for `raw_path`: the path as it was sent,
    with its escapes."""

    method: str
    path: str
    headers: MutableHeaders
    content: Bytes
    raw_path: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of its body; an empty one if there is none."""
        value = self.content.value
        return value if isinstance(value, dict) else {}

    @property
    def creates(self) -> bool:
        return (self.method, self.path) == ("POST", CREATE)

    @property
    def retrieves(self) -> bool:
        return self.method == "GET" and self.path.startswith(f"{CREATE}/")

    @property
    def cancels(self) -> bool:
        return self.method == "POST" and self.path.startswith(f"{CREATE}/") and self.path.endswith("/cancel")

    @property
    def streams(self) -> bool:
        return self.creates and self.body.get("stream") is True

    @property
    def completion_id(self) -> str:
        return self.path.removeprefix(f"{CREATE}/").removesuffix("/cancel")

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @key.setter
    def key(self, key: str | None) -> None:
        if key is None:
            del self.headers["idempotency-key"]
        else:
            self.headers["idempotency-key"] = key

    @property
    def credential(self) -> str:
        """The API key, from either header."""
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @credential.setter
    def credential(self, credential: str) -> None:
        del self.headers["authorization"]
        self.headers["x-api-key"] = credential


@dataclass
class Response:
    """The mock's response. Of a stream, only status and headers; its frames follow separately."""

    status: int
    headers: MutableHeaders
    content: Bytes
    streamed: bool = False

    @property
    def body(self) -> dict[str, Any]:
        value = self.content.value
        return value if isinstance(value, dict) else {}

    @property
    def completion(self) -> dict[str, Any] | None:
        """The body of a completion; None for anything else."""
        return self.body if self.body.get("object") == "chat.completion" else None

    @property
    def error(self) -> dict[str, Any] | None:
        """The inside of an error envelope; None for anything else."""
        error = self.body.get("error")
        return error if self.status >= 400 and isinstance(error, dict) else None

    @property
    def replayed(self) -> bool:
        return self.headers.get("aurous-idempotent-replayed") == "true"

    def become(self, other: "Response") -> None:
        """Turn into another response that keeps this one's id, version and rate limits."""
        request_id, before = self.headers.get("aurous-request-id"), self.headers
        self.status, self.headers, self.content = other.status, other.headers, other.content
        for name, value in before.items():
            if name == "aurous-version" or name.startswith("x-ratelimit-"):
                self.headers[name] = value
        if request_id is not None and (error := self.error):
            self.headers["aurous-request-id"] = error["request_id"] = request_id


def response(status: int, value: Any) -> Response:
    """A JSON response with the headers that every response carries, but for the version that was asked for."""
    headers = MutableHeaders({"content-type": "application/json", "aurous-request-id": f"req_{uuid.uuid4().hex}"})
    return Response(status, headers, Bytes(write_json(value)))


def refusal(status: int, kind: str, code: str, message: str, param: str | None = None) -> Response:
    """A whole and correct error envelope."""
    error = {"type": kind, "code": code, "message": message, "doc_url": DOCS + code, "param": param}
    refused = response(status, {"error": error})
    refused.body["error"]["request_id"] = refused.headers["aurous-request-id"]
    return refused


def crash() -> Response:
    """The response of a server to an exception that nothing caught."""
    return refusal(500, "server_error", "internal_error", "Something went wrong.")


@dataclass
class Frame:
    """One event or comment of a stream. `stream` is the variant's memory of this stream."""

    content: Bytes
    stream: dict[str, Any] = field(default_factory=dict)
    framed: bool = True

    @classmethod
    def read(cls, raw: bytes, stream: dict[str, Any]) -> "Frame":
        """From the bytes between two blank lines, the blank line included."""
        if raw.startswith(b"data: "):
            return cls(Bytes(raw.removeprefix(b"data: ").removesuffix(b"\n\n")), stream)
        return cls(Bytes(raw), stream, framed=False)

    @classmethod
    def raw(cls, raw: bytes) -> "Frame":
        """Bytes that go out as they are."""
        return cls(Bytes(raw), framed=False)

    def copy(self) -> "Frame":
        return Frame(Bytes(self.content.raw), self.stream, self.framed)

    def encode(self) -> bytes:
        return b"data: " + self.content.raw + b"\n\n" if self.framed else self.content.raw

    @property
    def body(self) -> dict[str, Any]:
        """The chunk; an empty object for `[DONE]` and comments."""
        value = self.content.value if self.framed else None
        return value if isinstance(value, dict) else {}

    @property
    def is_done(self) -> bool:
        return self.framed and self.content.raw == b"[DONE]"

    @property
    def has_warning(self) -> bool:
        return "warning" in self.body

    @property
    def choice(self) -> dict[str, Any]:
        """The one choice, or an empty object."""
        choices = self.body.get("choices") or [{}]
        first: dict[str, Any] = choices[0]
        return first

    @property
    def delta(self) -> dict[str, Any]:
        return self.choice.get("delta") or {}

    @property
    def is_final(self) -> bool:
        return self.choice.get("finish_reason") is not None

    @property
    def has_content(self) -> bool:
        """Whether it has text, and not only the role."""
        return bool(self.delta.get("content"))
