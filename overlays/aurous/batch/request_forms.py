"""Reads the forms that a line of a batch can have, and makes a request of each.

A line is a body, `{"prompt": ...}`, a row for a template, or OpenAI's batch form: `custom_id`, `method`, `url`, `body`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Final, NamedTuple, TypeAlias

from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.encoding import encode
from aurous_client.errors import EncodeError
from aurous_client.operations import Request

from ..errors import ConfigurationError
from .keys import canonical_json, line_key

_CHAT_PATH: Final = "/chat/completions"
ENVELOPE: Final = frozenset({"custom_id", "method", "url", "body"})
"""The members of OpenAI's batch form."""
_CONVERSIONS: Final = (None, "s", "r", "a")
"""Those of format strings, as in `{text!r}`."""
_INSTRUCTIONS: Final = ("system", "developer")


class Line(NamedTuple):
    """A line of an input file."""

    number: int
    """Starts at 1; blank lines count."""
    value: Any
    """What it holds, decoded; or `Unreadable`."""
    unit: str = "line"
    """What its number counts, for messages; empty where the number is not one that the caller knows."""


class Unreadable(NamedTuple):
    """A line that cannot be decoded."""

    reason: str


@dataclass(slots=True)
class BatchRequest:
    """A request of a batch, ready to be sent."""

    number: int
    custom_id: str
    key: str
    """Its idempotency key."""
    content: bytes = field(repr=False)
    """The body, as canonical JSON."""
    unit: str = "line"
    """What its number counts, for messages."""

    def for_client(self) -> Request:
        """What a client sends."""
        headers = {OPERATION.idempotency_header or "": self.key, "Content-Type": "application/json"}
        return Request(method=OPERATION.method, path=OPERATION.path, headers=headers, content=self.content)


@dataclass(frozen=True, slots=True)
class InvalidLine:
    """A line from which no valid request can be made."""

    number: int
    custom_id: str
    key: str
    reason: str
    unit: str = "line"
    """As that of `BatchRequest`."""


ReadLine: TypeAlias = BatchRequest | InvalidLine


class _InvalidError(ValueError):
    """Why a line is invalid."""


class RequestForms:
    """Makes requests from lines.

    job:      distinguishes the keys of this job from those of others
    model:    for lines that name none
    system:   instructions that go before the messages of lines that have none
    template: makes the prompt of each line from the members of its row: `Translate {text}`

    Raises ConfigurationError for a template that is not valid.
    """

    def __init__(
        self, *, job: str, model: str | None = None, system: str | None = None, template: str | None = None
    ) -> None:
        self._job = job
        self._model = model
        self._system = system
        self._template = template
        self.fields = template_fields(template) if template is not None else ()

    def read(self, number: int, value: object, unit: str = "line") -> ReadLine:
        """The request of a line, or why there is none. unit: as that of `Line`"""
        custom_id, noun = f"line-{number}", unit or "line"
        try:
            given = value.get("custom_id") if isinstance(value, Mapping) else None
            if given is not None:
                if isinstance(given, bool) or not isinstance(given, (str, int)):
                    raise _InvalidError("custom_id must be a string")
                custom_id = str(given)
            content = canonical_json(self._body(value))
            return BatchRequest(number, custom_id, line_key(self._job, custom_id, content), content.encode(), noun)
        except (_InvalidError, EncodeError, UnicodeEncodeError, RecursionError) as error:
            reason = "it is not Unicode text" if isinstance(error, UnicodeEncodeError) else str(error)
            # So that a corrected line counts as another one.
            key = line_key(self._job, custom_id, _spelled(value))
            place = f"{unit} {number}: " if unit else ""
            return InvalidLine(number, custom_id, key, f"{place}{reason or 'it is nested too deeply'}", noun)

    def _body(self, value: object) -> dict[str, Any]:
        if isinstance(value, Unreadable):
            raise _InvalidError(value.reason)
        if isinstance(value, str):
            value = {"prompt": value}
        if not isinstance(value, Mapping):
            raise _InvalidError(f"expected an object, found {_kind(value)}")
        if self._template is not None:
            return self._complete({"messages": [{"role": "user", "content": self._render(value)}]})
        if isinstance(value.get("body"), Mapping):
            return self._complete(_unwrap(value))
        body = {name: member for name, member in value.items() if name != "custom_id"}
        if "prompt" in body:
            prompt = body.pop("prompt")
            if not isinstance(prompt, str):
                raise _InvalidError(f"prompt must be a string, not {_kind(prompt)}")
            if "messages" in body:
                raise _InvalidError("it has both a prompt and messages")
            body["messages"] = [{"role": "user", "content": prompt}]
        if "messages" not in body:
            names = ", ".join(map(str, value)) or "no members"
            raise _InvalidError(f"expected `messages`, `prompt` or OpenAI's batch form, found {names}")
        return self._complete(body)

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with what the job adds. Raises _InvalidError if it cannot be sent."""
        if body.get("stream"):
            raise _InvalidError("stream: the answers of a batch are not streamed; leave it out")
        if body.get("model") is None:
            if self._model is None:
                raise _InvalidError("it names no model, and neither does the job")
            body["model"] = self._model
        messages = body.get("messages")
        if not isinstance(messages, (list, tuple)) or not messages:
            raise _InvalidError("messages must be a list of at least one message")
        if self._system is not None:
            first = encode(messages[0])
            if not (isinstance(first, dict) and first.get("role") in _INSTRUCTIONS):
                body["messages"] = [{"role": "system", "content": self._system}, *messages]
        return body

    def _render(self, row: Mapping[str, Any]) -> str:
        assert self._template is not None
        missing = [name for name in self.fields if row.get(name) is None]
        if missing:
            raise _InvalidError(f"the template needs {', '.join(missing)}; the row has {', '.join(map(str, row))}")
        binary = [name for name in self.fields if isinstance(row[name], (bytes, bytearray))]
        if binary:
            # As Python shows them, b'...', nobody wants to send and pay for them.
            raise _InvalidError(f"the template needs text, and {', '.join(binary)} is binary: decode it first")
        try:
            return self._template.format_map(row)
        except (ValueError, TypeError) as error:
            raise _InvalidError(f"the template does not fit: {error}") from None


def template_fields(template: str) -> tuple[str, ...]:
    """The names that a template needs. Raises ConfigurationError for one that is not valid."""
    try:
        names = [*_parse_names(template)]
    except ValueError as error:
        raise ConfigurationError(f"the template is not valid: {error}; write {{{{ for a brace") from None
    for name in names:
        if not name or set(name) & set(".[]"):
            raise ConfigurationError(f"the template may name members of a row, {{text}}, and not {{{name}}}")
    if not names:
        raise ConfigurationError("the template names no member of a row, such as {text}: all prompts would be the same")
    return tuple(dict.fromkeys(names))


def _parse_names(template: str) -> Iterator[str]:
    """The names in a template, and in its format specifications: `{text:>{width}}`."""
    for _, name, specification, conversion in Formatter().parse(template):
        if name is not None:
            if conversion not in _CONVERSIONS:
                raise ValueError(f"a conversion is !s, !r or !a, and not !{conversion}")
            yield name
            yield from _parse_names(specification or "")


def _unwrap(value: Mapping[str, Any]) -> dict[str, Any]:
    """The body of OpenAI's batch form."""
    method, url = value.get("method", "POST"), value.get("url", _CHAT_PATH)
    if method != "POST":
        raise _InvalidError(f"method must be POST, not {method!r}")
    if not isinstance(url, str) or not url.rstrip("/").endswith(_CHAT_PATH):
        raise _InvalidError(f"url must be /v1{_CHAT_PATH}, not {url!r}: a batch makes chat completions")
    unknown = [str(name) for name in value if name not in ENVELOPE]
    if unknown:
        raise _InvalidError(f"{', '.join(unknown)}: members of the request belong into `body`")
    return dict(value["body"])


def _spelled(value: object) -> str:
    """Some text for a value that may not be JSON, the same in every process."""
    try:
        return json.dumps(value, sort_keys=True, default=lambda each: type(each).__name__, skipkeys=True)
    except (ValueError, TypeError, RecursionError):
        return ""


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}")
