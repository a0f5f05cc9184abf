"""Reads JSON, texts and numbers of an upstream server: what can be understood is taken, anything else refused."""

import json
from typing import Any, Final

import orjson

_BOM: Final = b"\xef\xbb\xbf"


class UnexpectedResponse(ValueError):  # noqa: N818 - it becomes an APIError before anybody sees it
    """The upstream server sent what the protocol or this server's bounds do not allow. The message says what it was."""


def parse(raw: bytes) -> Any:
    """The value of JSON text. Raises UnexpectedResponse.

    Halves of surrogate pairs, byte sequences that are not UTF-8 and NaN are taken: servers cut texts anywhere.
    """
    raw = raw.removeprefix(_BOM)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise UnexpectedResponse(f"{describe(raw)} in place of an answer") from error


def describe(raw: bytes) -> str:
    """What bytes seem to be, in a few words."""
    text = raw.removeprefix(_BOM).lstrip()[:1]
    if not text:
        return "nothing"
    return {b"<": "HTML", b"{": "JSON that cannot be read", b"[": "JSON that cannot be read"}.get(text, "text")


def as_object(value: Any, name: str) -> dict[str, Any]:
    """An object. Raises UnexpectedResponse for anything else."""
    if not isinstance(value, dict):
        raise UnexpectedResponse(f"{name} is {_kind(value)} in place of an object")
    return value


def as_list(value: Any, name: str) -> list[Any]:
    """A list; null is an empty one. Raises UnexpectedResponse for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnexpectedResponse(f"{name} is {_kind(value)} in place of a list")
    return value


def as_text(value: Any, name: str) -> str:
    """The text of a string, of a list of parts or of null. Raises UnexpectedResponse for anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_part_text(part, name) for part in value)
    raise UnexpectedResponse(f"{name} is {_kind(value)} in place of text")


def _part_text(part: Any, name: str) -> str:
    if isinstance(part, str):
        return part
    # Mistral's parts of other types, such as `thinking` and `reference`, are not of the answer.
    members = as_object(part, f"a part of {name}")
    return as_text(members.get("text"), name) if members.get("type") in ("text", "output_text", None) else ""


def as_arguments(value: Any) -> str:
    """The arguments of a tool call as JSON text, also where they are sent as an object or null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Half of a surrogate pair.
        return json.dumps(value)


def as_count(value: Any) -> int | None:
    """A whole number of tokens; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10_000_000:
        return None
    return int(value) if value == int(value) else None


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


class TextDecoder:
    """Joins the halves of surrogate pairs that were cut between two pieces of one text."""

    def __init__(self) -> None:
        self._high = ""

    def feed(self, piece: str) -> str:
        """The text that is complete with this piece."""
        text, self._high = self._high + piece, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return whole(text)

    def flush(self) -> str:
        """What is left at the end of the text."""
        text, self._high = whole(self._high), ""
        return text


def whole(text: str) -> str:
    """The text with its surrogate pairs as characters, and a replacement character for each half without the other."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
