"""Forwarding: answers of an OpenAI-compatible server, wrapped in this contract; its failures in documented codes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aurous_mock.server.launcher import Mock, running
from aurous_mock.settings import DEFAULT_KEY
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
        ("status=400", 400, "invalid_format", None),
        ("status=404", 500, "chat_provider_request_invalid", 404),
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
    *chunks, last = frames(client.post(CREATE, json=chat(stream=True, max_tokens=400)).text)
    assert last["error"]["code"] in ("chat_provider_unavailable", "chat_provider_unknown_error")
    assert status_of(client, chunks[0]["id"]) == "failed"
    assert gateway.ledger() == []
