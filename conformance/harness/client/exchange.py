"""Owns what went over the wire: one request with its answer, readable, and safe to print; judges nothing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.violations import Breach

KEY_VARIABLE = "$AUROUS_API_KEY"
LONGEST_BODY_SHOWN = 2000


@dataclass
class Exchange:
    """A request and the answer to it. `status` 0 means that no answer came, and `fault` says why."""

    method: str
    url: str
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    sent: bytes = b""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    fault: str = ""

    def header(self, name: str) -> str | None:
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    @property
    def media_type(self) -> str:
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Breach("the body is not JSON", self) from None

    @property
    def request_json(self) -> Any:
        return json.loads(self.sent)

    def at(self, *path: str | int) -> Any:
        """The member of the answer at a path; a breach, naming the path, if there is none."""
        value = self.json
        for depth, step in enumerate(path):
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                raise Breach(f"the answer has no {spell(path[: depth + 1])}", self) from None
        return value

    def get(self, *path: str | int) -> Any:
        """The member of the answer at a path, or None."""
        try:
            return self.at(*path)
        except Breach:
            return None

    def expect(self, *statuses: int) -> Exchange:
        """This exchange, provided that its status is one of these."""
        if self.status not in statuses:
            wanted = " or ".join(map(str, statuses))
            raise Breach(f"{self.outcome}; expected {wanted}", self)
        return self

    @property
    def outcome(self) -> str:
        """What came, in a few words: the status, and the error's code where there is one."""
        if not self.status:
            return f"no answer ({self.fault})"
        code = self.get("error", "code") if self.media_type == "application/json" else None
        return f"{self.status} {code}" if isinstance(code, str) else str(self.status)


def redacted(exchange: Exchange, redact: Callable[[str], str]) -> Exchange:
    """An exchange as it may be shown: there are servers that send back the key that they were sent."""

    def clean(body: bytes) -> bytes:
        # Every byte is a character of Latin-1, so that nothing else changes.
        return redact(body.decode("latin-1")).encode("latin-1")

    return replace(
        exchange,
        url=redact(exchange.url),
        sent=clean(exchange.sent),
        headers={name: redact(value) for name, value in exchange.headers.items()},
        body=clean(exchange.body),
        fault=redact(exchange.fault),
    )


def spell(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `choices[0].message`."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return words.removeprefix(".")


def curl(exchange: Exchange) -> str:
    """The request as a command that can be pasted; the key is left to the shell's environment."""
    parts = ["curl -sS"]
    if exchange.method != "GET":
        parts.append(f"-X {exchange.method}")
    parts.append(shlex.quote(exchange.url))
    parts += [f"-H {_quoted_header(name, value)}" for name, value in _telling(exchange.sent_headers)]
    if exchange.sent:
        parts.append(f"--data-binary {_quoted_body(exchange.sent)}")
    return " ".join(parts)


def answer(exchange: Exchange) -> str:
    """The answer as text: status line, headers, and the body up to a bearable length."""
    if not exchange.status:
        return f"(no answer: {exchange.fault})"
    lines = [f"HTTP {exchange.status}  ({exchange.seconds * 1000:.0f} ms)"]
    lines += [f"{name}: {value}" for name, value in exchange.headers.items()]
    return "\n".join([*lines, "", _shortened(_readable(exchange.body))])


def _telling(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # What every HTTP client adds by itself only hides the headers that matter.
    dull = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "transfer-encoding"}
    return ((name, value) for name, value in headers.items() if name.lower() not in dull)


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
    if len(text) <= LONGEST_BODY_SHOWN:
        return text
    kept = LONGEST_BODY_SHOWN // 2
    return f"{text[:kept]}[... {len(text) - 2 * kept} characters ...]{text[-kept:]}"
