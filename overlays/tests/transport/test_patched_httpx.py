"""Tools that patch httpx, to observe requests or to answer them, see the calls of every client."""

from __future__ import annotations

import functools
from typing import Any

import aurous
import httpcore
import httpx
import pytest
from aurous.transport import patched_httpx
from clientkit.callers import Caller, Time
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, completion

# As Sentry and Datadog observe calls, as OpenTelemetry observes and pytest-httpx answers them, and as respx does.
CLIENTS = (httpx.Client, "send"), (httpx.AsyncClient, "send")
TRANSPORTS = (httpx.HTTPTransport, "handle_request"), (httpx.AsyncHTTPTransport, "handle_async_request")
POOLS = (httpcore.ConnectionPool, "handle_request"), (httpcore.AsyncConnectionPool, "handle_async_request")
PLACES = pytest.mark.parametrize("places", [CLIENTS, TRANSPORTS, POOLS], ids=["clients", "transports", "pools"])
KINDS = pytest.mark.parametrize("kind", ["sync", "httpx", "auto"])


def make(kind: str, url: str) -> Caller:
    caller = Caller("sync" if kind == "sync" else "async", Time(), url)
    if kind != "sync":
        caller.client = aurous.AsyncAurous(KEY, base_url=url, backend=kind)
    return caller


class Proxy:
    """Stands for a function, as the wrappers of wrapt do."""

    __class__ = type(make)  # type: ignore[assignment]

    def __init__(self, function: Any) -> None:
        self._function = function

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else functools.partial(self._function, instance)


@PLACES
@KINDS
@pytest.mark.parametrize("is_proxy", [False, True])
def test_observer_sees_calls_also_of_clients_made_before(
    is_proxy: bool, kind: str, places: Any, wire: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.plays(GOOD)
    caller = make(kind, wire.url)
    caller.create()
    seen: list[str] = []
    with monkeypatch.context() as patch:
        for owner, name in places:
            original = getattr(owner, name)

            @functools.wraps(original)
            def observe(*arguments: Any, _original: Any = original, **options: Any) -> Any:
                seen.append("seen")
                return _original(*arguments, **options)

            patch.setattr(owner, name, Proxy(observe) if is_proxy else observe)
        caller.create()
    caller.create()
    assert seen == ["seen"]
    assert len(wire.requests) == 3
    caller.close()


@KINDS
def test_mocked_transport_answers_calls(kind: str, wire: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: Any, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=completion("Mocked."))

    async def answer_later(_: Any, request: httpx.Request) -> httpx.Response:
        return answer(_, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer_later)
    caller = make(kind, wire.url)
    assert caller.create().choices[0].message.content == "Mocked."
    assert wire.requests == []
    caller.close()


def test_plain_httpx_is_not_patched() -> None:
    assert not patched_httpx.is_patched()
    assert not patched_httpx.is_async_patched()
