"""The models of an upstream server: asked for at the start, offered under their own names or others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aurous_mock.contract.model_catalogue import ModelMapping, Rates
from aurous_mock.errors import SettingsError
from aurous_mock.server import cli
from aurous_mock.settings import Settings
from aurous_mock.upstream.models import with_models
from gatewaykit import Gateway, completion, run_gateway
from mockkit import WEATHER, chat, connect, error_of, failing
from testkit.raw_server import Action, RawServer, raw, run_raw_server
from testkit.responses import HTML, answer
from testkit.sockets import free_port

ROWS: list[dict[str, Any]] = [
    {"id": "llama3:8b", "object": "model", "max_model_len": 8192},
    {"id": "grown", "kind": "chat", "chat_pricing": {"input": {"credits_per_M": 3}, "output": {"credits_per_M": 5}},
     "aurous_metadata": {"context_window": 1000, "capabilities": ["tools"], "max_output_tokens_hard_cap": 50}},
    {"id": "embed", "kind": "embedding"},
    {"id": "also-embed", "mode": "embedding"},
    {"id": 7},
]  # fmt: skip
HELLO = answer(200, completion({"content": "Hello."}))


@contextmanager
def listing(*actions: Action) -> Iterator[RawServer]:
    with run_raw_server(*(actions or (answer(200, {"object": "list", "data": ROWS}),))) as server:
        yield server


def offered(server: RawServer, **options: Any) -> dict[str, Any]:
    return {model.id: model for model in with_models(Settings(upstream=f"{server.url}/v1", **options)).models}


def test_all_models_of_the_list_are_offered_with_what_their_rows_say() -> None:
    with listing() as server:
        models = offered(server, upstream_key="k")
        assert set(models) == {"llama3:8b", "grown"}
        assert models["llama3:8b"].context_window == 8192
        assert "tool_choice_required" in models["llama3:8b"].capabilities
        grown = models["grown"]
        assert (grown.context_window, grown.capabilities, grown.rates) == (1000, ("tools",), Rates(3, 5))
        assert (grown.max_output_tokens_hard_cap, grown.default_max_output_tokens) == (50, 50)
        assert server.requests[0].line == "GET /v1/models HTTP/1.1"
        assert server.requests[0].header("Authorization") == "Bearer k"


def test_mapped_models_are_offered_alone_and_asked_for_by_their_names() -> None:
    mappings = (ModelMapping("fast", "llama3:8b", Rates(1, 2)), ModelMapping("best", "grown"))
    with run_gateway(upstream_model=None, model_mappings=mappings) as gateway:
        rows = gateway.client.get("/v1/models").json()["data"]
        assert [row["id"] for row in rows] == ["fast", "best"]
        assert rows[0]["chat_pricing"] == {"input": {"credits_per_M": 1}, "output": {"credits_per_M": 2}}
        body = gateway.call(HELLO, model="fast").json()
        assert (body["model"], body["usage"]["breakdown"]["model"]) == ("fast", "fast")
        assert body["usage"]["credits_charged"] == pytest.approx((9 * 1 + 2 * 2) / 1e6)
        assert gateway.asked[0]["model"] == "llama3:8b"
        assert error_of(gateway.call(HELLO, model="llama3:8b"))["code"] == "resource_not_found"


def test_required_tool_choice_is_forwarded_where_the_model_has_it() -> None:
    with run_gateway(upstream_model=None) as gateway:
        assert gateway.call(HELLO, model="llama", tools=[WEATHER], tool_choice="required").status_code == 200
        assert gateway.asked[0]["tool_choice"] == "required"
    with listing() as server, _running(server) as gateway:
        refused = gateway.client.post(
            "/v1/chat/completions", json=chat(model="grown", tools=[WEATHER], tool_choice="required")
        )
        assert error_of(refused)["code"] == "tool_choice_required_unsupported"


@contextmanager
def _running(server: RawServer) -> Iterator[Gateway]:
    from aurous_mock.server.launcher import running

    with running(upstream=f"{server.url}/v1") as mock, connect(mock) as client:
        yield Gateway(mock, client, server)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (answer(401, {}), "answered 401: check --upstream-key"),
        (answer(301, b"", headers={"Location": "/"}), "redirects"),
        (answer(200, HTML), "is not an OpenAI-compatible server"),
        (answer(200, {"data": "x"}), "data is a string in place of a list"),
        (answer(200, {"data": []}), "has no models"),
        (answer(404, {}), "answered 404; check --upstream, or name the models to offer"),
        (answer(500, HTML), "name the models to offer: --model NAME=UPSTREAM"),
        (raw(b"SSH-2.0-OpenSSH_9\r\n"), "cannot reach the upstream server"),
        (raw(b""), "cannot reach the upstream server"),
    ],
)
def test_server_that_is_not_what_it_should_be_is_a_clear_line(action: Action, says: str) -> None:
    with listing(action) as server, pytest.raises(SettingsError) as refused:
        offered(server)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "ftp://me:secret@proxy"), ("NO_PROXY", "[::1"), ("SSL_CERT_FILE", "/nowhere/ca.pem")],
)
def test_faulty_proxy_or_certificate_of_the_environment_is_a_clear_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        with_models(Settings(upstream="https://127.0.0.1:9/v1"))
    assert name in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_forgotten_v1_is_suggested() -> None:
    with listing(answer(404, {}), answer(200, {"data": ROWS})) as server, pytest.raises(SettingsError) as refused:
        with_models(Settings(upstream=server.url))
    assert f"did you mean --upstream {server.url}/v1?" in str(refused.value)


def test_wrong_address_ends_the_command_with_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    line = failing(capsys, "--upstream", url, "--upstream-key", "sk-0123456789")
    assert line.startswith(f"aurous-mock: cannot reach the upstream server at {url}")
    assert "sk-0123456789" not in line


def test_password_of_an_upstream_address_is_in_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    line = failing(capsys, "--upstream", f"http://user:sesame@127.0.0.1:{port}/v1")
    assert f"cannot reach the upstream server at http://127.0.0.1:{port}/v1" in line
    assert "sesame" not in line
    for response in (answer(401, {}), answer(302, {}), answer(200, b"<html>"), answer(200, {"data": []})):
        with listing(response) as server, pytest.raises(SettingsError) as refused:
            with_models(Settings(upstream=server.url.replace("//", "//user:sesame@")))
        assert server.url in str(refused.value)


def test_server_without_a_list_is_used_where_models_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with listing(answer(404, {})) as server:
        assert set(offered(server, model_mappings=(ModelMapping("a", "b"),))) == {"a"}
        assert set(offered(server, upstream_model="b")) == {"aurous-grow-2.0-pro", "aurous-mock-full"}
    assert "answered 404" in capsys.readouterr().err


def test_model_that_is_not_listed_is_said_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with listing() as server:
        offered(server, model_mappings=(ModelMapping("a", "lama"),))
    assert "does not list lama; it lists llama3:8b, grown" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("fast=llama3:8b", ModelMapping("fast", "llama3:8b")),
        ("fast=llama3:8b:75/450", ModelMapping("fast", "llama3:8b", Rates(75, 450))),
        ("fast=org/model=x", ModelMapping("fast", "org/model=x")),
    ],
)
def test_model_flag_is_read(text: str, mapping: ModelMapping) -> None:
    settings = cli.read(["--upstream", "http://127.0.0.1:9/v1", "--model", text])
    assert settings.model_mappings == (mapping,)


@pytest.mark.parametrize(
    "flags",
    [
        ["--model", "a=b"],
        ["--upstream", "http://127.0.0.1:9/v1", "--model", "fast"],
        ["--upstream", "http://127.0.0.1:9/v1", "--model", "a=b", "--model", "a=c"],
        ["--upstream", "http://127.0.0.1:9/v1", "--model", "a=b", "--upstream-model", "c"],
        ["--upstream", "http://127.0.0.1:9/v1", "--upstream-dialect", "french"],
        ["--cors", "localhost:3000"],
        ["--cors", "http://localhost:3000/path"],
    ],
    ids=" ".join,
)
def test_flags_that_make_no_sense_end_with_one_line(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.read(flags)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_settings_of_workers_have_the_models() -> None:
    with listing() as server:
        models = with_models(Settings(upstream=f"{server.url}/v1", workers=2)).models
    assert json.dumps([model.row()["id"] for model in models]) == '["llama3:8b", "grown"]'
