"""Reads what an upstream server sends, and refuses figures, types and sizes that no honest answer has."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import orjson

from aurous_mock.generation import tokens
from aurous_mock.generation.answer import Answer, Delta, Finish, Logprobs, ToolCall
from aurous_mock.http.errors import APIError

# An answer may have so many bytes, and so many more for each token that the request allows.
BASE_BYTES: Final = 1024 * 1024
BYTES_PER_TOKEN: Final = 4096
MOST_TOKENS: Final = 10_000_000
MOST_CALLS: Final = 128
_FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter"})
_RETRY_AFTER: Final = re.compile(r"\d{1,9}|[A-Z][a-z]{2}, [0-9A-Za-z: ]{8,30} GMT")


class UnexpectedResponse(ValueError):  # noqa: N818 - it becomes an APIError before anybody sees it
    """The upstream server sent what the protocol or this server's bounds do not allow."""


def check_status(response: httpx.Response) -> None:
    """Raise APIError with the documented code for a status that is no success."""
    status = response.status_code
    if response.is_success:
        return
    if status == 429:
        retry_after = response.headers.get("retry-after", "")
        headers = {"Retry-After": retry_after} if _RETRY_AFTER.fullmatch(retry_after) else None
        raise APIError(
            "provider_rate_limited", "The provider throttles requests.", headers=headers, upstream_status=status
        )
    if status in (401, 403):
        code, message = "chat_provider_auth_failed", "The provider refused the platform's credential."
    elif status in (400, 404, 405, 413, 415, 422):
        code, message = "chat_provider_request_invalid", "The provider refused the request."
    elif status >= 500:
        code, message = "chat_provider_unavailable", "The provider failed."
    else:
        code, message = "chat_provider_unknown_error", "The provider gave an unexpected answer."
    raise APIError(code, message, upstream_status=status)


async def read_blocks(response: httpx.Response, max_tokens: int) -> AsyncIterator[bytes]:
    """The body as it is sent. Raises UnexpectedResponse where it is encoded, or longer than its tokens can be."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnexpectedResponse("the response is encoded, which was not asked for")
    left = BASE_BYTES + BYTES_PER_TOKEN * max_tokens
    async for block in response.aiter_raw():
        left -= len(block)
        if left < 0:
            raise UnexpectedResponse("the response is longer than the tokens that were asked for")
        yield block


def read_answer(raw: bytes) -> Answer:
    """A whole answer. Raises ValueError, LookupError, TypeError or AttributeError for anything else."""
    body = orjson.loads(raw)
    choice = body["choices"][0]
    message = choice["message"]
    entries = message.get("tool_calls") or ()
    _expect(len(entries) <= MOST_CALLS, "too many tool calls")
    calls = tuple(
        ToolCall(_text(call["id"]), _text(call["function"]["name"]), _text(call["function"]["arguments"]))
        for call in entries
    )
    content = tuple(tokens.split(_text(message.get("content") or "")))
    return Answer(content, calls, _read_finish(choice.get("finish_reason"), body.get("usage")), _read_logprobs(choice))


async def read_stream(blocks: AsyncIterator[bytes]) -> AsyncIterator[Delta | Finish]:
    """The deltas of a stream, then why it finished. Raises as `read_answer` does, and APIError if it ends early."""
    finish_reason, usage, done = None, None, False
    started = 0
    async for data in _read_events(blocks):
        if data == b"[DONE]":
            done = True
            break
        chunk = orjson.loads(data)
        if chunk.get("error"):
            raise APIError("chat_provider_unknown_error", "The provider failed in the middle of its answer.")
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices") or ():
            finish_reason = choice.get("finish_reason") or finish_reason
            for delta in _read_delta(choice, started):
                started += delta.opens is not None
                yield delta
    if not done and finish_reason is None:
        raise APIError("chat_provider_unavailable", "The provider hung up in the middle of its answer.")
    yield _read_finish(finish_reason, usage)


def _read_delta(choice: Mapping[str, Any], started: int) -> list[Delta]:
    delta = choice.get("delta") or {}
    content = delta.get("content")
    deltas = [Delta(_text(content), logprobs=_read_logprobs(choice))] if content else []
    for call in delta.get("tool_calls") or ():
        index, function = call["index"], call.get("function") or {}
        _expect(type(index) is int and 0 <= index <= started and index < MOST_CALLS, "a tool call is out of order")
        opens = None
        if index == started:
            started += 1
            opens = ToolCall(_text(call["id"]), _text(function["name"]), "")
        deltas.append(Delta(_text(function.get("arguments") or ""), index, opens))
    return deltas


async def _read_events(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event. Only CR and LF end lines: other line separators may be part of JSON text."""
    # A line may come in many blocks: joined once, or it would be copied for each of them.
    unfinished: list[bytes] = []
    async for block in blocks:
        first, *others = block.replace(b"\r", b"\n").split(b"\n")
        unfinished.append(first)
        if not others:
            continue
        for line in (b"".join(unfinished), *others[:-1]):
            if line.startswith(b"data:"):
                yield line[5:].strip()
        unfinished = [others[-1]]


def _read_finish(reason: Any, usage: Any) -> Finish:
    finish_reason = reason if isinstance(reason, str) and reason in _FINISH_REASONS else "stop"
    if not usage:
        return Finish(finish_reason)
    details = usage.get("completion_tokens_details") or {}
    # OpenAI includes reasoning in the completion tokens; this API counts it separately, as another mock server does.
    is_separate = "reasoning_tokens" in usage
    reasoning = _count((usage if is_separate else details).get("reasoning_tokens") or 0)
    completion = _count(usage["completion_tokens"]) - (0 if is_separate else reasoning)
    return Finish(finish_reason, reasoning, _count(usage["prompt_tokens"]), max(completion, 0))


def _read_logprobs(choice: Mapping[str, Any]) -> Logprobs:
    entries = (choice.get("logprobs") or {}).get("content") or ()
    _expect(all(isinstance(entry, dict) for entry in entries), "log probabilities are no objects")
    return tuple(entries)


def _count(value: Any) -> int:
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    _expect(is_whole and value == int(value), "a token count is not a whole number within bounds")
    return int(value)


def _text(value: Any) -> str:
    _expect(isinstance(value, str), "a text is no string")
    return str(value)


def _expect(is_met: bool, reason: str) -> None:
    if not is_met:
        raise UnexpectedResponse(reason)
