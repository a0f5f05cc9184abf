"""The door of the server: who may enter, under which version and limits, and in which envelope; knows no operation."""

import asyncio
import sys
import time
import traceback
from collections.abc import Iterator

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from aurous_mock.completions import identifiers
from aurous_mock.completions.service import Service
from aurous_mock.contract.spec import Contracts
from aurous_mock.contract.versioning import Trimmer
from aurous_mock.http import admin, faults, request_context, routes
from aurous_mock.http.errors import Refused, envelope
from aurous_mock.http.fault_injector import HTML, Saboteur
from aurous_mock.http.faults import NO_FAULT, Fault
from aurous_mock.http.rate_limits import Gauge, Limits
from aurous_mock.http.request_context import Exchange
from aurous_mock.server.settings import Settings


class Gateway:
    """The ASGI application."""

    def __init__(
        self, settings: Settings, contracts: Contracts, service: Service, limits: Limits, router: Router
    ) -> None:
        self._settings = settings
        self._contracts = contracts
        self._service = service
        self._limits = limits
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._service.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        headers = request_context.read_headers(scope["headers"])
        current = Exchange(identifiers.new("req_"), self._contracts.current, headers)
        scope["aurous.exchange"] = current
        # Makes the router raise what it cannot route, for us to answer, instead of answering in plain text.
        scope["app"] = self

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                current.started = True
                current.status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(current)]
            await send(message)

        try:
            await self._answer(scope, receive, send_marked, current)
        finally:
            if self._settings.access_log:
                self._log(scope, current, time.perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, current: Exchange) -> None:
        try:
            if scope["path"].startswith(admin.PREFIX):
                self._admit_admin(scope)
                await self._router(scope, receive, send)
                return
            await self._admit(current)
            send = self._edition(scope, send, current)
            current.fault = await self._fault(scope, current)
            if current.fault is NO_FAULT:
                await self._router(scope, receive, send)
            else:
                await self._suffer(scope, receive, send, current)
        except ClientDisconnect:
            # Before all of the request had come: nobody is there to be answered, and nothing failed.
            return
        except Exception as error:
            if current.started:
                raise
            await self._answer_otherwise(error, scope, current)(scope, receive, send)

    def _edition(self, scope: Scope, send: Send, current: Exchange) -> Send:
        """The way out for answers of the version asked for; refuses an operation that only other versions have."""
        operation = current.contract.operation(scope["method"], scope["path"])
        if operation is None:
            if self._contracts.is_known(scope["method"], scope["path"]):
                raise HTTPException(404)
            return send
        return Trimmer(operation, send).send if operation.withheld or operation.withheld_events else send

    def _answer_otherwise(self, error: Exception, scope: Scope, current: Exchange) -> Response:
        """The answer where no route gave one: an example, if the version documents what is asked for, or a refusal."""
        if isinstance(error, HTTPException) and error.status_code == 404:
            operation = current.contract.operation(scope["method"], scope["path"])
            if operation is not None and operation.example is not None:
                return Response(operation.example, media_type="application/json")
            methods = current.contract.methods(scope["path"])
            if operation is None and methods:
                error = HTTPException(405, headers={"Allow": ", ".join(methods)})
        return self._refuse(error, current)

    def _admit_admin(self, scope: Scope) -> None:
        if not self._settings.expose_admin and not admin.is_local(scope.get("client")):
            raise HTTPException(404)

    async def _admit(self, current: Exchange) -> None:
        credential = request_context.read_credential(current.headers)
        team = self._settings.keys.get(credential)
        if team is None:
            raise Refused("invalid_api_key", "The API key is not known.")
        current.team = team
        current.contract = request_context.read_version(current.headers, self._contracts)
        admission = await self._limits.admit_request(team)
        current.requests = admission.gauge
        if admission.refusal is not None:
            raise admission.refusal

    async def _fault(self, scope: Scope, current: Exchange) -> Fault:
        """The fault this request is to suffer: its own, by header, or else a scripted one."""
        text = current.headers.get(faults.HEADER)
        if text is not None:
            try:
                fault = faults.parse(text)
            except ValueError as error:
                raise Refused("invalid_format", f"{error}.", param="Aurous-Mock-Fault") from error
            if not fault.counted:
                return fault
            name = fault.id or f"{fault.text} {current.headers.get('idempotency-key', '')}"
            return fault if fault.strikes(await self._service.store.count(f"{current.team} {name}")) else NO_FAULT
        for number, rule in await self._service.store.rules():
            script = orjson.loads(rule)
            if scope["method"].startswith(script["method"]) and scope["path"].startswith(script["path"]):
                fault = faults.parse(script["fault"])
                if fault.strikes(await self._service.store.count(f"rule {number}")):
                    return fault
        return NO_FAULT

    async def _suffer(self, scope: Scope, receive: Receive, send: Send, current: Exchange) -> None:
        fault = current.fault
        saboteur = Saboteur(fault, scope, receive, send)
        if fault.latency:
            await asyncio.sleep(fault.latency)
        if await saboteur.strike_before():
            return
        if fault.is_error and fault.when == "after":
            saboteur.replacement = self._failure(current)
        elif fault.is_error and not routes.accepts_provider_error(scope, fault):
            await self._failure(current)(scope, receive, saboteur.send)
            return
        try:
            await self._router(scope, receive, saboteur.send)
        except (Refused, HTTPException) as error:
            await self._refuse(error, current)(scope, receive, saboteur.send)

    def _failure(self, current: Exchange) -> Response:
        fault = current.fault
        if fault.html:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
            return Response(HTML, fault.status or 502, headers, "text/html")
        return self._refuse(faults.error_of(fault), current)

    def _refuse(self, error: Exception, current: Exchange) -> Response:
        """The envelope for whatever ended the request."""
        refused = _as_refused(error)
        code = current.contract.code(refused.code, refused.status)
        body = orjson.dumps(envelope(refused, code, current.request_id))
        return Response(body, code.status, refused.headers, "application/json")

    def _headers(self, current: Exchange) -> Iterator[tuple[bytes, bytes]]:
        yield b"aurous-request-id", current.request_id.encode()
        yield b"aurous-version", current.contract.version.encode()
        yield from _gauge_headers(b"x-ratelimit-", current.requests or self._limits.unlimited())
        if current.tokens is not None:
            yield from _gauge_headers(b"x-ratelimit-tpm-", current.tokens)

    def _log(self, scope: Scope, current: Exchange, seconds: float) -> None:
        # A key in a path or query would be the client's mistake; it must not become ours.
        path = scope["path"].encode("unicode_escape").decode()
        for key in self._settings.keys:
            path = path.replace(key, "[key]")
        line = f"{current.request_id} {scope['method']} {path} {current.status} {seconds * 1000:.1f}ms"
        print(f"{line} {current.team or '-'}", file=sys.stderr)


def _gauge_headers(prefix: bytes, gauge: Gauge) -> Iterator[tuple[bytes, bytes]]:
    yield prefix + b"limit", b"%d" % gauge.limit
    yield prefix + b"remaining", b"%d" % gauge.remaining
    yield prefix + b"reset", b"%d" % gauge.reset


def _as_refused(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            return Refused("method_not_allowed", "This path does not take that method.", headers=error.headers)
        return Refused("resource_not_found", "There is nothing at this path.")
    traceback.print_exception(error)
    return Refused("internal_error", "The mock server failed; its log says where.")
