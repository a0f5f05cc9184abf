"""The correct server: answers, streams, keys, money and hostile input."""

from __future__ import annotations

import json
import socket
import threading
from decimal import Decimal
from typing import Any

import httpx
import jsonschema_rs
import openai
import pytest
from independent.server import DEFAULT_KEY, DEFAULT_OTHER_KEY, Server, build, serving

MODEL = "aurous-grow-2.0-pro"
PATH = "/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def body(text: str = "Hello there", **members: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **members}


def balance(client: httpx.Client) -> dict[str, Decimal]:
    document = json.loads(client.get("/v1/balance").text, parse_float=Decimal, parse_int=Decimal)
    return {name: value for name, value in document.items() if isinstance(value, Decimal)}


def events(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_completion_is_stored_and_retrievable(client: httpx.Client) -> None:
    created = client.post(PATH, json=body())
    assert created.status_code == 200
    assert client.get(f"{PATH}/{created.json()['id']}").json() == created.json()


def test_stored_stream_equals_its_chunks(client: httpx.Client) -> None:
    chunks = events(client.post(PATH, json=body(stream=True, logprobs=True, top_logprobs=3)))
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    stored = client.get(f"{PATH}/{chunks[0]['id']}").json()
    assert stored["choices"][0]["message"]["content"] == text
    assert stored["usage"] == chunks[-1]["usage"]
    entries = stored["choices"][0]["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == text
    assert {len(entry["top_logprobs"]) for entry in entries} == {3}


def test_balance_falls_by_exactly_the_charge(client: httpx.Client) -> None:
    before = balance(client)
    response = client.post(PATH, json=body())
    charge = json.loads(response.text, parse_float=Decimal)["usage"]["credits_charged"]
    after = balance(client)
    assert before["credits"] - after["credits"] == charge
    assert after["held_credits"] == 0
    assert after["available_credits"] == after["credits"]


def test_concurrent_completions_lose_no_charge(server: Server, client: httpx.Client) -> None:
    before = balance(client)
    charges: list[Decimal] = []

    def call() -> None:
        response = httpx.post(
            server.url + PATH, json=body(), headers={"X-Api-Key": DEFAULT_KEY}, timeout=30, trust_env=False
        )
        charges.append(json.loads(response.text, parse_float=Decimal)["usage"]["credits_charged"])

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before["credits"] - balance(client)["credits"] == sum(charges)


def test_cancelled_stream_is_charged_for_what_it_sent() -> None:
    application = build(pace=3600)
    headers = {"X-Api-Key": DEFAULT_KEY}
    with (
        serving(application) as server,
        httpx.Client(base_url=server.url, headers=headers, trust_env=False, verify=False) as client,
    ):
        before = balance(client)
        with client.stream("POST", PATH, json=body(stream=True)) as response:
            lines = response.iter_lines()
            completion_id = json.loads(next(lines).removeprefix("data: "))["id"]
            held = balance(client)
            assert held["held_credits"] > 0
            assert held["available_credits"] == held["credits"] - held["held_credits"]
            assert client.get(f"{PATH}/{completion_id}").json()["status"] == "in_progress"
            cancelled = client.post(f"{PATH}/{completion_id}/cancel").json()
            rest = [line.removeprefix("data: ") for line in lines if line]
        last = json.loads(rest[-2])
        assert rest[-1] == "[DONE]"
        assert last["choices"][0]["finish_reason"] == "cancelled"
        assert last["usage"] == cancelled["usage"]
        assert cancelled["error"]["code"] == "cancelled_by_request"
        assert client.get(f"{PATH}/{completion_id}").json() == cancelled
        assert before["credits"] - balance(client)["credits"] == Decimal(str(cancelled["usage"]["credits_charged"]))
        again = client.post(f"{PATH}/{completion_id}/cancel")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "chat_cancel_target_already_terminal")


def test_disconnect_cancels_the_completion_and_releases_its_hold() -> None:
    application = build(pace=0.001)
    with serving(application) as server:
        with httpx.stream(
            "POST", server.url + PATH, json=body("A long story", stream=True), headers={"X-Api-Key": DEFAULT_KEY}
        ) as response:
            next(response.iter_lines())
        (completion,) = application.chat.completions.values()
        assert completion.ended.wait(60)
        assert (completion.status, completion.error_code) == ("cancelled", "cancelled_client_disconnect")
        assert application.teams["first"].ledger.holds == {}


def test_stream_that_cannot_be_answered_releases_its_hold() -> None:
    application = build()

    def fail(call: Any, response: Any) -> None:
        raise RuntimeError("planted")

    application.seams.response.append(fail)
    with serving(application) as server, pytest.raises(httpx.RemoteProtocolError):
        httpx.post(
            server.url + PATH, json=body(stream=True), headers={"X-Api-Key": DEFAULT_KEY}, trust_env=False, verify=False
        )
    assert application.teams["first"].ledger.holds == {}


def test_same_key_and_canonical_body_replays_without_a_charge(client: httpx.Client) -> None:
    first = client.post(PATH, json=body(temperature=1, seed=1), headers={"Idempotency-Key": "replay"})
    before = balance(client)
    text = '{"seed": 1e0, "temperature": 1.0, "messages": [{"content": "Hello\\u0020there", "role": "user"}], '
    text += f'"model": "{MODEL}"}}'
    headers = {"Idempotency-Key": "replay", "Content-Type": "application/json"}
    second = client.post(PATH, content=text, headers=headers)
    assert second.json() == first.json()
    assert "Aurous-Idempotent-Replayed" not in first.headers
    assert second.headers["Aurous-Idempotent-Replayed"] == "true"
    assert balance(client) == before
    conflict = client.post(PATH, json=body("Other"), headers=headers)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_key_in_use")


def test_key_starts_fresh_after_24_hours(server: Server, client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "window"}
    first = client.post(PATH, json=body(), headers=headers)
    server.application.clock.advance(23.9 * 3600)
    assert client.post(PATH, json=body(), headers=headers).json() == first.json()
    server.application.clock.advance(0.2 * 3600)
    assert client.post(PATH, json=body(), headers=headers).json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("members", "finish_reason"),
    [
        ({"max_tokens": 4}, "length"),
        ({"stop": ["simply", " wrote"]}, "stop"),
        ({"tools": [WEATHER]}, "tool_calls"),
        ({"tools": [WEATHER], "tool_choice": "none"}, "stop"),
    ],
)
def test_answer_ends_as_asked(client: httpx.Client, members: dict[str, Any], finish_reason: str) -> None:
    document = client.post(PATH, json=body(**members)).json()
    assert document["choices"][0]["finish_reason"] == finish_reason
    chunks = events(client.post(PATH, json=body(stream=True, **members)))
    assert chunks[-1]["choices"][0]["finish_reason"] == finish_reason


def test_structured_answer_fits_its_schema(client: httpx.Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "parent": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "scores": {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 5}, "minItems": 1},
        },
        "required": ["kind", "parent", "scores"],
        "additionalProperties": False,
        "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": schema}}
    content = client.post(PATH, json=body(response_format=form)).json()["choices"][0]["message"]["content"]
    assert jsonschema_rs.is_valid(schema, json.loads(content))


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"max_tokens": 8193}, "max_tokens_exceeds_hard_cap"),
        ({"max_tokens": 0}, "value_out_of_range"),
        ({"temperature": 2.1}, "value_out_of_range"),
        ({"top_logprobs": 21}, "value_out_of_range"),
        ({"tool_choice": "required", "tools": [WEATHER]}, "tool_choice_required_unsupported"),
        ({"model": "aurous-embed-vision-1.0"}, "model_wrong_kind"),
        ({"model": "unknown"}, "resource_not_found"),
        ({"messages": []}, "value_out_of_range"),
        ({"stop": ["a"] * 5}, "value_out_of_range"),
        ({"seed": 1.5}, "invalid_format"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_invalid_body_is_refused(client: httpx.Client, members: dict[str, Any], code: str, stream: bool) -> None:
    response = client.post(PATH, json=body() | members | {"stream": stream})
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["request_id"] == response.headers["Aurous-Request-Id"]


def test_schema_limits_by_size_and_depth(client: httpx.Client) -> None:
    def form(levels: int, padding: int = 0) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "description": "x" * padding}
        for _ in range(levels - 1):
            schema = {"type": "object", "properties": {"inner": schema}}
        return {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}

    def code(response_format: dict[str, Any]) -> str | None:
        answer: dict[str, Any] = client.post(PATH, json=body(response_format=response_format)).json()
        code: str | None = answer.get("error", {}).get("code")
        return code

    assert [code(form(5)), code(form(6))] == [None, "response_format_too_deep"]
    assert [code(form(1, 5000)), code(form(1, 11_000))] == [None, "response_format_too_large"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"model": "\\u0000"}', b"[" * 100_000, b'{"a": 1e999}', b'{"a": NaN}'],
)
def test_unusable_body_is_refused_in_the_envelope(client: httpx.Client, content: bytes) -> None:
    response = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request"


def test_huge_body_is_refused_and_the_connection_stays_usable(client: httpx.Client) -> None:
    response = client.post(PATH, content=b" " * (10 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "payload_too_large")
    assert client.get("/v1/models").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/nothing", 404), ("PUT", "/v1/models", 405), ("GET", f"{PATH}/cmp_%00%0A", 404)],
)
def test_unroutable_request_is_refused_in_the_envelope(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["request_id"].startswith("req_")


@pytest.mark.parametrize("line", [b"nonsense", b"GET /v1/models HTTP/9.9", b"GET /a b c HTTP/1.1"])
def test_invalid_http_is_refused_in_the_envelope(server: Server, line: bytes) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(line + b"\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, document = received.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"505")
    assert json.loads(document)["error"]["type"] == "invalid_request"


def test_missing_and_wrong_credentials_are_refused(server: Server) -> None:
    def code(headers: dict[str, str]) -> tuple[int, str | None]:
        response = httpx.get(f"{server.url}/v1/balance", headers=headers, trust_env=False, verify=False)
        return response.status_code, response.json().get("error", {}).get("code")

    assert code({}) == (401, "missing_api_key")
    assert code({"X-Api-Key": "al_live_wrong"}) == (401, "invalid_api_key")
    assert code({"Authorization": f"Bearer {DEFAULT_KEY}"}) == (200, None)


def test_other_team_sees_nothing(server: Server, client: httpx.Client) -> None:
    completion_id = client.post(PATH, json=body()).json()["id"]
    other = {"X-Api-Key": DEFAULT_OTHER_KEY}
    assert client.get(f"{PATH}/{completion_id}", headers=other).status_code == 404
    answer = client.post(f"{PATH}/{completion_id}/cancel", headers=other).json()
    assert answer["error"]["code"] == "chat_cancel_target_not_found"


def test_openai_client_works_unchanged(server: Server) -> None:
    with openai.OpenAI(api_key=DEFAULT_KEY, base_url=f"{server.url}/v1") as client:
        messages: Any = [{"role": "user", "content": "Hello"}]
        completion = client.chat.completions.create(model=MODEL, messages=messages)
        assert completion.choices[0].finish_reason == "stop"
        chunks = list(client.chat.completions.create(model=MODEL, messages=messages, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert text == completion.choices[0].message.content
        assert next(iter(client.models.list())).id == MODEL
