"""Before a run: keys and environments that allow no request are named, and proxies are, where no server is found."""

from __future__ import annotations

import json

import pytest
from answering_server import answering, response
from harness import preflight
from harness.client.api_client import ApiClient
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.settings import Settings

KEY = "al_live_" + "7" * 64


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "ftp://me:secret@proxy"),
        ("HTTPS_PROXY", "http://proxy:port"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_faulty_proxy_or_certificate_of_the_environment_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    problem = preflight.option_problem("https://127.0.0.1:1", KEY)
    assert problem is not None
    assert name in problem
    assert "secret" not in problem


@pytest.mark.parametrize("key", ["al_live_\r", "al live", "schlüssel", "\x01"])
def test_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    problem = preflight.option_problem("http://127.0.0.1:1", key)
    assert problem is not None
    assert "cannot be part of a key" in problem
    assert key not in problem


def test_proxy_of_the_environment_is_named_where_no_server_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda server, head: [response(502, b"<title>Bad Gateway</title>", "text/html")]) as server:
        monkeypatch.setenv("http_proxy", server.url.replace("://", "://me:secret@"))
        monkeypatch.delenv("no_proxy", raising=False)
        problem = preflight.problem_at("http://aurous.invalid", KEY)
    assert problem is not None
    assert f"through the proxy {server.url} of the environment" in problem


def test_embedded_mock_is_reached_without_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"object": "list", "data": []}).encode()
    with answering(lambda server, head: [response(200, body)]) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        settings = Settings(server.url, KEY, None, "2026-05-15", embedded=True)
        client = ApiClient(settings, Recorder(), SpendLimit())
        try:
            assert client.models().status == 200
        finally:
            client.close()
