"""The mock's five operations, their headers and their refusals are those of the API reference."""

from typing import Any

import httpx
import orjson
import pytest
from aurous_mock.contract.null_members import drop_null_members
from aurous_mock.contract.spec import default_spec, load
from aurous_mock.server.launcher import Mock
from mockkit import CREATE, CURRENT, OTHER_KEY, SPEC, VERSION, WEATHER, chat, connect, error_of, frames, http, schema

# As the spec has them now: a version may change them.
BOUNDS = SPEC["components"]["schemas"]["ChatCompletionRequest"]["properties"]
DETAILS = SPEC["components"]["schemas"]["ImageDetail"]["enum"]
LONGEST_MODEL, MOST_MESSAGES = BOUNDS["model"]["maxLength"], BOUNDS["messages"]["maxItems"]
LONGEST_STOP, MOST_STOPS = BOUNDS["stop"]["anyOf"][0]["maxLength"], BOUNDS["stop"]["anyOf"][1]["maxItems"]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


def create(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = client.post(CREATE, json=chat(**fields))
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_create_response_fits_its_schema_and_receipt_adds_up(client: httpx.Client) -> None:
    body = create(client)
    assert schema("ChatCompletion").is_valid(body)
    usage, breakdown = body["usage"], body["usage"]["breakdown"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + usage["reasoning_tokens"]
    assert breakdown["input_credits"] == pytest.approx(usage["prompt_tokens"] * 75 / 1e6, abs=1e-12)
    assert breakdown["output_credits"] == pytest.approx(usage["completion_tokens"] * 450 / 1e6, abs=1e-12)
    assert breakdown["reasoning_credits"] == pytest.approx(usage["reasoning_tokens"] * 450 / 1e6, abs=1e-12)
    parts = breakdown["input_credits"] + breakdown["output_credits"] + breakdown["reasoning_credits"]
    assert usage["credits_charged"] == pytest.approx(parts, abs=1e-9)
    assert breakdown["model"] == body["model"]
    assert "error" not in body


def test_receipt_without_reasoning_has_no_reasoning_credits(client: httpx.Client) -> None:
    usage = create(client, reasoning_effort="minimal")["usage"]
    assert "reasoning_tokens" not in usage
    assert "reasoning_credits" not in usage["breakdown"]


def test_retrieve_returns_the_created_completion(client: httpx.Client) -> None:
    created = client.post(CREATE, json=chat())
    retrieved = client.get(f"{CREATE}/{created.json()['id']}")
    assert retrieved.content == created.content


def test_unknown_and_foreign_ids_get_the_same_404(client: httpx.Client, mock: Mock) -> None:
    completion_id = create(client)["id"]
    with connect(mock, OTHER_KEY) as other:
        for action in ("", "/cancel"):
            method = "POST" if action else "GET"
            foreign = error_of(other.request(method, f"{CREATE}/{completion_id}{action}"))
            unknown = error_of(other.request(method, f"{CREATE}/cmp_unknown{action}"))
            same = ("type", "code", "param")
            assert [foreign[name] for name in same] == [unknown[name] for name in same]
            assert foreign["code"] == ("chat_cancel_target_not_found" if action else "resource_not_found")
            assert foreign["type"] == "not_found"


def test_models_and_balance_responses_fit_their_schemas(client: httpx.Client) -> None:
    models = client.get("/v1/models").json()
    assert schema("ModelList").is_valid(models)
    grow = next(model for model in models["data"] if model["kind"] == "chat")
    assert grow["chat_pricing"] == {"input": {"credits_per_M": 75}, "output": {"credits_per_M": 450}}
    assert grow["aurous_metadata"]["context_window"] == 256_000
    assert grow["aurous_metadata"]["max_output_tokens_hard_cap"] == 8192
    assert schema("Balance").is_valid(client.get("/v1/balance").json())


def test_every_response_has_the_documented_headers(client: httpx.Client) -> None:
    seen = set()
    for response in (
        client.get("/v1/models"), client.get("/v1/balance"), client.post(CREATE, json=chat()),
        client.post(CREATE, json=chat(stream=True)), client.post(CREATE, json={}), client.get("/v1/nothing"),
        client.put("/v1/models"), http.get(client.base_url.join("/v1/models")),
    ):  # fmt: skip
        assert response.headers["aurous-request-id"].startswith("req_")
        assert response.headers["aurous-version"] in (VERSION, CURRENT)
        for name in ("limit", "remaining", "reset"):
            assert int(response.headers[f"x-ratelimit-{name}"]) >= 0
            if response.request.method == "POST":
                assert int(response.headers[f"x-ratelimit-tpm-{name}"]) >= 0
        assert "aurous-idempotent-replayed" not in response.headers
        seen.add(response.headers["aurous-request-id"])
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"X-Api-Key": ""}, "missing_api_key"),
        ({"X-Api-Key": "al_live_" + "2" * 64}, "invalid_api_key"),
        ({"Authorization": "Bearer nonsense"}, "invalid_api_key"),
        ({"Authorization": "Basic YTpi"}, "invalid_api_key"),
    ],
)
def test_invalid_credentials_are_refused(mock: Mock, headers: dict[str, str], code: str) -> None:
    response = http.post(mock.url + CREATE, json=chat(), headers=headers)
    assert response.status_code == 401
    error = error_of(response)
    assert (error["type"], error["code"]) == ("authentication", code)


def test_api_key_is_accepted_in_both_headers(mock: Mock) -> None:
    for headers in ({"X-Api-Key": mock.api_key}, {"Authorization": f"Bearer {mock.api_key}"}):
        assert http.get(mock.url + "/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("version", "code"),
    [(VERSION, None), ("2025-01-01", "unknown_version"), ("2026-5-15", "invalid_format"), ("0", "invalid_format"),
     ("2026-05-15x", "invalid_format"), ("2026-05-1\N{SUPERSCRIPT ONE}".encode(), "invalid_format")],
)  # fmt: skip
def test_api_version_header_is_validated_and_echoed(
    client: httpx.Client, version: str | bytes, code: str | None
) -> None:
    response = client.get(
        "/v1/models", headers=[(b"Aurous-Version", version if isinstance(version, bytes) else version.encode())]
    )
    if code is None:
        assert response.status_code == 200
    else:
        assert response.status_code == 400
        assert (error_of(response)["code"], error_of(response)["param"]) == (code, "Aurous-Version")


def message(**fields: Any) -> dict[str, Any]:
    return {"messages": [fields]}


def json_schema(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


TEXT = {"role": "user", "content": "x"}
REFUSED: list[tuple[dict[str, Any], int, str, str | None]] = [
    ({"model": None}, 400, "invalid_format", "model"),
    ({"model": "m" * (LONGEST_MODEL + 1)}, 400, "value_out_of_range", "model"),
    ({"model": "no-such-model"}, 404, "resource_not_found", "model"),
    ({"model": "aurous-embed-vision-1.0"}, 400, "model_wrong_kind", "model"),
    ({"messages": []}, 400, "value_out_of_range", "messages"),
    ({"messages": [TEXT] * (MOST_MESSAGES + 1)}, 400, "value_out_of_range", "messages"),
    ({"messages": "hello"}, 400, "invalid_format", "messages"),
    (message(role="wizard", content="x"), 400, "invalid_format", "messages[0].role"),
    (message(content="x"), 400, "missing_field", "messages[0].role"),
    (message(role="user"), 400, "missing_field", "messages[0].content"),
    (message(role="user", content=7), 400, "invalid_format", "messages[0].content"),
    (message(role="tool", content="x"), 400, "missing_field", "messages[0].tool_call_id"),
    (message(role="user", content=[{"type": "text"}]), 400, "missing_field", "messages[0].content[0].text"),
    (message(role="user", content=[{"type": "sound"}]), 400, "invalid_format", "messages[0].content[0].type"),
    (message(role="user", content=[{"type": "image_url", "image_url": {"url": "ftp://x"}}]), 400, "invalid_format",
     "messages[0].content[0].image_url.url"),
    ({"max_tokens": 0}, 400, "value_out_of_range", "max_tokens"),
    ({"max_tokens": 2.5}, 400, "invalid_format", "max_tokens"),
    ({"max_tokens": "9"}, 400, "invalid_format", "max_tokens"),
    ({"max_tokens": 8193}, 400, "max_tokens_exceeds_hard_cap", "max_tokens"),
    ({"max_tokens": 1e300}, 400, "max_tokens_exceeds_hard_cap", "max_tokens"),
    ({"max_completion_tokens": 0}, 400, "value_out_of_range", "max_completion_tokens"),
    ({"max_completion_tokens": 2.5}, 400, "invalid_format", "max_completion_tokens"),
    ({"max_completion_tokens": "9"}, 400, "invalid_format", "max_completion_tokens"),
    ({"max_completion_tokens": 8193}, 400, "max_tokens_exceeds_hard_cap", "max_tokens"),
    ({"n": 2}, 400, "value_out_of_range", "n"),
    ({"n": 0}, 400, "value_out_of_range", "n"),
    ({"temperature": BOUNDS["temperature"]["minimum"] - 0.1}, 400, "value_out_of_range", "temperature"),
    ({"temperature": BOUNDS["temperature"]["maximum"] + 0.1}, 400, "value_out_of_range", "temperature"),
    ({"top_p": BOUNDS["top_p"]["maximum"] + 0.1}, 400, "value_out_of_range", "top_p"),
    ({"presence_penalty": BOUNDS["presence_penalty"]["minimum"] - 0.1}, 400, "value_out_of_range", "presence_penalty"),
    ({"frequency_penalty": BOUNDS["frequency_penalty"]["maximum"] + 0.1}, 400, "value_out_of_range",
     "frequency_penalty"),
    ({"top_logprobs": BOUNDS["top_logprobs"]["maximum"] + 1}, 400, "value_out_of_range", "top_logprobs"),
    ({"stop": ["a"] * (MOST_STOPS + 1)}, 400, "value_out_of_range", "stop"),
    ({"stop": "a" * (LONGEST_STOP + 1)}, 400, "value_out_of_range", "stop"),
    ({"stop": ["a" * (LONGEST_STOP + 1)]}, 400, "value_out_of_range", "stop[0]"),
    ({"stream": "yes"}, 400, "invalid_format", "stream"),
    ({"reasoning_effort": "extreme"}, 400, "invalid_format", "reasoning_effort"),
    ({"tool_choice": "required"}, 400, "tool_choice_required_unsupported", "tool_choice"),
    ({"response_format": {"type": "yaml"}}, 400, "invalid_format", "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, 400, "missing_field", "response_format.json_schema"),
    (json_schema(nested(6)), 400, "response_format_too_deep", "response_format"),
    (json_schema({"description": "x" * 10_240}), 400, "response_format_too_large", "response_format"),
    (message(role="user", content="a\0b"), 400, "invalid_format", "messages[0].content"),
    (message(role="user", content="x" * 1_100_000), 400, "max_input_tokens_exceeded", "messages"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "status", "code", "param"), REFUSED, ids=lambda value: str(value)[:60])
def test_invalid_request_gets_its_documented_code(
    client: httpx.Client, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    response = client.post(CREATE, json={**chat(), **fields})
    assert response.status_code == status
    error = error_of(response)
    assert (error["code"], error["param"]) == (code, param)
    assert schema("ErrorEnvelope").is_valid(response.json())


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_missing_member_is_named(client: httpx.Client, missing: str) -> None:
    body = chat()
    del body[missing]
    error = error_of(client.post(CREATE, json=body))
    assert (error["code"], error["param"]) == ("missing_field", missing)


ACCEPTED: list[dict[str, Any]] = [
    {"max_tokens": 1}, {"max_tokens": 8192}, {"max_tokens": 2.0}, {"temperature": 0}, {"top_p": 0},
    {"temperature": BOUNDS["temperature"]["maximum"]}, {"top_logprobs": BOUNDS["top_logprobs"]["maximum"]},
    {"top_p": 1}, {"stop": ["a" * LONGEST_STOP] * MOST_STOPS}, {"stop": ""}, {"seed": -1}, {"seed": 2.0},
    {"max_completion_tokens": 8192}, {"max_completion_tokens": 2.0}, {"max_completion_tokens": None, "n": None},
    {"user": "u", "n": 1, "parallel_tool_calls": False, "metadata": {"a": 1}}, {"messages": [TEXT] * MOST_MESSAGES},
    {"stream": False, "stream_options": {"include_usage": False}}, {"vision_quality": "xhigh"}, {"tools": []},
    {"tool_choice": {"type": "function", "function": {"name": "undeclared"}}},
    message(role="user", content=[{"type": "text", "text": "what is this?"}, IMAGE]), message(role="user", content=""),
    message(role="assistant", content=None), json_schema(nested(5)), json_schema({"description": "x" * 10_000}),
    message(role="user", content="\\u0000 is written with a backslash"),
]  # fmt: skip


@pytest.mark.parametrize("fields", ACCEPTED, ids=lambda value: str(value)[:60])
def test_values_at_the_bounds_are_accepted(client: httpx.Client, fields: dict[str, Any]) -> None:
    assert schema("ChatCompletion").is_valid(create(client, **fields))


NULLED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, dict.fromkeys(name for name in BOUNDS if name not in ("model", "messages"))),
    (message(role="user", content="x"), message(role="user", content="x", name=None)),
    (
        {"messages": [TEXT, {"role": "assistant", "content": "y"}, TEXT]},
        {"messages": [TEXT, {"role": "assistant", "content": "y", "tool_calls": None, "name": None}, TEXT]},
    ),
    (
        message(role="user", content=[IMAGE]),
        message(role="user", content=[{**IMAGE, "image_url": {**IMAGE["image_url"], "detail": None}}]),
    ),
    ({"stream_options": {}}, {"stream_options": {"include_usage": None}}),
    (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "description": None, "parameters": None}}]},
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": None, "schema": None}}},
    ),
]


@pytest.mark.parametrize(("absent", "null"), NULLED, ids=lambda value: str(value)[:60])
def test_null_for_an_optional_member_is_as_if_it_were_left_out(
    client: httpx.Client, absent: dict[str, Any], null: dict[str, Any]
) -> None:
    bodies = [create(client, **absent), create(client, **null)]
    assert bodies[0]["choices"] == bodies[1]["choices"]
    assert bodies[0]["usage"] == bodies[1]["usage"]


def test_null_inside_a_schema_that_is_passed_on_stays() -> None:
    contract = load().current
    match = contract.match("POST", CREATE)
    assert match is not None
    assert match[0].body is not None
    parameters = {"type": "object", "properties": {"unit": {"default": None, "enum": ["C", None]}}}
    body = chat(tools=[{"type": "function", "function": {"name": "f", "parameters": parameters}}], x_unknown=None)
    assert drop_null_members(match[0].body.content["application/json"], {**body, "seed": None}) == body


def test_null_for_a_required_member_is_refused(client: httpx.Client) -> None:
    for fields in (message(role="user", content=None), message(role="tool", content="x", tool_call_id=None)):
        assert error_of(client.post(CREATE, json=chat(**fields)))["code"] == "invalid_format"


@pytest.mark.parametrize("fields", [{"max_completion_tokens": 3}, {"max_completion_tokens": 3, "max_tokens": 50},
                                    {"max_completion_tokens": 50, "max_tokens": 3}], ids=str)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_max_completion_tokens_limits_the_answer_as_max_tokens_does(
    client: httpx.Client, fields: dict[str, Any], stream: bool
) -> None:
    response = client.post(CREATE, json=chat("Write 30 words.", stream=stream, **fields))
    body = response.json() if not stream else frames(response.text)[-1]
    assert body["usage"]["completion_tokens"] == 3
    assert body["choices"][0]["finish_reason"] == "length"
    assert create(client, text="Write 30 words.", max_tokens=3)["usage"]["completion_tokens"] == 3


def test_second_model_has_every_capability_and_calls_a_required_tool(client: httpx.Client) -> None:
    rows = {row["id"]: row["aurous_metadata"]["capabilities"] for row in client.get("/v1/models").json()["data"]}
    assert set(rows["aurous-mock-full"]) == {*rows["aurous-grow-2.0-pro"], "tool_choice_required"}
    tools = [WEATHER, {"type": "function", "function": {"name": "final_result"}}]
    asked = {"model": "aurous-mock-full", "tools": tools, "tool_choice": "required"}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    names = []
    for _ in tools:
        choice = create(client, **asked, messages=messages)["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        (call,) = choice["message"]["tool_calls"]
        names.append(call["function"]["name"])
        messages += [choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "4"}]
    assert names == ["get_weather", "final_result"]


@pytest.mark.parametrize(
    ("detail", "quality", "tokens"),
    [
        case
        for case in (
            ("low", None, 512),
            ("high", None, 1024),
            ("auto", None, 1024),
            ("high", "xhigh", 2048),
            ("low", "xhigh", 512),
        )
        if case[0] in DETAILS
    ],
)
def test_images_cost_prompt_tokens(client: httpx.Client, detail: str, quality: str | None, tokens: int) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": detail}}
    bare = {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}]}]}
    seen = {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}]}
    extra = {"vision_quality": quality} if quality else {}
    difference = (
        create(client, **seen, **extra)["usage"]["prompt_tokens"] - create(client, **bare)["usage"]["prompt_tokens"]
    )
    assert difference == tokens


def test_every_error_code_is_documented_or_required_by_http() -> None:
    documented = set(SPEC["components"]["x-error-codes"])
    given = {code for *_, code, _ in REFUSED} | {"missing_api_key", "invalid_api_key", "unknown_version"}
    assert given <= documented


def test_two_spec_files_serve_two_versions(tmp_path: Any) -> None:
    from aurous_mock.server.launcher import running

    older = tmp_path / "older.yaml"
    older.write_bytes(
        default_spec().read_bytes().replace(f'version: "{CURRENT}"'.encode(), b'version: "2025-01-01"', 1)
    )
    with running(specs=(older, default_spec())) as mock, connect(mock) as client:
        current = client.get("/v1/models", headers={"Aurous-Version": CURRENT})
        assert (current.status_code, current.headers["aurous-version"]) == (200, CURRENT)
        old = client.get("/v1/models", headers={"Aurous-Version": "2025-01-01"})
        assert (old.status_code, old.headers["aurous-version"]) == (200, "2025-01-01")


def test_json_responses_are_compact_utf8(client: httpx.Client) -> None:
    raw = client.post(CREATE, json=chat("naïve 漢字")).content
    assert raw == orjson.dumps(orjson.loads(raw))
