"""Serves an operation: checks the request against the spec, and has a handler or the spec alone answer it."""

import base64
import re
from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aurous_mock import identifiers
from aurous_mock.completions.service import Service
from aurous_mock.completions.stored_request import StoredRequest
from aurous_mock.contract.operations import EVENTS, Operation
from aurous_mock.contract.parameters import Fields, check_parameters, read_fields
from aurous_mock.errors import APIError
from aurous_mock.http import idempotency_key, offload
from aurous_mock.http.rate_limits import Limits
from aurous_mock.http.request_body import read_body
from aurous_mock.http.request_context import RequestContext, context_of
from aurous_mock.http.routes import Handler
from aurous_mock.http.spec_responses import SpecResponses, choose_content
from aurous_mock.storage.idempotency import Claim, KeyInUse, Replay
from aurous_mock.storage.statuses import COMPLETED
from aurous_mock.storage.store import FinishCompletion, StartCompletion

_PARAMETER = re.compile(r"\{[^{}]*\}")


class Dispatcher:
    """Serves every operation of the specs. handlers: those that do more, by method and path without parameter names"""

    def __init__(
        self, handlers: Mapping[tuple[str, str], Handler], service: Service, limits: Limits, responses: SpecResponses
    ) -> None:
        self._handlers = handlers
        self._service = service
        self._limits = limits
        self._responses = responses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        context = context_of(request)
        operation = context.operation
        assert operation is not None, "the middleware refuses paths without an operation"
        if operation.success.counts_tokens:
            context.tokens = self._limits.unlimited()
        query = request.scope["query_string"].decode("latin-1")
        fields = read_fields(query)
        check_parameters(operation, context.path_parameters, fields, context.headers)
        context.body, context.body_size = await read_body(request, operation, context.headers)
        handler = self._handlers.get((operation.method, _PARAMETER.sub("{}", operation.path)))
        if handler is not None:
            return await handler(request)
        if operation.takes_key:
            context.key = idempotency_key.read_key(context.headers)
        return await self._answer_by_spec(operation, context, f"{request.scope['path']}?{query}", fields)

    async def _answer_by_spec(
        self, operation: Operation, context: RequestContext, target: str, query: Fields
    ) -> ASGIApp:
        accept = context.headers.get("accept", "")
        response = self._responses.response(operation, context.body, accept, query)
        content = choose_content(operation.success.content, context.body, accept)
        if content is not None and content.media_type == EVENTS:
            # A stream is not kept for a key.
            return response
        if context.key is None or not isinstance(response, Response):
            return response
        digest = await offload.run(context.body_size, idempotency_key.fingerprint, context.body)
        return await self._answer_once(Claim(context.key, f"{operation.method} {target}", digest), context, response)

    async def _answer_once(self, claim: Claim, context: RequestContext, response: Response) -> Response:
        """The response, kept for the key of its request; or the one that is kept already."""
        team, record_id = context.team or "", identifiers.new("res_")
        finish = FinishCompletion(id=record_id, status=COMPLETED, body=_stored(response), charge=0)
        start = StartCompletion(id=record_id, team=team, streamed=False, hold=0, body=b"", claim=claim)
        stored = StoredRequest(self._service.store, self._service.finisher)
        try:
            result = await stored.start(start)
            if isinstance(result, KeyInUse):
                raise APIError("idempotency_key_in_use", result.reason, param="Idempotency-Key")
            if isinstance(result, Replay):
                return _restored(result.body)
            await stored.finish(finish)
        finally:
            if stored.is_unfinished:
                await stored.finish(finish)
        return response


def _stored(response: Response) -> bytes:
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers]
    body = base64.b64encode(bytes(response.body)).decode()
    return orjson.dumps({"status": response.status_code, "headers": headers, "body": body})


def _restored(stored: bytes) -> Response:
    kept = orjson.loads(stored)
    response = Response(base64.b64decode(kept["body"]), kept["status"])
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept["headers"]]
    response.headers["Aurous-Idempotent-Replayed"] = "true"
    return response
