"""HTTP/1.1 over sockets: reads requests, writes responses, and notices clients that disconnect."""

from __future__ import annotations

import select
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .application import Application
from .errors import ApiError
from .messages import Request, Response
from .request_headers import Headers

MAX_BODY = 10 * 1024 * 1024
_MAX_DISCARDED = 64 * 1024 * 1024
_BLOCK = 64 * 1024


class Listener(ThreadingHTTPServer):
    """A thread for each connection, all of which end with the process."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, application: Application, host: str, port: int) -> None:
        self.application = application
        super().__init__((host, port), Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections; the application reports its own errors."""


class Connection(BaseHTTPRequestHandler):
    """One connection, which carries one request after another."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Listener  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle_one_request(self) -> None:
        """Read a request and answer it; the connection closes unless both sides keep it."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > 65536:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
                return
            if not self.parse_request():
                return
            self._write(self.server.application.handle(self._read()))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that cannot be parsed, in the API's envelope."""
        problem = ApiError("invalid_format", message or "The request is not valid HTTP.", close=True)
        problem.status = code
        path = getattr(self, "path", "/")
        self.command = getattr(self, "command", None) or "GET"
        self._write(self.server.application.handle(Request(self.command, path, Headers([]), problem=problem)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Log nothing."""

    def _read(self) -> Request:
        headers = Headers(list(self.headers.items()))
        path = urlsplit(self.path).path if "://" in self.path[:8] else self.path.partition("?")[0].partition("#")[0]
        request = Request(self.command, path, headers)
        try:
            request.body = self._read_body(headers)
        except ApiError as problem:
            request.problem = problem
        return request

    def _read_body(self, headers: Headers) -> bytes:
        length = headers.get("Content-Length")
        coding = headers.get("Transfer-Encoding")
        if coding is not None:
            if length is not None or coding.strip().lower() != "chunked":
                raise ApiError("invalid_format", "The length of the body is not clear.", close=True)
            return self._read_chunks()
        if length is None:
            return b""
        if not length.isascii() or not length.isdigit() or len(length) > 15:
            raise ApiError("invalid_format", "Content-Length is not a number.", close=True)
        size = int(length)
        if size > MAX_BODY:
            raise self._too_large(size)
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError
        return body

    def _too_large(self, remaining: int) -> ApiError:
        keep = remaining <= _MAX_DISCARDED
        while keep and remaining > 0:
            block = self.rfile.read(min(remaining, _BLOCK))
            if not block:
                raise ConnectionResetError
            remaining -= len(block)
        return ApiError("payload_too_large", f"A body may have {MAX_BODY} bytes at most.", close=not keep)

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(1024)
            digits = line.partition(b";")[0].strip()
            try:
                size = int(digits, 16) if digits.isalnum() else -1
            except ValueError:
                size = -1
            if size < 0:
                raise ApiError("invalid_format", "The chunks of the body are malformed.", close=True)
            if size == 0:
                while self.rfile.readline(65537).strip():
                    pass
                return bytes(body)
            if len(body) + size > MAX_BODY:
                raise ApiError("payload_too_large", f"A body may have {MAX_BODY} bytes at most.", close=True)
            body += self.rfile.read(size)
            self.rfile.readline(16)

    def _write(self, response: Response) -> None:
        try:
            if response.stream is not None:
                self._write_stream(response)
            else:
                self._write_document(response)
        except OSError:
            self.close_connection = True
        finally:
            response.on_close()

    def _write_head(self, response: Response, framing: dict[str, str]) -> None:
        self.close_connection = self.close_connection or response.close
        if self.close_connection:
            framing["Connection"] = "close"
        framing["Date"] = self.date_time_string()
        lines = [f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in (response.headers | framing).items()]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def _write_document(self, response: Response) -> None:
        body = response.encode()
        if response.chunked:
            self._write_head(response, {"Transfer-Encoding": "chunked"})
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        else:
            self._write_head(response, {"Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _write_stream(self, response: Response) -> None:
        chunked = self.request_version != "HTTP/1.0" and not response.close
        if not chunked:
            response.close = True
        self._write_head(response, {"Transfer-Encoding": "chunked"} if chunked else {})
        for part in response.stream or ():
            if self._client_is_gone():
                self.close_connection = True
                return
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _client_is_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
