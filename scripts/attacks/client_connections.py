"""Attacks on the client while it connects: by a resolver, and by a server that does not end its handshake."""

from __future__ import annotations

import socket
import threading
from typing import Any, Final
from unittest import mock

from testkit.raw_server import run_dripping_server

from attacks.registry import Observations, attack
from attacks.timed_client import check_deadline

# The head of a TLS record of 16 KiB, which never ends.
ENDLESS_RECORD: Final = b"\x16\x03\x03\x40\x00" + bytes(2**14 - 1)
# Seconds after which the resolver gives up, so that a client that hangs does not hang the attack.
_MAX_SECONDS: Final = 5.0


@attack("slow-resolver", target="client")
def slow_resolver(observed: Observations) -> None:
    """Answers no question for an address; a call ends at its deadline."""
    over = threading.Event()

    def look_up(*_arguments: Any, **_options: Any) -> list[Any]:
        over.wait(_MAX_SECONDS)
        raise socket.gaierror("the resolver gave up")

    with mock.patch("socket.getaddrinfo", look_up):
        check_deadline(observed, "http://server.invalid")
        # The event loop waits for its threads when it is closed.
        over.set()


@attack("slow-handshake", target="client")
def slow_handshake(observed: Observations) -> None:
    """Sends its part of a TLS handshake byte by byte; a call ends at its deadline."""
    with run_dripping_server(ENDLESS_RECORD) as address:
        check_deadline(observed, f"https://{address}")
