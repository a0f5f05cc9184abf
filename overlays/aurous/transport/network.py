"""Connects sockets, within a timeout that includes the resolver and all addresses of a host, and disconnects them."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from .effects import MIN_TIMEOUT


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connected socket. Raises OSError, which a TimeoutError is too."""
    deadline = time.monotonic() + timeout
    addresses = _resolve(host, port, timeout)
    failure: OSError = OSError("the host has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            connection = socket.socket(family, kind, protocol)
        except OSError as error:
            # Of a family that this machine does not have, as many containers have no IPv6.
            failure = error
            continue
        try:
            # Each address has an equal share of the remaining time.
            share = (deadline - time.monotonic()) / (len(addresses) - position)
            connection.settimeout(max(share, MIN_TIMEOUT))
            connection.connect(address)
            return connection
        except OSError as error:
            failure = error
            connection.close()
        except BaseException:
            connection.close()
            raise
    raise failure


def _resolve(host: str, port: int, timeout: float) -> list[Any]:
    """The addresses of a host. Raises TimeoutError: getaddrinfo has no timeout, so a thread of its own calls it."""
    if _is_ip_address(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    results: queue.SimpleQueue[list[Any] | BaseException] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            results.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:
            results.put(error)

    # A daemon, so that a resolver that hangs does not keep the process alive.
    threading.Thread(target=look_up, name="aurous-resolver", daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError("the host name was not resolved in time") from None
    if isinstance(result, BaseException):
        raise result
    return result


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def close_unread(chunks: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
    """Close a body that was not read to its end, also if the task is cancelled.

    chunks: the generator that reads it
    close:  closes its response
    """
    import anyio

    with anyio.CancelScope(shield=True):
        # Whatever is wrong with the rest of a body that nobody reads.
        with anyio.CancelScope() as scope, suppress(Exception):
            # Cancellation makes the library's generators clean up, the innermost first. Otherwise they would when they
            # are garbage-collected, which trio warns of.
            scope.cancel()
            while await anext(chunks, None) is not None:
                pass
        await close()


def shut_down(network_stream: Any) -> None:
    """End a connection of httpcore at once, from any thread and without its event loop. It must be closed all the same.

    The caller makes sure that nothing else uses the connection.
    """
    if network_stream is not None:
        shut_down_socket(network_stream.get_extra_info("socket"))


def shut_down_socket(connected: Any) -> None:
    """As `shut_down`, for a socket or an object like one."""
    # Those of uvloop refuse with TypeError; they are closed by their loop.
    with suppress(OSError, AttributeError, TypeError):
        connected.shutdown(socket.SHUT_RDWR)
