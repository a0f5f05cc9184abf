"""Streams, and what becomes of them: grammar, keep-alives, cancel, disconnect, shutdown."""

import gc
import json
import threading
import weakref
from contextlib import suppress
from typing import Any

import httpx
import jsonschema_rs
import pytest
from aurous_mock.completions import service
from aurous_mock.completions.running_completion import RunningCompletion
from aurous_mock.server.launcher import Mock
from mockkit import (
    CREATE,
    OTHER_KEY,
    WEATHER,
    chat,
    connect,
    content_of,
    data_lines,
    error_of,
    first_id,
    frames,
    long_chat,
    schema,
    status_of,
)
from testkit.conditions import eventually

SLOW = {"Aurous-Mock-Fault": "pace=100"}


def stream(client: httpx.Client, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    response = client.post(CREATE, json=chat(stream=True, **fields), headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    return response


@pytest.mark.parametrize(
    "fields",
    [{}, {"max_tokens": 3}, {"tools": [WEATHER]}, {"logprobs": True, "top_logprobs": 2},
     {"response_format": {"type": "json_object"}}],
    ids=str,
)  # fmt: skip
def test_stream_has_the_documented_frames(client: httpx.Client, fields: dict[str, Any]) -> None:
    chunks = frames(stream(client, **fields).text)
    checker = schema("ChatCompletionChunk")
    assert all(checker.is_valid(chunk) for chunk in chunks)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    first, *middle, last = [chunk["choices"][0] for chunk in chunks]
    assert first["delta"] == {"role": "assistant", "content": ""}
    assert all(choice["finish_reason"] is None for choice in [first, *middle])
    assert last["delta"] == {}
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]

    record = client.get(f"{CREATE}/{chunks[0]['id']}").json()
    assert record["usage"] == chunks[-1]["usage"]
    choice = record["choices"][0]
    assert choice["finish_reason"] == last["finish_reason"]
    assert (choice["message"]["content"] or "") == content_of(chunks)
    if fields.get("logprobs"):
        sent = [entry for part in middle for entry in part["logprobs"]["content"]]
        assert choice["logprobs"]["content"] == sent


def test_stream_and_document_have_the_same_content(client: httpx.Client) -> None:
    document = client.post(CREATE, json=chat()).json()
    chunks = frames(stream(client).text)
    assert content_of(chunks) == document["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == document["usage"]


def test_tool_calls_arrive_in_pieces(client: httpx.Client) -> None:
    chunks = frames(stream(client, tools=[WEATHER]).text)
    deltas = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert deltas[0]["function"]["name"] == "get_weather"
    assert deltas[0]["id"].startswith("call_")
    assert all("id" not in delta for delta in deltas[1:])
    assert set(json.loads("".join(delta["function"]["arguments"] for delta in deltas))) == {"city"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_usage_is_omitted_when_declined(client: httpx.Client) -> None:
    chunks = frames(stream(client, stream_options={"include_usage": False}).text)
    assert not any("usage" in chunk for chunk in chunks)


def test_idempotency_key_of_a_stream_is_ignored_with_a_warning(client: httpx.Client, mock: Mock) -> None:
    first, second = (stream(client, {"Idempotency-Key": "k"}) for _ in range(2))
    for response in (first, second):
        assert response.headers["aurous-idempotency-status"] == "ignored_streaming"
        assert "aurous-idempotent-replayed" not in response.headers
        warning, *chunks = frames(response.text)
        assert warning["warning"]["code"] == "idempotency_ignored_streaming"
        assert warning["choices"] == []
        assert warning["id"] == chunks[0]["id"]
    assert len(mock.ledger()) == 2


def test_stream_without_a_key_has_no_warning(client: httpx.Client) -> None:
    response = stream(client)
    assert response.headers["aurous-idempotency-status"] == "not_set"
    assert not any("warning" in frame for frame in frames(response.text))


def test_document_has_no_idempotency_status_header(client: httpx.Client) -> None:
    assert "aurous-idempotency-status" not in client.post(CREATE, json=chat()).headers


def test_silent_stream_sends_keep_alive_comments(client: httpx.Client) -> None:
    text = stream(client, {"Aurous-Mock-Fault": "pace=5; keep-alive=0.02"}, max_tokens=2).text
    assert text.count(": keep-alive\n\n") >= 3
    assert len(frames(text)) == 4


def test_refused_stream_is_an_error_response(client: httpx.Client) -> None:
    response = client.post(CREATE, json=chat(stream=True, max_tokens=9000))
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"


def test_record_of_a_running_stream_is_in_progress(client: httpx.Client, mock: Mock) -> None:
    with client.stream("POST", CREATE, json=long_chat(), headers=SLOW) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
        record = eventually(lambda: _with_content(client, completion_id))
        assert schema("ChatCompletion").is_valid(record)
        assert record["status"] == "in_progress"
        assert record["choices"][0]["finish_reason"] is None
        assert record["usage"]["completion_tokens"] > 0
        assert client.get("/v1/balance").json()["held_credits"] > 0
        assert mock.ledger() == []
    assert eventually(lambda: status_of(client, completion_id) == "cancelled")
    assert client.get("/v1/balance").json()["held_credits"] == 0


def _with_content(client: httpx.Client, completion_id: str) -> dict[str, Any] | None:
    record: dict[str, Any] = client.get(f"{CREATE}/{completion_id}").json()
    return record if record["choices"][0]["message"]["content"] else None


def test_cancel_ends_the_stream_and_charges_what_was_generated(client: httpx.Client, mock: Mock) -> None:
    with client.stream("POST", CREATE, json=long_chat(), headers=SLOW) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
        eventually(lambda: _with_content(client, completion_id))
        cancelled = client.post(f"{CREATE}/{completion_id}/cancel")
        rest = "\n".join(lines)
    assert cancelled.status_code == 200
    body = cancelled.json()
    assert (body["status"], body["error"]["code"]) == ("cancelled", "cancelled_by_request")
    assert body["choices"][0]["finish_reason"] == "cancelled"
    assert client.get(f"{CREATE}/{completion_id}").json() == body
    chunks = frames(rest)
    assert chunks[-1]["choices"][0]["finish_reason"] == "cancelled"
    assert chunks[-1]["usage"] == body["usage"]
    assert body["choices"][0]["message"]["content"].endswith(content_of(chunks))
    assert [charge["credits_charged"] for charge in mock.ledger()] == [body["usage"]["credits_charged"]]


def test_finished_and_foreign_completions_cannot_be_cancelled(client: httpx.Client, mock: Mock) -> None:
    done = frames(stream(client).text)[0]["id"]
    response = client.post(f"{CREATE}/{done}/cancel")
    assert (response.status_code, error_of(response)["code"]) == (409, "chat_cancel_target_already_terminal")
    document = client.post(CREATE, json=chat()).json()["id"]
    response = client.post(f"{CREATE}/{document}/cancel")
    assert (response.status_code, error_of(response)["code"]) == (409, "chat_cancel_target_already_terminal")
    with connect(mock, OTHER_KEY) as other, client.stream("POST", CREATE, json=long_chat(), headers=SLOW) as running:
        lines = running.iter_lines()
        assert other.post(f"{CREATE}/{first_id(lines)}/cancel").status_code == 404


def test_one_of_two_concurrent_cancels_wins(client: httpx.Client) -> None:
    with client.stream("POST", CREATE, json=long_chat(), headers=SLOW) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
        statuses: list[int] = []

        def cancel() -> None:
            statuses.append(client.post(f"{CREATE}/{completion_id}/cancel").status_code)

        threads = [threading.Thread(target=cancel) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(statuses) <= {200, 409}
    assert 200 in statuses


def test_disconnect_is_charged_for_what_was_generated(client: httpx.Client, mock: Mock) -> None:
    with client.stream("POST", CREATE, json=long_chat(), headers=SLOW) as response:
        completion_id = first_id(response.iter_lines())
    assert eventually(lambda: status_of(client, completion_id) == "cancelled", seconds=5)
    record = client.get(f"{CREATE}/{completion_id}").json()
    assert record["error"]["code"] == "cancelled_client_disconnect"
    assert [charge["credits_charged"] for charge in mock.ledger()] == [record["usage"]["credits_charged"]]
    assert 0 < record["usage"]["completion_tokens"] < 1000 or record["usage"]["completion_tokens"] == 0


@pytest.mark.slow
def test_stream_of_a_client_that_stops_reading_can_be_cancelled(client: httpx.Client) -> None:
    # Twenty alternatives to each token make an answer that no socket buffer holds.
    with client.stream("POST", CREATE, json=long_chat(8000, logprobs=True, top_logprobs=20)) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
        assert status_of(client, completion_id) == "in_progress"
        assert client.post(f"{CREATE}/{completion_id}/cancel").json()["status"] == "cancelled"


def test_error_frame_ends_the_stream_and_fails_the_record(client: httpx.Client, mock: Mock) -> None:
    fault = {"Aurous-Mock-Fault": "error-frame=3; code=provider_rate_limited"}
    response = stream(client, fault)
    *chunks, error = frames(response.text)
    assert jsonschema_rs.is_valid({"type": "object", "required": ["error"]}, error)
    assert schema("StreamErrorFrame").is_valid(error)
    assert error["error"]["code"] == "provider_rate_limited"
    assert error["error"]["request_id"] == response.headers["aurous-request-id"]
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    record = client.get(f"{CREATE}/{chunks[0]['id']}").json()
    assert (record["status"], record["error"]["code"]) == ("failed", "provider_rate_limited")
    assert record["usage"]["credits_charged"] == 0
    assert mock.ledger() == []


def test_every_frame_is_one_data_line(client: httpx.Client) -> None:
    text = stream(client).text
    assert text == "".join(f"data: {line}\n\n" for line in data_lines(text))


@pytest.mark.parametrize("fault", ["pace=100", "truncate=2", "reset=2"])
def test_stream_that_is_over_leaves_nothing_to_the_garbage_collector(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    completions = weakref.WeakSet[RunningCompletion]()
    started = threading.Event()

    class Observed(RunningCompletion):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            completions.add(self)
            started.set()

    monkeypatch.setattr(service, "RunningCompletion", Observed)
    gc.disable()
    try:
        with (
            suppress(httpx.HTTPError),
            client.stream("POST", CREATE, json=long_chat(20), headers={"Aurous-Mock-Fault": fault}) as response,
        ):
            # The client leaves the stream that is not cut.
            next(response.iter_lines())
        assert started.is_set()
        eventually(lambda: not completions)
    finally:
        gc.enable()
