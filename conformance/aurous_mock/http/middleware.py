"""Admits requests by key, version and rate limit, and turns every failure into an error envelope."""

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import quote

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aurous_mock import identifiers, log, request_log
from aurous_mock.completions.service import Service
from aurous_mock.contract.renames import translate, translate_path
from aurous_mock.contract.spec import Contracts
from aurous_mock.contract.versioning import ResponseFilter, needs_filter
from aurous_mock.errors import APIError, envelope
from aurous_mock.http import admin, admin_access, health, request_context
from aurous_mock.http.fault_injector import FaultInjector
from aurous_mock.http.rate_limits import Limits
from aurous_mock.http.request_context import RequestContext
from aurous_mock.settings import Settings
from aurous_mock.storage.store import StoreUnavailable
from aurous_mock.storage.token_bucket import RateLimitInfo

_RETRY_SOON = {"Retry-After": "1"}


class APIMiddleware:
    """Admits a request, has a route answer it, and turns every failure into an error envelope."""

    def __init__(
        self,
        settings: Settings,
        contracts: Contracts,
        service: Service,
        limits: Limits,
        dispatcher: ASGIApp,
        admin_router: ASGIApp,
    ) -> None:
        self._settings = settings
        self._contracts = contracts
        self._service = service
        self._limits = limits
        self._faults = FaultInjector(dispatcher, settings, service.store, self._error_response)
        self._admin_router = admin_router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._service.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = request_context.read_headers(scope["headers"])
        context = RequestContext(identifiers.new("req_"), self._contracts.current, headers)
        scope["aurous.context"] = context
        request_log.REQUEST_ID.set(context.request_id)
        # Has the router raise HTTPException instead of answering in plain text.
        scope["app"] = self

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.started = True
                context.status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(context)]
            await send(message)

        try:
            await self._respond(scope, receive, send_with_headers, context)
        finally:
            seconds = time.perf_counter() - started
            if scope["path"] != health.PATH:
                self._service.metrics.count_request(_operation_name(context), context.status, seconds)
                if self._settings.access_log:
                    self._log(scope, context, seconds)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        try:
            if scope["path"] == health.PATH and scope["method"] in ("GET", "HEAD"):
                await (await health.health(self._service.store))(scope, receive, send)
                return
            if admin.is_admin_path(scope["path"]):
                if not admin_access.may_use_admin(scope, headers=context.headers, settings=self._settings):
                    raise HTTPException(404)
                await self._admin_router(scope, receive, send)
                return
            await self._admit(scope, context)
            send = self._version_filter(send, context)
            await self._faults.respond(scope, receive, send, context)
        except ClientDisconnect:
            # The client disconnected before it had sent the whole request: no response is possible.
            return
        except asyncio.CancelledError as error:
            # The server shuts down and waits no longer. It would answer with a bare status 500 itself.
            if context.started:
                raise
            await self._error_response(error, context)(scope, receive, send)
        except Exception as error:
            if context.started:
                raise
            await self._error_response(error, context)(scope, receive, send)

    def _version_filter(self, send: Send, context: RequestContext) -> Send:
        """`send` for the requested version."""
        operation = context.operation
        assert operation is not None, "requests without an operation are not admitted"
        return ResponseFilter(operation, send).send if needs_filter(operation) else send

    async def _admit(self, scope: Scope, context: RequestContext) -> None:
        """Find out team, version and operation, and count the request. Raises APIError or HTTPException."""
        path = _raw_path(scope)
        if not self._is_public(scope["method"], path, context):
            credential = request_context.read_credential(context.headers)
            context.team = self._settings.keys.get(credential)
            if context.team is None:
                raise APIError("invalid_api_key", "The API key is not known.")
        context.contract = request_context.read_version(context.headers, self._contracts)
        match = context.contract.match(scope["method"], path)
        admission = await self._limits.admit_request(context.team or "", match[0].rate_class if match else None)
        context.requests = admission.info
        if admission.error is not None:
            raise admission.error
        if match is None:
            methods = context.contract.methods(path)
            raise HTTPException(405, headers={"Allow": ", ".join(methods)}) if methods else HTTPException(404)
        context.operation, context.path_parameters = match

    def _is_public(self, method: str, path: str, context: RequestContext) -> bool:
        """Whether the requested version asks for no key."""
        version = context.headers.get("aurous-version", "")
        match = self._contracts.by_version.get(version, self._contracts.current).match(method, path)
        return match is not None and match[0].is_public

    def _error_response(self, error: BaseException, context: RequestContext) -> Response:
        """The error envelope for an exception."""
        api_error = _as_api_error(error)
        if api_error.param is not None and context.operation is not None:
            api_error.param = translate_path(api_error.param, context.operation.request_names)
        code = context.contract.code(api_error.code, api_error.status)
        body = orjson.dumps(translate(envelope(api_error, code, context.request_id), context.contract.error_names))
        return Response(body, code.status, api_error.headers, "application/json")

    def _headers(self, context: RequestContext) -> Iterator[tuple[bytes, bytes]]:
        yield b"aurous-request-id", context.request_id.encode()
        yield b"aurous-version", context.contract.version.encode()
        yield from _rate_limit_headers(b"x-ratelimit-", context.requests or self._limits.unlimited())
        if context.tokens is not None:
            yield from _rate_limit_headers(b"x-ratelimit-tpm-", context.tokens)

    def _log(self, scope: Scope, context: RequestContext, seconds: float) -> None:
        # A client may put its key into a path by mistake; never log it.
        path = scope["path"].encode("unicode_escape").decode()
        for key in self._settings.keys:
            path = path.replace(key, "[key]")
        line = f"{context.request_id} {scope['method']} {path} {context.status} {seconds * 1000:.1f}ms"
        log.write_line(f"{line} {context.team or '-'}")


def _operation_name(context: RequestContext) -> str:
    """The operation as the spec names it; `other` for all unknown paths."""
    operation = context.operation
    return f"{operation.method} {operation.path}" if operation is not None else "other"


def _raw_path(scope: Scope) -> str:
    """The path with its percent-encoding, in which a slash within a parameter is no separator."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1").partition("?")[0] if raw else quote(scope["path"])


def _rate_limit_headers(prefix: bytes, info: RateLimitInfo) -> Iterator[tuple[bytes, bytes]]:
    yield prefix + b"limit", b"%d" % info.limit
    yield prefix + b"remaining", b"%d" % info.remaining
    yield prefix + b"reset", b"%d" % info.reset


def _as_api_error(error: BaseException) -> APIError:
    if isinstance(error, APIError):
        return error
    if isinstance(error, StoreUnavailable):
        log.write_line(f"aurous-mock: the state is unavailable: {error}")
        message = "The state of the server is unavailable at the moment. Retry."
        return APIError("internal_error", message, status=503, headers=_RETRY_SOON)
    if isinstance(error, asyncio.CancelledError):
        return APIError("internal_error", "The server is shutting down. Retry.", status=503, headers=_RETRY_SOON)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            return APIError("method_not_allowed", "This path does not take that method.", headers=error.headers)
        return APIError("resource_not_found", "There is nothing at this path.")
    log.write_traceback(error)
    return APIError("internal_error", "The mock server failed; see its log.")
