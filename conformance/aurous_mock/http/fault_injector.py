"""Chooses the fault of each request, and injects it: latency, errors and cut responses.

A provider's error, an error frame and a pace take effect within the work of a completion: `routes` applies those.
"""

import asyncio
from collections.abc import Callable

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aurous_mock.errors import APIError
from aurous_mock.http import admin_access, faults, routes
from aurous_mock.http.faults import NO_FAULT, Fault
from aurous_mock.http.request_context import RequestContext
from aurous_mock.http.response_cutter import ResponseCutter
from aurous_mock.settings import Settings
from aurous_mock.storage.store import Store

HTML = b"<!doctype html><title>Bad Gateway</title><h1>502 Bad Gateway</h1><hr><center>mock</center>\n"


class FaultInjector:
    """An ASGI application with faults. error_response: makes the error envelope for an exception"""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        store: Store,
        error_response: Callable[[BaseException, RequestContext], Response],
    ) -> None:
        self._app = app
        self._settings = settings
        self._store = store
        self._error_response = error_response

    async def respond(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        """Answer an admitted request, with its fault if it has one. Raises APIError for a fault that cannot be read."""
        context.fault = await self._choose(scope, context)
        if context.fault is NO_FAULT:
            await self._app(scope, receive, send)
        else:
            await self._inject(scope, receive, send, context)

    async def _choose(self, scope: Scope, context: RequestContext) -> Fault:
        """The fault of the request's own header, or a scripted one."""
        if not admin_access.may_inject_faults(context.headers, self._settings):
            return NO_FAULT
        context.scripts = await self._store.scripts()
        header = context.headers.get(faults.HEADER)
        if header is not None:
            return await self._requested(header, context)
        return await self._scripted(scope, context)

    async def _requested(self, header: str, context: RequestContext) -> Fault:
        try:
            fault = faults.parse(header, context.contract.codes)
        except ValueError as error:
            raise APIError("invalid_format", f"{error}.", param="Aurous-Mock-Fault") from error
        if not fault.is_counted:
            return fault
        name = fault.id or f"{fault.text} {context.headers.get('idempotency-key', '')}"
        return fault if fault.applies(await self._store.increment(f"{context.team} {name}")) else NO_FAULT

    async def _scripted(self, scope: Scope, context: RequestContext) -> Fault:
        for number, text in context.scripts:
            script = orjson.loads(text)
            if "fault" not in script:
                continue
            if scope["method"].startswith(script["method"]) and scope["path"].startswith(script["path"]):
                fault = faults.parse(script["fault"])
                earlier = await self._store.increment_script(number, text)
                if earlier is None:
                    continue
                if fault.is_spent(earlier + 1):
                    await self._store.remove_script(number)
                if fault.applies(earlier):
                    return fault
        return NO_FAULT

    async def _inject(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        fault = context.fault
        cutter = ResponseCutter(fault, scope, receive, send)
        if fault.latency:
            await asyncio.sleep(fault.latency)
        if await cutter.cut_before():
            return
        if fault.is_error and fault.when == "after":
            cutter.replacement = self._failure(context)
        elif fault.is_error and not routes.accepts_provider_error(scope, fault):
            await self._failure(context)(scope, receive, cutter.send)
            return
        try:
            await self._app(scope, receive, cutter.send)
        except (APIError, HTTPException) as error:
            await self._error_response(error, context)(scope, receive, cutter.send)

    def _failure(self, context: RequestContext) -> Response:
        fault = context.fault
        if fault.html:
            status = fault.status or 502
            return Response(HTML, status, faults.retry_after_header(fault, is_rate_limit=status == 429), "text/html")
        return self._error_response(faults.error_of(fault), context)
