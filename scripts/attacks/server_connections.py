"""Attacks on the server by connections, without a key."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Final

from attacks.memory import MIB
from attacks.registry import Observations, attack
from attacks.target_server import TargetServer, running_server

# Seconds that the server may wait for the rest of a request's head or body.
MAX_HEAD_SECONDS: Final = 30.0
# MiB that all of an attack's connections may cost.
MAX_GROWTH: Final = 50.0


@attack("pipelining", target="server")
def pipelining(observed: Observations) -> None:
    """Pipelines requests on many connections and reads no response; memory stays bounded, also after the close."""
    request = b"GET /v1/balance HTTP/1.1\r\nHost: a\r\n\r\n"
    block = request * (64 * 1024 // len(request))
    with running_server() as server, contextlib.ExitStack() as stack:
        server.memory.reset()
        connections = [stack.enter_context(server.connect()) for _ in range(30)]
        sent = sum(_send_until_blocked(connection, block, limit=2 * MIB) for connection in connections)
        _check_served(observed, server)
        growth = server.memory.growth()
        stack.close()
        _check_served(observed, server, "other callers are served after the close")
        held = max(server.memory.current() - server.memory.before, 0.0)
        observed.figures |= {
            "bytes accepted": sent,
            "memory growth": f"{growth:.1f} MiB",
            "kept after the close": f"{held:.1f} MiB",
        }
        observed.check(f"memory grows by at most {MAX_GROWTH:g} MiB", growth <= MAX_GROWTH, f"{growth:.1f} MiB")


def _send_until_blocked(connection: socket.socket, block: bytes, *, limit: int) -> int:
    """Send until the peer accepts no more for half a second, closes, or the limit is reached; the bytes sent."""
    connection.setblocking(False)
    sent = 0
    while sent < limit:
        if not select.select([], [connection], [], 0.5)[1]:
            break
        try:
            sent += connection.send(block)
        except OSError:
            break
    return sent


@attack("endless-head", target="server")
def endless_head(observed: Observations) -> None:
    """Sends heads with endless headers, and with one endless header value; each is refused early."""
    kinds = {"endless headers": b"X-Header: value\r\n" * 4096, "an endless value": b"x" * 65536}
    with running_server() as server:
        for name, block in kinds.items():
            server.memory.reset()
            with server.connect() as connection:
                connection.sendall(b"GET /v1/balance HTTP/1.1\r\nHost: a\r\nX-First: ")
                sent = _send_until_blocked(connection, block, limit=20 * MIB)
            growth = server.memory.growth()
            observed.figures[name] = f"{sent:,} bytes accepted, memory +{growth:.1f} MiB"
            observed.check(f"{name}: refused before 4 MiB", sent < 4 * MIB, f"{sent:,} bytes accepted")
            observed.check(f"{name}: memory grows by at most {MAX_GROWTH:g} MiB", growth <= MAX_GROWTH)
        _check_served(observed, server)


@attack("slow-head", target="server", slow=True)
def slow_head(observed: Observations) -> None:
    """Opens connections and sends half a head or half a body; the server closes them within its deadline."""
    half_head = b"GET /v1/balance HTTP/1.1\r\nHost: a\r\n"
    half_body = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    with running_server() as server, contextlib.ExitStack() as stack:
        for name, data in {"half a head": half_head, "half a body": half_body}.items():
            connections = [stack.enter_context(server.connect()) for _ in range(50)]
            for connection in connections:
                connection.sendall(data)
            closed, seconds = _wait_closed(connections, MAX_HEAD_SECONDS)
            observed.figures[name] = f"{closed} of {len(connections)} connections closed after {seconds:.1f} s"
            observed.check(
                f"{name}: every connection is closed within {MAX_HEAD_SECONDS:g} s", closed == len(connections)
            )
        _check_served(observed, server)


def _wait_closed(connections: list[socket.socket], timeout: float) -> tuple[int, float]:
    """How many of the connections the peer has closed within the timeout, and after how many seconds the last."""
    began, waiting, last = time.monotonic(), list(connections), 0.0
    while waiting and (left := timeout - (time.monotonic() - began)) > 0:
        for connection in select.select(waiting, [], [], left)[0]:
            with contextlib.suppress(OSError):
                if connection.recv(65536):
                    continue
            waiting.remove(connection)
            last = time.monotonic() - began
    return len(connections) - len(waiting), last


@attack("idle-connections", target="server", slow=True)
def idle_connections(observed: Observations) -> None:
    """Opens 400 connections and sends nothing; other callers are served, and the server closes idle ones."""
    with running_server() as server, contextlib.ExitStack() as stack:
        connections = []
        for _ in range(400):
            with contextlib.suppress(OSError):
                connections.append(stack.enter_context(server.connect(timeout=5)))
        _check_served(observed, server)
        closed, seconds = _wait_closed(connections, MAX_HEAD_SECONDS)
        observed.figures["connections"] = f"{len(connections)} opened, {closed} closed after {seconds:.1f} s"
        observed.check(
            f"every idle connection is closed within {MAX_HEAD_SECONDS:g} s", closed == len(connections), f"{closed}"
        )


def _check_served(observed: Observations, server: TargetServer, claim: str = "other callers are served") -> None:
    try:
        status, _ = server.request("GET", "/v1/balance")
    except OSError as error:
        observed.check(claim, passed=False, detail=str(error))
    else:
        observed.check(claim, status == 200, f"status {status}")
