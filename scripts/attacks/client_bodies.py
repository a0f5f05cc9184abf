"""Attacks on the client by what a server sends, and how slowly."""

from __future__ import annotations

import functools
import os
import time
import zlib
from typing import Final

from aurous import AurousError
from client_kinds import KINDS
from testkit.raw_server import Action, Connection, raw, run_raw_server
from testkit.responses import response

from attacks.memory import MIB, PeakMemory
from attacks.registry import Observations, attack
from attacks.timed_client import TimedClient, check_deadline

# MiB of an answer that the client takes, and how many times that it may need while it decodes and reports it.
MAX_BODY, MAX_FACTOR = 64, 4
# Seconds after which a hostile server gives up, so that a client that hangs does not hang the attack.
MAX_SECONDS: Final = 15.0


@functools.cache
def compressed(size: int, layers: int) -> bytes:
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
        coding: response(200, compressed(512 * MIB, layers), headers={"Content-Encoding": coding})
        for layers, coding in ((1, "gzip"), (2, "gzip, gzip"))
    }
    limit = MAX_BODY * MAX_FACTOR
    for name, data in bombs.items():
        with run_raw_server(raw(data, then="keep")) as server:
            for kind in KINDS:
                memory = PeakMemory(os.getpid())
                with TimedClient(kind, base_url=server.url, max_retries=0) as client:
                    call_end = client.balance()
                growth = memory.growth()
                observed.figures[f"{name}, {kind}"] = f"{len(data):,} bytes sent, {call_end}, memory +{growth:.0f} MiB"
                observed.check(
                    f"{name}, {kind}: ends in an AurousError", isinstance(call_end.error, AurousError), str(call_end)
                )
                observed.check(
                    f"{name}, {kind}: memory grows by at most {limit} MiB", growth <= limit, f"{growth:.0f} MiB"
                )


@attack("continue-flood", target="client")
def continue_flood(observed: Observations) -> None:
    """Sends `100 Continue` without end; a call ends at its deadline."""
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 500

    def respond(connection: Connection) -> bool:
        over = time.monotonic() + MAX_SECONDS
        while time.monotonic() < over:
            connection.socket.sendall(flood)
        return False

    _check_deadline(observed, respond)


@attack("dripped-body", target="client")
def dripped_body(observed: Observations) -> None:
    """Sends a body byte by byte, each in time; a call ends at its deadline."""

    def respond(connection: Connection) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        over = time.monotonic() + MAX_SECONDS
        while time.monotonic() < over and not connection.over.wait(0.05):
            # Ends with an OSError once the client has closed the connection.
            connection.socket.sendall(b" ")
        return False

    _check_deadline(observed, respond)


def _check_deadline(observed: Observations, respond: Action) -> None:
    with run_raw_server(respond) as server:
        check_deadline(observed, server.url)
