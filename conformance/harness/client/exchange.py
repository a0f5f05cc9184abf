"""One request with its response, readable, and safe to print."""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.violations import RuleViolation

# Loaded by the first exchange that needs it, with its validators: a run that cannot succeed ends before.
if TYPE_CHECKING:
    from harness import contract

KEY_VARIABLE = "$AUROUS_API_KEY"
MAX_BODY_SHOWN = 2000
# Control characters, formatting characters such as bidirectional overrides, and lone surrogates.
ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


@dataclass
class Exchange:
    """A request and its response. `status` 0 means that there was no response; `transport_error` says why.

    `response_lost` says that the server may nevertheless have received the request, and charged it; `complete` that the
    body was read to its end; `cancelled` that the completion was cancelled on request. `base_path` is the path of the
    server's address, which stands before those of the contract.
    """

    method: str
    url: str
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    sent: bytes = b""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    transport_error: str = ""
    response_lost: bool = False
    inspected: bool = False
    complete: bool = False
    cancelled: bool = False
    base_path: str = ""
    # The body that was decoded last, with its value, as many checks read the same response.
    _decoded: tuple[bytes, Any] | None = field(default=None, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        expected = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == expected), None)

    @property
    def path(self) -> str:
        """The path of the request, as the contract has it."""
        return urlsplit(self.url).path.removeprefix(self.base_path)

    @property
    def media_type(self) -> str:
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        if self._decoded is None or self._decoded[0] is not self.body:
            try:
                self._decoded = self.body, self.canonical(json.loads(self.body))
            except (ValueError, RecursionError):
                raise RuleViolation("the body is not JSON", self) from None
        return self._decoded[1]

    @property
    def request_json(self) -> Any:
        from aurous_mock.contract.renames import translate

        return translate(json.loads(self.sent), self._names.request.inverse)

    @property
    def _names(self) -> contract.OperationNames:
        from harness import contract

        return contract.names(self.method, self.path)

    @property
    def canonical_body(self) -> bytes:
        """The body of the response, its JSON with canonical names, as the schemas of the contract have them."""
        if not self._names.response:
            return self.body
        return b"".join(map(self._canonical_line, self.body.splitlines(keepends=True)))

    def _canonical_line(self, line: bytes) -> bytes:
        prefix = b"data: " if line.startswith(b"data: ") else b""
        try:
            return prefix + json.dumps(self.canonical(json.loads(line.removeprefix(prefix)))).encode() + b"\n"
        except (ValueError, RecursionError):
            return line

    def canonical(self, value: Any) -> Any:
        """JSON of the response, or of an event in it, with canonical names in place of the version's."""
        from aurous_mock.contract.renames import translate, translate_path

        names = self._names
        value = translate(value, names.response.inverse)
        error = value.get("error") if isinstance(value, dict) else None
        if names.request and isinstance(error, dict) and isinstance(error.get("param"), str):
            error["param"] = translate_path(error["param"], names.request.inverse)
        return value

    def at(self, *path: str | int) -> Any:
        """The member of the response at a path; a violation that names the path if there is none."""
        value = self.json
        for depth, step in enumerate(path):
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                raise RuleViolation(f"the response has no {format_path(path[: depth + 1])}", self) from None
        return value

    def get(self, *path: str | int) -> Any:
        """The member of the response at a path, or None."""
        try:
            return self.at(*path)
        except RuleViolation:
            return None

    def expect(self, *statuses: int) -> Exchange:
        """This exchange, provided that its status is one of these."""
        if self.status not in statuses:
            expected = " or ".join(map(str, statuses))
            raise RuleViolation(f"{self.outcome}; expected {expected}", self)
        return self

    @property
    def is_from_proxy(self) -> bool:
        """Whether something in front of the API refused the request: neither the API's headers nor its envelope."""
        has_headers = any(name.lower().startswith("aurous-") for name in self.headers)
        return self.status >= 400 and not has_headers and not isinstance(self.get("error", "code"), str)

    @property
    def outcome(self) -> str:
        """The response in a few words: the status, and the error's code where there is one."""
        if not self.status:
            return f"no response ({self.transport_error})"
        code = self.get("error", "code") if self.media_type == "application/json" else None
        return f"{self.status} {code}" if isinstance(code, str) else str(self.status)


def request_body(exchange: Exchange) -> dict[str, Any]:
    """The JSON object that was sent, empty if there was none."""
    try:
        body = exchange.request_json
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def redacted(exchange: Exchange, redact: Callable[[str], str]) -> Exchange:
    """An exchange as it may be shown, as some servers return the key that they were sent."""

    def clean(body: bytes) -> bytes:
        # Every byte is a character of Latin-1, so that nothing else changes.
        return redact(body.decode("latin-1")).encode("latin-1")

    return replace(
        exchange,
        url=redact(exchange.url),
        sent=clean(exchange.sent),
        headers={name: redact(value) for name, value in exchange.headers.items()},
        body=clean(exchange.body),
        transport_error=redact(exchange.transport_error),
    )


def format_path(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `choices[0].message`."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return words.removeprefix(".")


def curl(exchange: Exchange) -> str:
    """The request as a command that can be pasted; the key is left to the shell's environment."""
    parts = ["curl -sS"]
    if exchange.method != "GET":
        parts.append(f"-X {exchange.method}")
    parts.append(shlex.quote(exchange.url))
    parts += [f"-H {_quoted_header(name, value)}" for name, value in _significant(exchange.sent_headers)]
    if exchange.sent:
        parts.append(f"--data-binary {_quoted_body(exchange.sent)}")
    return " ".join(parts)


def format_response(exchange: Exchange) -> str:
    """The response as text: status line, headers, and the body, shortened."""
    if not exchange.status:
        return printable(f"(no response: {exchange.transport_error})")
    lines = [f"HTTP {exchange.status}  ({exchange.seconds * 1000:.0f} ms)"]
    lines += [f"{name}: {value}" for name, value in exchange.headers.items()]
    return printable("\n".join([*lines, "", _shortened(_readable(exchange.body))]))


def printable(text: str) -> str:
    """Text of a server as a terminal may show it: control and formatting characters are escaped."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in ESCAPED else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode("ascii")


def _significant(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # Without the headers that every HTTP client adds.
    default_headers = {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "content-length",
        "transfer-encoding",
    }
    return ((name, value) for name, value in headers.items() if name.lower() not in default_headers)


def _quoted_header(name: str, value: str) -> str:
    if value.endswith(KEY_VARIABLE):
        return f'"{name}: {value}"'
    return shlex.quote(f"{name}: {value}" if value else f"{name};")


def _quoted_body(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        return shlex.quote(_shortened(text))
    escaped = "".join(chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in body)
    return f"$'{_shortened(escaped)}'"


def _readable(body: bytes) -> str:
    return body.decode("utf-8", errors="backslashreplace")


def _shortened(text: str) -> str:
    if len(text) <= MAX_BODY_SHOWN:
        return text
    half = MAX_BODY_SHOWN // 2
    return f"{text[:half]}[... {len(text) - 2 * half} characters ...]{text[-half:]}"
