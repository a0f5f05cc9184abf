"""A network backend for httpcore whose connections keep the deadlines of the threads that use them."""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore

from .deadlines import DEADLINE, MINIMUM
from .keepalive import is_readable

_WRITE_SIZE: Final = 64 * 1024


class DeadlineStream(httpcore.NetworkStream):
    """A connection. Its reads and writes end at their timeout or at the deadline of the thread, whichever is first."""

    remaining: Callable[[], float] | None = None
    """The seconds that each read may wait, in place of timeout and deadline; for streams, which outlive their call."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            seconds = DEADLINE.limit(timeout) if self.remaining is None else max(self.remaining(), MINIMUM)
            self._socket.settimeout(seconds)
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            while buffer:
                self._socket.settimeout(DEADLINE.limit(timeout))
                size = self._socket.send(buffer[:_WRITE_SIZE])
                buffer = buffer[size:]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> DeadlineStream:
        with _connect_errors():
            try:
                # The timeout bounds the whole handshake, not each of its reads.
                self._socket.settimeout(DEADLINE.limit(timeout))
                return DeadlineStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> Any:
        if info == "socket":
            return self._socket
        if info == "is_readable":
            return is_readable(self._socket)
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        return None


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within a timeout that includes the resolver and all addresses of a host."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> DeadlineStream:
        with _connect_errors():
            seconds = DEADLINE.limit(timeout)
            deadline = None if seconds is None else time.monotonic() + seconds
            connection = _connect(_resolve(host, port, seconds), deadline)
            try:
                for option in (*(socket_options or ()), (socket.IPPROTO_TCP, socket.TCP_NODELAY, True)):
                    connection.setsockopt(*option)
            except BaseException:
                connection.close()
                raise
            return DeadlineStream(connection)


def _connect(addresses: list[Any], deadline: float | None) -> socket.socket:
    """A connection to the first address that accepts one. Each has an equal share of the remaining time."""
    failure: OSError = OSError("the host has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            if deadline is not None:
                share = (deadline - time.monotonic()) / (len(addresses) - position)
                connection.settimeout(max(share, MINIMUM))
            connection.connect(address)
            return connection
        except OSError as error:
            failure = error
            connection.close()
        except BaseException:
            connection.close()
            raise
    raise failure


def _resolve(host: str, port: int, timeout: float | None) -> list[Any]:
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


@contextmanager
def _connect_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
