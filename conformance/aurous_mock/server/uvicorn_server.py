"""Runs the application on uvicorn in this process, with graceful startup and shutdown."""

import asyncio
import gc
import logging
import math
import signal
import socket
from collections.abc import Callable

import orjson
import uvicorn

from aurous_mock import identifiers, log
from aurous_mock.contract.spec import Contract, ContractError
from aurous_mock.errors import APIError, SettingsError, envelope
from aurous_mock.server.application import Application
from aurous_mock.server.bounded_protocol import make_protocol
from aurous_mock.settings import Settings

_GRACEFUL_SECONDS = 5
# What is not done after the grace is cancelled, and has this long to store its end and answer.
_CANCEL_SECONDS = 2
_BACKLOG = 2048


class Server(uvicorn.Server):
    """A uvicorn server that reports when it is ready, and ends its streams before it waits for connections.

    ready: called when requests are accepted
    """

    def __init__(self, settings: Settings, ready: Callable[[], None], grace: float = _GRACEFUL_SECONDS) -> None:
        self.application = Application(settings)
        self._ready = ready
        self._grace = grace
        config = uvicorn.Config(
            self.application.asgi,
            http=make_protocol(lambda: _bad_request(self.application.contracts.current, settings)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            # The address of a connection decides who may use /_mock/: no header may change it.
            proxy_headers=False,
            timeout_graceful_shutdown=math.ceil(grace) + _CANCEL_SECONDS,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.application.service.interrupt_all()
        timer = asyncio.get_running_loop().call_later(self._grace, self._cancel_requests)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _cancel_requests(self) -> None:
        """Cancel what still runs: the application answers it with an error."""
        for task in list(self.server_state.tasks):
            task.cancel()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, on a free port for port 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a socket that `bind` returned."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in this process until a signal ends it, and call `ready` when requests are accepted."""
    # Standard error has only the access log and tracebacks.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    server = make_server(settings, ready)
    # What exists so far stays, and few requests leave cyclic garbage: collecting as often as by default would cost a
    # tenth of the time.
    gc.freeze()
    gc.set_threshold(20_000, 5, 5)
    # uvicorn raises the signal again after its shutdown; ignore it, so that the exit status is 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run([listener])


def make_server(settings: Settings, ready: Callable[[], None]) -> Server:
    """Raises SettingsError if the settings cannot be used."""
    try:
        return Server(settings, ready)
    except ContractError as error:
        raise SettingsError(str(error)) from error


def _bad_request(contract: Contract, settings: Settings) -> bytes:
    """The response to bytes that are not an HTTP request."""
    request_id = identifiers.new("req_")
    if settings.access_log:
        log.write_line(f"{request_id} - - 400 0.0ms -")
    error = APIError("invalid_format", "This is not a valid HTTP request.")
    body = orjson.dumps(envelope(error, contract.code(error.code), request_id))
    head = (
        "HTTP/1.1 400 Bad Request\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        f"aurous-request-id: {request_id}\r\naurous-version: {contract.version}\r\n\r\n"
    )
    return head.encode() + body
