"""Forwarding: answers of an OpenAI-compatible server, wrapped in this contract; its failures in documented codes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import orjson
import pytest
from aurous_mock.completions import parsed_request
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.generation.fake_model import Pace
from aurous_mock.generation.upstream import Upstream
from aurous_mock.http.errors import APIError
from aurous_mock.server.launcher import Mock, running
from aurous_mock.server.settings import DEFAULT_KEY
from mockkit import CREATE, WEATHER, chat, connect, content_of, error_of, first_id, frames, long_chat, schema, status_of
from testkit.conditions import eventually

ADMIN_KEY = "an-admin-key"


@pytest.fixture(scope="module")
def engine() -> Iterator[Mock]:
    """The server that answers: another mock, of another seed."""
    with running(seed=42) as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway(engine: Mock) -> Iterator[Mock]:
    with running(upstream=engine.url + "/v1", upstream_key=DEFAULT_KEY, seed=7, admin_key=ADMIN_KEY) as mock:
        yield mock


@pytest.fixture
def client(gateway: Mock, engine: Mock) -> Iterator[httpx.Client]:
    gateway.reset()
    engine.reset()
    with connect(gateway) as client:
        yield client


def direct(engine: Mock, **fields: Any) -> dict[str, Any]:
    with connect(engine) as client:
        body: dict[str, Any] = client.post(CREATE, json=chat(max_tokens=4096, **fields)).json()
        return body


def test_document_of_the_upstream_gets_a_receipt(client: httpx.Client, engine: Mock, gateway: Mock) -> None:
    mine = client.post(CREATE, json=chat()).json()
    theirs = direct(engine)
    assert schema("ChatCompletion").is_valid(mine)
    assert mine["choices"] == theirs["choices"]
    assert mine["id"] != theirs["id"]
    assert mine["usage"] == theirs["usage"]
    assert client.get(f"{CREATE}/{mine['id']}").json() == mine
    assert [charge["credits_charged"] for charge in gateway.ledger()] == [mine["usage"]["credits_charged"]]


@pytest.mark.parametrize("fields", [{}, {"tools": [WEATHER]}, {"logprobs": True, "top_logprobs": 2}], ids=str)
def test_stream_of_the_upstream_gets_a_receipt(client: httpx.Client, engine: Mock, fields: dict[str, Any]) -> None:
    chunks = frames(client.post(CREATE, json=chat(stream=True, **fields)).text)
    theirs = direct(engine, **fields)
    mine = client.get(f"{CREATE}/{chunks[0]['id']}").json()
    assert mine["choices"] == theirs["choices"]
    assert content_of(chunks) == (theirs["choices"][0]["message"]["content"] or "")
    assert chunks[-1]["usage"] == mine["usage"] == theirs["usage"]


def test_replay_does_not_call_the_upstream(client: httpx.Client, engine: Mock) -> None:
    bodies = {client.post(CREATE, json=chat(), headers={"Idempotency-Key": "k"}).content for _ in range(3)}
    assert len(bodies) == 1
    assert len(engine.ledger()) == 1


def test_disconnect_disconnects_from_the_upstream(client: httpx.Client, engine: Mock) -> None:
    engine.fault("pace=50", path=CREATE)
    with client.stream("POST", CREATE, json=long_chat()) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
    assert eventually(lambda: status_of(client, completion_id) == "cancelled", seconds=5)
    assert eventually(lambda: [charge["status"] for charge in engine.ledger()] == ["cancelled"], seconds=5)


@pytest.mark.parametrize(
    ("fault", "status", "code", "upstream_status"),
    [
        ("status=500", 502, "chat_provider_unavailable", 500),
        ("status=503; code=internal_error", 502, "chat_provider_unavailable", 503),
        ("status=429; retry-after=9", 503, "provider_rate_limited", 429),
        ("status=401", 500, "chat_provider_auth_failed", 401),
        ("status=400", 500, "chat_provider_request_invalid", 400),
        ("status=418", 502, "chat_provider_unknown_error", 418),
        ("reset=after", 502, "chat_provider_unavailable", None),
        ("truncate=body", 502, "chat_provider_unavailable", None),
        ("malformed", 502, "chat_provider_unknown_error", None),
    ],
)
def test_upstream_failures_have_documented_codes(
    client: httpx.Client, engine: Mock, gateway: Mock, fault: str, status: int, code: str, upstream_status: int | None
) -> None:
    engine.fault(fault, path=CREATE)
    response = client.post(CREATE, json=chat())
    assert response.status_code == status
    error = error_of(response)
    assert (error["code"], error.get("status")) == (code, upstream_status)
    assert response.headers.get("retry-after") == ("9" if code == "provider_rate_limited" else None)
    assert gateway.ledger() == []
    assert client.get("/v1/balance").json()["held_credits"] == 0


@pytest.mark.parametrize("fault", ["reset=4", "truncate=4", "end=4", "error-frame=4", "malformed=4"])
def test_broken_upstream_stream_fails_the_completion(
    client: httpx.Client, engine: Mock, gateway: Mock, fault: str
) -> None:
    engine.fault(fault, path=CREATE)
    *chunks, last = frames(client.post(CREATE, json=chat(stream=True)).text)
    assert last["error"]["code"] in ("chat_provider_unavailable", "chat_provider_unknown_error")
    assert status_of(client, chunks[0]["id"]) == "failed"
    assert gateway.ledger() == []


def test_unreachable_upstream_is_reported() -> None:
    with running(upstream="http://127.0.0.1:9/v1") as lonely, connect(lonely) as client:
        assert error_of(client.post(CREATE, json=chat()))["code"] == "chat_provider_unavailable"


class Scripted(httpx.AsyncBaseTransport):
    """An engine that says what it is told to, and remembers what it was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: dict[str, Any] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked = orjson.loads(await request.aread())
        return httpx.Response(200, content=self._blocks())

    async def _blocks(self) -> AsyncIterator[bytes]:
        for place in range(0, len(self.content), 7):
            yield self.content[place : place + 7]


def scripted(monkeypatch: pytest.MonkeyPatch, content: bytes) -> tuple[Upstream, Scripted]:
    transport = Scripted(content)
    client = httpx.AsyncClient(base_url="http://engine/v1", transport=transport)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: client)
    return Upstream("http://engine/v1", None, "llama"), transport


async def _drain(engine: Upstream, body: dict[str, Any]) -> list[Delta | Finish]:
    return [step async for step in engine.stream(parsed_request.read(body), Pace())]


def test_stream_of_openai_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """A separate usage chunk, reasoning counted among the completion tokens, CRLF, comments, a call in pieces."""
    events = [
        ": ping",
        'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi\u2028"},"finish_reason":null}]}',
        'data:{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}}]}',
        'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}',
        'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
        'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":30,'
        '"completion_tokens_details":{"reasoning_tokens":10}}}',
        "data: [DONE]",
    ]
    engine, transport = scripted(monkeypatch, "".join(f"{event}\r\n\r\n" for event in events).encode())
    *deltas, finish = asyncio.run(_drain(engine, chat(stream=True, vision_quality="xhigh", user="u")))
    assert [getattr(delta, "text", None) for delta in deltas] == ["Hi\u2028", "", "{}"]
    assert finish == Finish("tool_calls", reasoning_tokens=10, prompt_tokens=9, completion_tokens=20)
    assert transport.asked["model"] == "llama"
    assert transport.asked["max_tokens"] == 4096
    assert transport.asked["stream_options"] == {"include_usage": True}
    assert transport.asked["user"] == "u"
    assert "vision_quality" not in transport.asked


@pytest.mark.parametrize("content", [b"{}", b'{"choices": []}', b"[]", b"<html>", b'{"choices": [{"message": null}]}'])
def test_invalid_upstream_answer_is_refused(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    engine, _ = scripted(monkeypatch, content)
    with pytest.raises(APIError) as refused:
        asyncio.run(engine.answer(parsed_request.read(chat()), Pace()))
    assert refused.value.code == "chat_provider_unknown_error"
