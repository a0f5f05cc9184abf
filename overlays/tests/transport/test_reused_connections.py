"""Reused connections: never stale, never idle for long, probed by the system; and heads as large as they come."""

from __future__ import annotations

import gc
import socket
import threading
import time
from urllib.parse import urlsplit

import aiohttp.connector
import pytest
from clientkit.callers import Make
from testkit.raw_server import Action, Connection, RawServer
from testkit.responses import GOOD, WHOLE, answer, completion


def closes_afterwards(closed: threading.Event) -> Action:
    """Answer, and close the connection without saying so."""

    def act(connection: Connection) -> bool:
        connection.send(WHOLE)
        connection.socket.shutdown(socket.SHUT_RDWR)
        closed.set()
        return False

    return act


def test_connection_that_the_server_has_closed_costs_no_attempt(wire: RawServer, make: Make) -> None:
    closed = threading.Event()
    wire.plays(closes_afterwards(closed))
    caller = make(wire.url, max_retries=0)
    for _ in range(10):
        assert caller.create().status == "completed"
        assert closed.wait(10)
        closed.clear()
    assert (len(wire.requests), wire.connections) == (10, 10)


@pytest.mark.parametrize(("seconds", "connections"), [(40, 1), (50, 2)])
def test_connection_that_idled_as_long_as_load_balancers_allow_is_not_reused(
    seconds: int, connections: int, wire: RawServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, passed = time.monotonic, 0.0
    for module in (time, aiohttp.connector):
        monkeypatch.setattr(module, "monotonic", lambda: real() + passed)
    wire.plays(GOOD)
    caller = make(wire.url)
    caller.create()
    passed = seconds
    caller.create()
    assert wire.connections == connections


def test_connections_are_probed(wire: RawServer, make: Make) -> None:
    wire.plays(GOOD)
    make(wire.url).create()
    address = ("127.0.0.1", urlsplit(wire.url).port)
    connected = [each for each in gc.get_objects() if type(each) is socket.socket and each.fileno() >= 0]
    ours = [each for each in connected if each.type == socket.SOCK_STREAM and peer_of(each) == address]
    assert ours
    assert all(each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for each in ours)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert {each.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) for each in ours} == {60}


def peer_of(connected: socket.socket) -> object:
    try:
        return connected.getpeername()
    except OSError:
        return None


@pytest.mark.parametrize(
    "headers",
    [{"X-Large": "x" * 60_000}, {f"X-Field-{number}": "x" for number in range(200)}],
    ids=["a field of 60,000 bytes", "200 fields"],
)
def test_large_head_of_a_response_is_read(headers: dict[str, str], wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, completion(), headers=headers))
    assert make(wire.url, max_retries=0).create().status == "completed"
