"""Reads an upstream server's refusals and failures: their reason for the log, their documented code for the caller."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aurous_mock import request_log
from aurous_mock.errors import APIError
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.values import UnexpectedResponse, as_count, parse, whole

LONGEST_REASON: Final = 300
_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
_CONTEXT: Final = re.compile(
    r"context (length|window|size)|prompt is too long|(input|prompt|request)\b.{0,40}\btoo (long|large|many tokens)"
    r"|too many (input )?tokens|exceeds? .{0,40}(context|input token)",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(
    r"model.{0,80}(not (found|exist)|does not exist|unknown)|invalid model|pinned to .{0,200}requested", re.IGNORECASE
)
# Linear: a script that does not end reaches the end of the text, as in browsers, and a tag has no "<" in it. Otherwise
# the text would be looked through once for each tag that does not end.
_TAGS: Final = re.compile(
    r"<(script|style)(?=[\s/>]).*?(?:</\1(?=[\s/>])[^<>]*>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL
)
_MOST_SECONDS: Final = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Refusal:
    """An upstream server's error in place of an answer.

    status: of the response, or what an error in an answer says that it is, if it says so
    is_in_answer: whether it is in a response with a status of success
    """

    status: int | None
    code: str = ""
    reason: str = ""
    param: str | None = None
    retry_after: str | None = None
    is_in_answer: bool = False

    def mentions(self, name: str) -> bool:
        """Whether it is about a member of the request."""
        return self.param == name or re.search(rf"\b{re.escape(name)}\b", self.reason) is not None

    @property
    def is_of_request(self) -> bool:
        """Whether it refuses this request, which no repetition changes."""
        return self.status in (400, 413, 422)

    @property
    def is_too_long(self) -> bool:
        """Whether it says that the prompt exceeds the context of the model."""
        return self.code in _CONTEXT_CODES or self.status == 413 or _CONTEXT.search(self.reason) is not None

    @property
    def is_of_model(self) -> bool:
        """Whether it does not know the model that this server asked it for."""
        return self.code == "model_not_found" or _MODEL.search(self.reason) is not None


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """The refusal of a response that is no success."""
    retry_after = read_retry_after(headers.get("retry-after"))
    if 300 <= status < 400:
        return Refusal(status, reason="it redirects, which is not followed: give --upstream the address it leads to")
    code, reason, param = _details(_parse(body))
    return Refusal(status, code, reason, param, retry_after)


def error_in_body(members: Mapping[str, Any], redaction: Redaction) -> APIError | None:
    """The error that a body of status 200, or an event of a stream, is in place of an answer."""
    is_error = members.get("object") == "error" or members.get("error")
    return _error_of(members, redaction) if is_error and not members.get("choices") else None


def parse_error(data: bytes, redaction: Redaction) -> APIError:
    """The error in an event that is known to be one: JSON, text or nothing."""
    return _error_of(_parse(data), redaction)


def _parse(body: bytes) -> Any:
    """The value of JSON, or else the text without its tags."""
    try:
        return parse(body)
    except UnexpectedResponse:
        return _TAGS.sub(" ", body[:20_000].decode("utf-8", "replace"))


def _error_of(body: Any, redaction: Redaction) -> APIError:
    code, reason, param = _details(body)
    members = body if isinstance(body, Mapping) else {}
    inner = members.get("error")
    numbers = [inner.get("code"), inner.get("status")] if isinstance(inner, Mapping) else []
    status = next((number for number in map(as_count, [*numbers, members.get("code")]) if number), None)
    known = status if status and 400 <= status < 600 else None
    return as_error(Refusal(known, code, reason, param, is_in_answer=True), redaction)


def read_retry_after(value: str | None) -> str | None:
    """A `Retry-After` that is one: seconds, or an HTTP date. None for anything else"""
    if value is None or not value.isascii():
        return None
    if value.isdigit():
        return value if len(value) <= 9 and int(value) <= _MOST_SECONDS else None
    try:
        return value if parsedate_to_datetime(value).tzinfo is not None and value.endswith("GMT") else None
    except (ValueError, TypeError, OverflowError):
        return None


def as_error(refusal: Refusal, redaction: Redaction) -> APIError:
    """The documented error of a refusal, which is logged."""
    where = f"with status {refusal.status}"
    if refusal.is_in_answer:
        where = "in its answer" if refusal.status is None else f"in its answer, which names status {refusal.status}"
    reason = ": ".join(part for part in (refusal.code, refusal.reason) if part) or "it gave no reason"
    request_log.warn(f"the upstream server refused {where}: {redaction.for_log(reason)}")
    code, message = _classify(refusal)
    headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else None
    if code in ("max_input_tokens_exceeded", "invalid_format"):
        param = "messages" if code == "max_input_tokens_exceeded" else refusal.param
        return APIError(code, f"{message} {redaction.without_keys(refusal.reason)}".strip(), param=param)
    return APIError(code, message, headers=headers, upstream_status=refusal.status)


def _classify(refusal: Refusal) -> tuple[str, str]:
    status = refusal.status
    if status == 429 or "rate_limit" in refusal.code:
        return "provider_rate_limited", "The provider throttles requests."
    if status in (401, 402, 403):
        return "chat_provider_auth_failed", "The provider refused the platform's credential."
    if refusal.code == "context_length_exceeded" or (refusal.is_of_request and refusal.is_too_long):
        return "max_input_tokens_exceeded", "The prompt is too long for the model."
    if status in (404, 405, 415) or (refusal.is_of_request and refusal.is_of_model):
        return "chat_provider_request_invalid", "The provider does not know what the platform asked it for."
    if refusal.is_of_request:
        return "invalid_format", "The provider refused the request."
    if status is None:
        return "chat_provider_unknown_error", "The provider sent an error in place of an answer."
    if status >= 500 or status == 408:
        return "chat_provider_unavailable", "The provider failed."
    return "chat_provider_unknown_error", f"The provider gave an unexpected answer, of status {status}."


def _details(members: Any) -> tuple[str, str, str | None]:
    """Code, reason and parameter of an error's body, in the forms of OpenAI, FastAPI, llama.cpp, Ollama and vLLM."""
    if not isinstance(members, Mapping):
        return "", _one_line(members), None
    inner = members.get("error")
    if not isinstance(inner, Mapping):
        inner = {**members, "message": inner if isinstance(inner, str) else members.get("message")}
    code = next((inner[name] for name in ("code", "type") if isinstance(inner.get(name), str)), "")
    reason = inner.get("message") or _detail(members.get("detail"))
    param = inner.get("param")
    is_name = isinstance(param, str) and re.fullmatch(r"[\w.\[\]-]{1,80}", param)
    return _one_line(code)[:80], _one_line(reason), param if is_name else None


def _detail(detail: Any) -> str:
    """FastAPI's reasons, without the input that it quotes."""
    if isinstance(detail, str):
        return detail
    reasons = []
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, Mapping):
            place = entry.get("loc")
            steps = [str(step) for step in place if step != "body"] if isinstance(place, list) else []
            reasons.append(f"{'.'.join(steps)}: {entry.get('msg')}")
    return "; ".join(reasons)


def _one_line(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    printable = "".join(character if character.isprintable() else " " for character in whole(text[:10_000]))
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_REASON else line[:LONGEST_REASON] + "..."
