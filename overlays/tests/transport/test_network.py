"""Connecting: a call ends at its deadline while a host is looked up, and during the handshake of TLS."""

from __future__ import annotations

import errno
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import aurous
import httpcore
import pytest
import trio
from aurous._config.secret import Secret
from aurous.transport.effects import SendRequest
from aurous.transport.httpcore_client import DeadlineBackend, DeadlineStream, RequestTimeouts
from aurous.transport.network import connect
from clientkit.callers import Make
from testkit.conditions import PATIENCE
from testkit.raw_server import run_dripping_server
from testkit.responses import KEY

# The head of a TLS record, of which the rest never comes.
RECORD = b"\x16\x03\x03\x40\x00" + bytes(1000)
DEADLINE = aurous.Timeouts(total=0.3)


@contextmanager
def silent_resolver() -> Iterator[None]:
    over = threading.Event()

    def look_up(*_arguments: Any, **_options: Any) -> list[Any]:
        over.wait()
        raise socket.gaierror("over")

    with mock.patch("socket.getaddrinfo", look_up):
        try:
            yield
        finally:
            over.set()


def test_call_ends_at_its_deadline_while_the_resolver_is_silent(make: Make) -> None:
    caller = make("http://localhost", max_retries=0, timeout=DEADLINE)
    with silent_resolver(), pytest.raises(aurous.APITimeoutError):
        caller.run(lambda client: client.balance.retrieve())


@pytest.mark.parametrize("answer", [b"", RECORD], ids=["silent", "dripped"])
def test_call_ends_at_its_deadline_during_a_tls_handshake(make: Make, answer: bytes) -> None:
    with run_dripping_server(answer) as address:
        caller = make(f"https://{address}", max_retries=0, timeout=DEADLINE)
        with pytest.raises(aurous.APITimeoutError):
            caller.run(lambda client: client.balance.retrieve())


@contextmanager
def silent_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """An address of which nothing is answered, and what waits until its client has disconnected."""

    def wait() -> None:
        peer, _ = listener.accept()
        with peer, suppress(ConnectionResetError):
            peer.settimeout(PATIENCE)
            while peer.recv(4096):
                pass

    gc.disable()
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}", wait
    finally:
        gc.enable()


def test_deadline_during_a_tls_handshake_closes_the_connection(make: Make) -> None:
    with silent_server() as (url, wait_for_disconnect):
        caller = make(url, max_retries=0, timeout=DEADLINE)
        with pytest.raises(aurous.APITimeoutError):
            caller.run(lambda client: client.balance.retrieve())
        # An event loop closes sockets in its next turn.
        caller.run(lambda client: client.close())
        wait_for_disconnect()


def test_deadline_during_a_tls_handshake_closes_the_connection_of_trio() -> None:
    async def main(url: str) -> None:
        async with aurous.AsyncAurous(KEY, base_url=url, max_retries=0, timeout=DEADLINE) as client:
            with pytest.raises(aurous.APITimeoutError):
                await client.balance.retrieve()
            await trio.to_thread.run_sync(wait_for_disconnect)

    with silent_server() as (url, wait_for_disconnect):
        trio.run(main, url)


def make_timeouts() -> Any:
    seconds = {"connect": 5.0, "pool": 5.0, "read": 5.0, "write": 5.0, "total": 5.0}
    request = SendRequest("GET", "http://127.0.0.1", (), {}, Secret(""), None, **seconds, streams=False)
    return RequestTimeouts(request, time.monotonic() + 5)


def test_reads_are_large_only_while_there_is_much_data() -> None:
    ours, peer = socket.socketpair()
    with ours, peer:
        stream, timeouts, limit = DeadlineStream(ours), make_timeouts(), 64 * 1024
        sizes = []
        for size in (100, 20_000, 30_000, 100, 10_000):
            data = b"x" * size
            peer.sendall(data)
            received = b""
            while len(received) < len(data):
                received += stream.read(limit, timeouts)
                sizes.append(len(received))
            assert received == data
        assert sizes == [100, 4096, 20_000, 30_000, 100, 4096, 10_000]
        peer.sendall(b"x" * 100)
        assert stream.read(10, timeouts) == b"x" * 10


def test_refused_socket_option_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[socket.socket] = []
    original = socket.socket.connect

    def record(self: socket.socket, address: Any) -> None:
        original(self, address)
        connections.append(self)

    monkeypatch.setattr(socket.socket, "connect", record)
    timeouts = make_timeouts()
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(httpcore.ConnectError):
        DeadlineBackend().connect_tcp(
            "127.0.0.1", listener.getsockname()[1], timeouts, socket_options=[(socket.IPPROTO_IP, 9999, 1)]
        )
    assert [connection.fileno() for connection in connections] == [-1]


def test_address_of_a_family_that_the_machine_does_not_have_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutIPv6(socket.socket):
        def __init__(self, family: int, *arguments: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *arguments)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        known = [(socket.AF_INET6, 1, 6, "", ("::1", address[1], 0, 0)), (socket.AF_INET, 1, 6, "", address)]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: known)
        with monkeypatch.context() as patch:
            patch.setattr("socket.socket", WithoutIPv6)
            connect("localhost", address[1], 5.0).close()
            del known[1]
            with pytest.raises(OSError, match="Address family not supported"):
                connect("localhost", address[1], 5.0)
