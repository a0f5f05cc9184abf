"""Runs the application on uvicorn: one process or several on one socket, with a clean start and a clean end."""

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess

import orjson
import uvicorn

from aurous_mock import identifiers, wire
from aurous_mock.application import Application
from aurous_mock.contract import Contract, ContractError
from aurous_mock.errors import Refused, envelope
from aurous_mock.settings import Settings, SettingsError

_GRACE = 5
_BACKLOG = 2048


class Server(uvicorn.Server):
    """A uvicorn server that tells when it is ready, and ends its streams before it waits for its connections."""

    def __init__(self, settings: Settings, ready: Callable[[], None]) -> None:
        self.application = Application(settings)
        self._ready = ready
        config = uvicorn.Config(
            self.application.asgi,
            http=wire.protocol(lambda: _garbage(self.application.contracts.current)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.application.service.interrupt_all()
        await super().shutdown(sockets)


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
    """The URL at which a socket bound by `bind` is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Prints one line on standard output when requests are accepted."""
    # The library's own log would drown the one line a request leaves in ours.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listener = bind(settings.host, settings.port)
    line = f"aurous-mock listening on {address(listener)}"
    if settings.workers > 1:
        _supervise(settings, listener, line)
    else:
        _run(settings, listener, lambda: print(line, flush=True))


def _run(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    server = _make(settings, ready)
    # What was made so far stays, and what requests leave behind is stored on purpose: looking for garbage in it again
    # and again would cost a tenth of the server's time.
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    # uvicorn raises the signal again once it has shut down; by then it has done its work, and the exit is a clean one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run([listener])


def _make(settings: Settings, ready: Callable[[], None]) -> Server:
    try:
        return Server(settings, ready)
    except ContractError as error:
        raise SettingsError(str(error)) from error


def _work(settings: Settings, listener: socket.socket, ready: "connection.Connection") -> None:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    _run(settings, listener, lambda: ready.send(True))


def _supervise(settings: Settings, listener: socket.socket, line: str) -> None:
    """Keep the workers running; pass signals on to them."""
    spawn = get_context("spawn")
    ending = False

    def start() -> tuple[SpawnProcess, "connection.Connection"]:
        told, tells = spawn.Pipe(duplex=False)
        worker = spawn.Process(target=_work, args=(settings, listener, tells))
        worker.start()
        tells.close()
        return worker, told

    def end(number: int, _: object) -> None:
        nonlocal ending
        ending = True
        for worker, _told in workers:
            if worker.is_alive():
                worker.terminate()

    workers: list[tuple[SpawnProcess, connection.Connection]] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    workers += [start() for _ in range(settings.workers)]
    for _, told in workers:
        try:
            told.recv()
        except EOFError:
            end(signal.SIGTERM, None)
            sys.exit(1)
    print(line, flush=True)
    while not ending:
        connection.wait([worker.sentinel for worker, _ in workers], timeout=1)
        for place, (worker, _) in enumerate(workers):
            if not ending and not worker.is_alive():
                workers[place] = start()
    for worker, _ in workers:
        worker.join()


def _garbage(contract: Contract) -> bytes:
    """The response to bytes that are no HTTP request."""
    request_id = identifiers.new("req_")
    refused = Refused("invalid_format", "This is not an HTTP request that can be understood.")
    body = orjson.dumps(envelope(refused, contract.code(refused.code), request_id))
    head = (
        "HTTP/1.1 400 Bad Request\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        f"aurous-request-id: {request_id}\r\naurous-version: {contract.version}\r\n\r\n"
    )
    return head.encode() + body
