"""What an upstream server may send: types, figures and sizes are checked before anything is charged or relayed."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aurous_mock.completions import parsed_request
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.generation.fake_model import Pace
from aurous_mock.generation.upstream import Upstream
from aurous_mock.generation.upstream_response import BASE_BYTES, BYTES_PER_TOKEN, MOST_TOKENS
from aurous_mock.http.errors import APIError
from mockkit import chat

MESSAGE = {"role": "assistant", "content": "Hi"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}


class Scripted(httpx.AsyncBaseTransport):
    """An upstream server that sends one response, and counts what is taken of it."""

    def __init__(self, blocks: list[bytes], status: int = 200, headers: Any = ()) -> None:
        self._blocks = blocks
        self._status = status
        self._headers = headers
        self.taken = 0
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self._status, headers=self._headers, content=self._send())

    async def _send(self) -> AsyncIterator[bytes]:
        try:
            for block in self._blocks:
                self.taken += len(block)
                yield block
        finally:
            self.closed = True


def engine_of(
    monkeypatch: pytest.MonkeyPatch, transport: httpx.AsyncBaseTransport, max_seconds: float = 600.0
) -> Upstream:
    client = httpx.AsyncClient(base_url="http://engine/v1", transport=transport)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: client)
    return Upstream("http://engine/v1", None, None, max_seconds)


def refusal_of_answer(monkeypatch: pytest.MonkeyPatch, transport: Scripted, **fields: Any) -> APIError:
    engine = engine_of(monkeypatch, transport)
    with pytest.raises(APIError) as refused:
        asyncio.run(engine.answer(parsed_request.read(chat(**fields)), Pace()))
    return refused.value


async def drain(engine: Upstream, **fields: Any) -> list[Delta | Finish]:
    return [part async for part in engine.stream(parsed_request.read(chat(stream=True, **fields)), Pace())]


def answer(**changes: Any) -> bytes:
    body = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], "usage": USAGE, **changes}
    return json.dumps(body).encode()


@pytest.mark.parametrize("count", [-1, -(10**6), 10**18, MOST_TOKENS + 1, 1.5, "12", "x", True, [1], 1e308])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "reasoning_tokens"])
def test_usage_that_is_no_count_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, count: Any) -> None:
    error = refusal_of_answer(monkeypatch, Scripted([answer(usage={**USAGE, name: count})]))
    assert error.code == "chat_provider_unknown_error"


@pytest.mark.parametrize(
    "message",
    [
        {"content": 7},
        {"content": ["x"]},
        {"content": None, "tool_calls": [{"id": 1, "function": {"name": "f", "arguments": "{}"}}]},
        {"content": None, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]},
        {"content": None, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}] * 129},
    ],
    ids=str,
)
def test_content_of_a_wrong_type_is_refused(monkeypatch: pytest.MonkeyPatch, message: dict[str, Any]) -> None:
    error = refusal_of_answer(monkeypatch, Scripted([answer(choices=[{"message": message}])]))
    assert error.code == "chat_provider_unknown_error"


@pytest.mark.parametrize("index", [-1, 1, 10**9, "0", None, True])
def test_tool_call_out_of_order_is_refused(monkeypatch: pytest.MonkeyPatch, index: Any) -> None:
    call = {"index": index, "id": "c", "function": {"name": "f", "arguments": ""}}
    chunk = json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode()
    engine = engine_of(monkeypatch, Scripted([b"data: " + chunk + b"\n\n"]))
    with pytest.raises(APIError) as refused:
        asyncio.run(drain(engine))
    assert refused.value.code == "chat_provider_unknown_error"


def test_unknown_finish_reason_is_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = answer(choices=[{"message": MESSAGE, "finish_reason": {"odd": 1}}])
    engine = engine_of(monkeypatch, Scripted([raw]))
    assert asyncio.run(engine.answer(parsed_request.read(chat()), Pace())).finish.finish_reason == "stop"


@pytest.mark.parametrize("streamed", [False, True])
def test_answer_longer_than_its_tokens_is_cut_off(monkeypatch: pytest.MonkeyPatch, streamed: bool) -> None:
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 1000 + b'"}}]}\n\n'
    transport = Scripted([event] * 20_000)
    bound = BASE_BYTES + 10 * BYTES_PER_TOKEN
    if streamed:
        with pytest.raises(APIError) as refused:
            asyncio.run(drain(engine_of(monkeypatch, transport), max_tokens=10))
        error = refused.value
    else:
        error = refusal_of_answer(monkeypatch, transport, max_tokens=10)
    assert error.code == "chat_provider_unknown_error"
    assert transport.taken <= bound + len(event)
    assert transport.closed


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "deflate"])
def test_encoded_answer_is_refused_and_not_decoded(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 10_000_000))
    error = refusal_of_answer(monkeypatch, Scripted([bomb], headers={"Content-Encoding": encoding}))
    assert error.code == "chat_provider_unknown_error"


def test_one_line_in_many_blocks_takes_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(blocks: int) -> float:
        transport = Scripted([b'data: {"x": "', *[b"x" * 16] * blocks, b'"}\n\n', b"data: [DONE]\n\n"])
        engine = engine_of(monkeypatch, transport)
        started = time.process_time()
        asyncio.run(drain(engine))
        monkeypatch.undo()
        return time.process_time() - started

    seconds(1000)
    # Quadratic time would be 64 times as much.
    assert seconds(48_000) < 30 * seconds(6000)


@pytest.mark.parametrize(
    ("sent", "relayed"),
    [
        (b"7", "7"),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("ٱ".encode(), None),
        (b"\xff\xfe", None),
        (b"1" * 400, None),
        (b"-5", None),
        (b"soon", None),
    ],
)
def test_retry_after_is_relayed_only_where_it_is_one(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, relayed: str | None
) -> None:
    error = refusal_of_answer(monkeypatch, Scripted([b"{}"], 429, [(b"Retry-After", sent)]))
    assert error.code == "provider_rate_limited"
    assert error.headers.get("Retry-After") == relayed


def test_body_of_an_error_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Scripted([b"x" * 1000] * 10_000, 503)
    assert refusal_of_answer(monkeypatch, transport).code == "chat_provider_unavailable"
    assert transport.taken == 0


class Dripping(httpx.AsyncBaseTransport):
    """An upstream server that sends events in time, without end."""

    def __init__(self) -> None:
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self._send())

    async def _send(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b": still there\n\n"
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


@pytest.mark.parametrize("streamed", [False, True], ids=["answer", "stream"])
def test_whole_answer_of_the_upstream_has_a_deadline(monkeypatch: pytest.MonkeyPatch, streamed: bool) -> None:
    transport = Dripping()
    engine = engine_of(monkeypatch, transport, max_seconds=0.05)
    request = parsed_request.read(chat(max_tokens=8192))
    with pytest.raises(APIError) as refused:
        asyncio.run(drain(engine, max_tokens=8192) if streamed else engine.answer(request, Pace()))
    assert refused.value.code == "provider_timeout"
    assert "within 0.05 seconds" in refused.value.message
    assert transport.is_closed
