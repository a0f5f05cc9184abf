"""Strategies for hostile responses: status, headers and body, and their bytes on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st
from testkit.raw_server import Ending, ScriptedResponse

from fuzzing import corpus
from fuzzing.mutations import documents, encode, frame, mutate_bytes, streams, to_bytes

OPERATIONS: Final = ("create", "stream", "retrieve", "cancel", "models", "balance")
_BODIES: Final = {
    "create": corpus.COMPLETION,
    "stream": corpus.COMPLETION,
    "retrieve": corpus.COMPLETION,
    "cancel": corpus.COMPLETION,
    "models": corpus.MODELS,
    "balance": corpus.BALANCE,
}
_STATUSES: Final = (
    200,
    201,
    202,
    204,
    206,
    299,
    300,
    304,
    307,
    400,
    401,
    402,
    404,
    409,
    418,
    422,
    429,
    499,
    500,
    503,
    599,
)
_CONTENT_TYPES: Final = (
    "application/json",
    "application/json; charset=utf-16",
    "text/event-stream",
    "text/event-stream; charset=latin-1",
    "TEXT/EVENT-STREAM",
    "text/html",
    "",
    ";",
    "application/octet-stream",
    "multipart/form-data",
    "text/event-stream2",
)
_HEADERS: Final[tuple[tuple[str, str], ...]] = (
    ("Retry-After", "1e9"),
    ("Retry-After", "-1"),
    ("Retry-After", "nan"),
    ("Retry-After", "\xff"),
    ("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("Retry-After", "Thu, 01 Jan 0000 00:00:00 -9999"),
    ("Date", "x"),
    ("X-RateLimit-Limit", "9" * 5000),
    ("X-RateLimit-Remaining", "-1.5"),
    ("X-RateLimit-Reset", "\u00b2"),
    ("Aurous-Request-Id", "req_\x80\xff"),
    ("Aurous-Request-Id", "x" * 9000),
    ("Aurous-Idempotent-Replayed", "TRUE "),
    ("Aurous-Idempotency-Status", "ignored_streaming"),
    ("Aurous-Version", "\xe9"),
    ("Aurous-Deprecated", "now"),
    ("Sunset", "\x7f"),
    ("Location", "http://[::1"),
    ("Location", "//"),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "deflate"),
    ("Content-Encoding", "br, x"),
    ("Content-Encoding", "identity"),
    ("Set-Cookie", "a=b; Max-Age=x"),
    ("Content-Type", "text/plain"),
    ("Content-Disposition", "\xff"),
)


@dataclass(frozen=True, slots=True)
class Response:
    """One response before framing."""

    operation: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """A response to any operation: a result, an error or a stream, mutated or not."""
    operation = draw(st.sampled_from(OPERATIONS))
    is_plain = draw(st.booleans())
    streaming = operation == "stream"
    fails = draw(st.integers(0, 3)) == 0
    status = draw(st.sampled_from((400, 404, 409, 429, 500, 503) if fails else (200,)))
    kind = "text/event-stream" if streaming and not fails else "application/json"
    extras: tuple[tuple[str, str], ...] = ()
    if not is_plain:
        status, kind = draw(st.sampled_from((status, *_STATUSES))), draw(st.sampled_from((kind, kind, *_CONTENT_TYPES)))
        extras = tuple(draw(st.lists(st.sampled_from(_HEADERS), max_size=2)))
    original = corpus.ERROR if fails else _BODIES[operation]
    mutation = draw(st.integers(0, 7))
    if mutation <= 1:
        return Response(operation, status, (("Content-Type", kind), *extras), _unmutated(original, kind, mutation == 1))
    is_stream = streaming and not fails and draw(st.integers(0, 9)) > 0
    body = draw(streams() if is_stream else documents(original))
    return Response(operation, status, (("Content-Type", kind), *extras), body)


def _unmutated(document: object, content_type: str, is_truncated: bool) -> bytes:
    """The body that a correct server sends; a stream may lack its last two events."""
    if content_type == "text/event-stream":
        events = corpus.stream(["Red", ", green", ", blue"])
        return b"".join(frame(event, 0) for event in (events[:-2] if is_truncated else events))
    return to_bytes(encode(document))


_BAD_PREFIXES: Final = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n" * 20,
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"ICY 200 OK\r\n",
    b"SSH-2.0-OpenSSH\r\n",
    b"\x16\x03\x01\x02\x00",
    b"HTTP/1.1 200\r\n",
    b"HTTP/1.1 999 X\r\n\r\n",
    b"HTTP/1.1 \xff\r\n",
)
_BAD_HEADERS: Final = (
    b"X: " + b"a" * 300_000 + b"\r\n",
    b"".join(b"X-%d: y\r\n" % number for number in range(5000)),
    b"X: a\r\n b\r\n",
    b"Bad Header: x\r\n",
    b": x\r\n",
    b"X\x00Y: z\r\n",
    b"X: \x00\r\n",
    b"Content-Length: 5\r\nContent-Length: 7\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
)
_LENGTHS: Final = (b"0", b"-1", b"1e3", b"99999999999999999999999", b"+5", b"5, 5", b"", b"0x10", b"1")
_SIZES: Final = (b"zz", b"-1", b"FFFFFFFFFFFFFFFFF", b"0", b"1;x=y", b" 5", b"", b"5" * 5000)


# How connections end, by how often.
_ENDINGS: Final[dict[Ending, int]] = {"close": 12, "reset": 3, "stall": 1}


@st.composite
def scripted_responses(draw: st.DrawFn) -> tuple[str, ScriptedResponse]:
    """A response as bytes on the wire, mutated there too, with its operation."""
    response = draw(responses())
    head = f"HTTP/1.1 {response.status} Whatever\r\n".encode()
    head += b"".join(f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in response.headers)
    framing, body = _framed(draw, response.body)
    head += framing
    mutation = draw(st.integers(0, 5))
    if mutation == 0:
        head += draw(st.sampled_from(_BAD_HEADERS))
    data = head + b"\r\n" + body
    if mutation == 1:
        data = draw(st.sampled_from(_BAD_PREFIXES)) + data
    elif mutation == 2:
        numbers = st.integers(0, 2**16)
        data = mutate_bytes(data, (draw(numbers), draw(numbers), draw(numbers)))
    cut = draw(st.integers(0, len(data)))
    endings: list[Ending] = [ending for ending, weight in _ENDINGS.items() for _ in range(weight)]
    ending = draw(st.sampled_from(endings))
    return response.operation, ScriptedResponse((data[:cut], data[cut:]), ending)


def _framed(draw: st.DrawFn, body: bytes) -> tuple[bytes, bytes]:
    """The framing headers, true or false, and the framed body."""
    kind = draw(st.integers(0, 7))
    if kind <= 1:
        return b"Content-Length: %d\r\n" % len(body), body
    if kind == 2:
        return b"", body
    if kind == 3:
        return b"Content-Length: %b\r\n" % draw(st.sampled_from(_LENGTHS)), body
    if kind == 4:
        # A wrong length.
        return b"Content-Length: %d\r\n" % max(len(body) + draw(st.integers(-50, 50)), 0), body
    size = draw(st.integers(1, 300))
    pieces = [body[place : place + size] for place in range(0, len(body), size)][:500]
    framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    if kind == 5 and framed:
        # One chunk with a wrong size.
        place = draw(st.integers(0, len(framed) - 1))
        framed[place] = draw(st.sampled_from(_SIZES)) + b"\r\n" + pieces[place] + b"\r\n"
    end = draw(
        st.sampled_from((b"0\r\n\r\n", b"0\r\n\r\n", b"", b"0\r\n", b"0\r\nX-Trailer: y\r\n\r\n", b"00\r\n\r\n"))
    )
    return b"Transfer-Encoding: chunked\r\n", b"".join(framed) + end
