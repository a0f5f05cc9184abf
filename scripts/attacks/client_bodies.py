"""Attacks on the client by what a server sends, and how slowly."""

from __future__ import annotations

import functools
import os
import socket
import time
import zlib
from typing import Final

from aurous import AurousError, Timeouts
from aurous_mock.server.settings import DEFAULT_KEY

from attacks.client_kinds import KINDS, Client
from attacks.hostile_server import hostile_server, response
from attacks.memory import MIB, PeakMemory
from attacks.registry import Observations, attack

# MiB of an answer that the client takes, and how many times that it may need while it decodes and reports it.
MAX_BODY, MAX_FACTOR = 64, 4
# Seconds beyond its deadline after which a call has to have ended.
TOLERANCE: Final = 2.0
# Seconds after which a hostile server gives up, so that a client that hangs does not hang the attack.
MAX_SECONDS: Final = 15.0


@functools.cache
def _gzip(size: int, layers: int) -> bytes:
    """So many bytes of blanks in a JSON document, compressed once or several times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = b" " * MIB
    data = packer.compress(b"{") + b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()
    for _ in range(layers - 1):
        outer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        data = outer.compress(data) + outer.flush()
    return data


@attack("gzip-bomb", target="client")
def gzip_bomb(observed: Observations) -> None:
    """Sends small bodies that decompress to 512 MiB, in one coding and in two; the client stops at its limit."""
    bombs = {
        "gzip": response(_gzip(512 * MIB, 1), b"Content-Encoding: gzip", b"Content-Type: application/json"),
        "gzip, gzip": response(_gzip(512 * MIB, 2), b"Content-Encoding: gzip, gzip", b"Content-Type: application/json"),
    }
    limit = MAX_BODY * MAX_FACTOR
    for name, data in bombs.items():
        with hostile_server(lambda connection, _, data=data: connection.sendall(data)) as server:  # type: ignore[misc]
            for kind in KINDS:
                memory = PeakMemory(os.getpid())
                with Client(kind, DEFAULT_KEY, server.url, max_retries=0) as client:
                    ended = client.balance()
                growth = memory.growth()
                observed.figures[f"{name}, {kind}"] = f"{len(data):,} bytes sent, {ended}, memory +{growth:.0f} MiB"
                observed.check(
                    f"{name}, {kind}: ends in an AurousError", isinstance(ended.error, AurousError), str(ended)
                )
                observed.check(
                    f"{name}, {kind}: memory grows by at most {limit} MiB", growth <= limit, f"{growth:.0f} MiB"
                )


@attack("continue-flood", target="client")
def continue_flood(observed: Observations) -> None:
    """Sends `100 Continue` without end; a call ends at its deadline."""
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 500

    def respond(connection: socket.socket, _: bytes) -> None:
        over = time.monotonic() + MAX_SECONDS
        while time.monotonic() < over:
            connection.sendall(flood)
        raise OSError

    _check_deadline(observed, respond)


@attack("dripped-body", target="client")
def dripped_body(observed: Observations) -> None:
    """Sends a body byte by byte, each in time; a call ends at its deadline."""

    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        connection.settimeout(0.05)
        over = time.monotonic() + MAX_SECONDS
        while time.monotonic() < over:
            connection.sendall(b" ")
            try:
                # Waits without sleeping: the client sends nothing, and closing it ends this.
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
        raise OSError

    _check_deadline(observed, respond)


def _check_deadline(observed: Observations, respond: object) -> None:
    deadline = 1.0
    with hostile_server(respond) as server:  # type: ignore[arg-type]
        for kind in KINDS:
            timeout = Timeouts(read=deadline, total=deadline)
            with Client(kind, DEFAULT_KEY, server.url, max_retries=0, timeout=timeout) as client:
                ended = client.balance()
            observed.figures[kind] = f"deadline {deadline:g} s, {ended}"
            observed.check(
                f"{kind}: ends in an AurousError at its deadline",
                isinstance(ended.error, AurousError) and ended.seconds <= deadline + TOLERANCE,
                str(ended),
            )
