"""Forwards requests to an OpenAI-compatible server, and maps its failures to documented error codes."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import orjson

from aurous_mock.completions.parsed_request import ParsedRequest
from aurous_mock.generation import tokens
from aurous_mock.generation.answer import Answer, Delta, Finish, Logprobs, ToolCall
from aurous_mock.generation.fake_model import Pace
from aurous_mock.http.errors import APIError

# Members of this API that OpenAI-compatible servers may refuse.
_AUROUS_ONLY = ("vision_quality",)
MAX_CONNECTIONS = 1000
# A request that gets no connection within a second is refused.
_TIMEOUT = httpx.Timeout(600, connect=10, pool=1)
_CONNECTIONS = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100)


class Upstream:
    """An engine that forwards. The pace is the upstream's own."""

    def __init__(self, url: str, key: str | None, model: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT, limits=_CONNECTIONS)
        self._model = model

    async def stop(self) -> None:
        await self._client.aclose()

    def _forwarded(self, request: ParsedRequest) -> bytes:
        body = {name: value for name, value in request.body.items() if name not in _AUROUS_ONLY}
        body["model"] = self._model or request.model.id
        body["max_tokens"] = request.max_tokens
        if request.streamed:
            # Whatever the client asked for: the receipt needs the counts.
            body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)

    def _request(self, request: ParsedRequest) -> httpx.Request:
        headers = {"Content-Type": "application/json"}
        return self._client.build_request(
            "POST", "/chat/completions", content=self._forwarded(request), headers=headers
        )

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        try:
            response = await self._client.send(self._request(request))
            _check(response)
            return _read_answer(orjson.loads(response.content))
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
            raise _unexpected_response(error) from error

    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[Delta | Finish]:
        try:
            response = await self._client.send(self._request(request), stream=True)
            try:
                if response.is_error:
                    await response.aread()
                _check(response)
                async for part in _read_stream(response):
                    yield part
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
            raise _unexpected_response(error) from error


def _check(response: httpx.Response) -> None:
    """Raise the documented error for a status that is no success."""
    status = response.status_code
    if response.is_success:
        return
    if status == 429:
        retry_after = response.headers.get("retry-after")
        headers = {"Retry-After": retry_after} if retry_after else None
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


def _unavailable(error: Exception) -> APIError:
    return APIError("chat_provider_unavailable", f"The provider could not be reached: {type(error).__name__}.")


def _unexpected_response(error: Exception) -> APIError:
    return APIError("chat_provider_unknown_error", f"The provider's response is unexpected: {type(error).__name__}.")


def _read_answer(body: Mapping[str, Any]) -> Answer:
    choice = body["choices"][0]
    message = choice["message"]
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    content = tuple(tokens.split(message.get("content") or ""))
    return Answer(content, calls, _finish(choice.get("finish_reason"), body.get("usage")), _read_logprobs(choice))


def _read_logprobs(choice: Mapping[str, Any]) -> Logprobs:
    return tuple((choice.get("logprobs") or {}).get("content") or ())


def _finish(finish_reason: str | None, usage: Mapping[str, Any] | None) -> Finish:
    if not usage:
        return Finish(finish_reason or "stop")
    details = usage.get("completion_tokens_details") or {}
    # OpenAI includes reasoning in the completion tokens; this API counts it separately, as another mock server does.
    is_separate = "reasoning_tokens" in usage
    reasoning = int((usage if is_separate else details).get("reasoning_tokens") or 0)
    completion = int(usage["completion_tokens"]) - (0 if is_separate else reasoning)
    return Finish(finish_reason or "stop", reasoning, int(usage["prompt_tokens"]), max(completion, 0))


async def _read_stream(response: httpx.Response) -> AsyncIterator[Delta | Finish]:
    finish_reason, usage, done = None, None, False
    started: set[int] = set()
    async for data in _read_events(response):
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
                yield delta
    if not done and finish_reason is None:
        raise APIError("chat_provider_unavailable", "The provider hung up in the middle of its answer.")
    yield _finish(finish_reason, usage)


def _read_delta(choice: Mapping[str, Any], started: set[int]) -> list[Delta]:
    delta = choice.get("delta") or {}
    deltas = [Delta(delta["content"], logprobs=_read_logprobs(choice))] if delta.get("content") else []
    for call in delta.get("tool_calls") or ():
        index, function = int(call["index"]), call.get("function") or {}
        opens = None
        if index not in started:
            started.add(index)
            opens = ToolCall(call["id"], function["name"], "")
        deltas.append(Delta(function.get("arguments") or "", index, opens))
    return deltas


async def _read_events(response: httpx.Response) -> AsyncIterator[bytes]:
    """The data of each event. Only CR and LF end lines: other line separators may be part of JSON text."""
    pending = b""
    async for block in response.aiter_bytes():
        *lines, pending = (pending + block).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
