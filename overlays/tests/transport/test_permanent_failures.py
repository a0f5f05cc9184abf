"""Connections that can never be made: one attempt, and an error that says what to check."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aurous
import httpx
import pytest
import trio
from aurous_mock.server.launcher import Mock
from clientkit.callers import Make
from testkit.responses import KEY

pytestmark = pytest.mark.aurous_allow_hosts("api.aurous.test")

UNKNOWN_HOST = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
RESOLVER_DOWN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture
def resolve_to(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every lookup of a host fail."""

    def fail_with(error: socket.gaierror) -> None:
        def look_up(*_arguments: Any, **_options: Any) -> Any:
            raise error

        monkeypatch.setattr("socket.getaddrinfo", look_up)

    return fail_with


def attempts_of(make: Make, url: str) -> tuple[int, str]:
    """The number of attempts of a call that cannot connect, and the text of its error."""
    caller = make(url)
    with pytest.raises(aurous.APIConnectionError) as caught:
        caller.create()
    assert not caught.value.sent
    return len(caught.value.attempts), str(caught.value)


def test_unknown_host_is_tried_once(make: Make, resolve_to: Any) -> None:
    resolve_to(UNKNOWN_HOST)
    attempts, message = attempts_of(make, "https://api.aurous.test")
    assert attempts == 1
    assert message.startswith("POST https://api.aurous.test/v1/chat/completions: cannot connect: ")
    assert message.endswith("; there is no such host: check base_url, and the proxy if there is one")


def test_silent_resolver_is_asked_again(make: Make, resolve_to: Any) -> None:
    resolve_to(RESOLVER_DOWN)
    attempts, message = attempts_of(make, "https://api.aurous.test")
    assert attempts == 4
    assert "no such host" not in message


def test_https_to_a_port_for_http_is_tried_once(make: Make, mock: Mock) -> None:
    attempts, message = attempts_of(make, mock.url.replace("http:", "https:"))
    assert attempts == 1
    assert message.endswith("; is this an address for https? check base_url")


def test_own_http_client_tries_an_unknown_host_once(resolve_to: Any) -> None:
    resolve_to(UNKNOWN_HOST)
    with httpx.Client() as own, pytest.raises(aurous.APIConnectionError, match="there is no such host") as caught:
        aurous.Aurous(KEY, base_url="https://api.aurous.test", http_client=own).balance.retrieve()
    assert len(caught.value.attempts) == 1


@pytest.mark.parametrize("run", [lambda call: asyncio.run(call()), trio.run], ids=["asyncio", "trio"])
def test_own_async_http_client_tries_https_to_a_port_for_http_once(run: Any, mock: Mock) -> None:
    async def call() -> None:
        async with httpx.AsyncClient() as own:
            url = mock.url.replace("http:", "https:")
            await aurous.AsyncAurous(KEY, base_url=url, http_client=own).balance.retrieve()

    with pytest.raises(aurous.APIConnectionError, match="is this an address for https") as caught:
        run(call)
    assert len(caught.value.attempts) == 1


def test_stream_to_an_unknown_host_is_opened_once(make: Make, resolve_to: Any) -> None:
    resolve_to(UNKNOWN_HOST)
    with pytest.raises(aurous.APIConnectionError, match="there is no such host") as caught:
        make("https://api.aurous.test").stream()
    assert len(caught.value.attempts) == 1
