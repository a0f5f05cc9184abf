"""The operations with an implementation of their own: completions, models and balance."""

from collections.abc import Mapping
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from aurous_mock.completions import idempotency, parsed_request
from aurous_mock.completions.draft import FAILED, INTERNAL_ERROR, failure_of
from aurous_mock.completions.idempotency import Claim
from aurous_mock.completions.parsed_request import ParsedRequest
from aurous_mock.completions.service import Service
from aurous_mock.completions.streamed_generation import Generation
from aurous_mock.contract import model_catalogue, validation
from aurous_mock.generation.fake_model import Pace
from aurous_mock.http.errors import PROVIDER_FAILURES, APIError
from aurous_mock.http.faults import Fault, error_of
from aurous_mock.http.rate_limits import Limits
from aurous_mock.http.request_context import RequestContext, context_of
from aurous_mock.http.sse_response import SSEResponse, StreamOptions
from aurous_mock.server.settings import Settings

CREATE = "/v1/chat/completions"
MAX_BODY = 10 * 1024 * 1024


class Routes:
    """The endpoints of one server."""

    def __init__(self, settings: Settings, service: Service, limits: Limits) -> None:
        self._settings = settings
        self._service = service
        self._limits = limits

    def table(self) -> list[Route]:
        return [
            Route(CREATE, self.create, methods=["POST"]),
            Route(CREATE + "/{id}", self.retrieve, methods=["GET"]),
            Route(CREATE + "/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/balance", self.balance, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response | SSEResponse:
        context = context_of(request)
        context.tokens = self._limits.unlimited()
        team = _team(context)
        body = validation.parse(await _read_json(request, context.headers))
        validation.check(body, context.contract)
        context.key = idempotency.read_key(context.headers)
        parsed = parsed_request.read(body)
        admission = await self._limits.admit_tokens(team, parsed.prompt_tokens)
        context.tokens = admission.info
        if admission.error is not None:
            raise admission.error
        if parsed.streamed:
            return await self._stream(request, parsed, team)
        claim = None
        if context.key is not None:
            claim = Claim(context.key, CREATE, idempotency.fingerprint(body))
        created = await self._service.create(parsed, team, claim, self._pace(context), _provider_error(request))
        if not created.is_replay:
            await self._limits.spend_tokens(team, created.generated)
        return _json(created.body, {"Aurous-Idempotent-Replayed": "true"} if created.is_replay else None)

    async def _stream(self, request: Request, parsed: ParsedRequest, team: str) -> SSEResponse:
        generation = await self._service.begin(parsed, team)
        try:
            return await self._stream_response(request, generation, team)
        except BaseException as error:
            try:
                await generation.finish(FAILED, failure_of(error) if isinstance(error, APIError) else INTERNAL_ERROR)
            finally:
                self._service.forget(generation)
            raise

    async def _stream_response(self, request: Request, generation: Generation, team: str) -> SSEResponse:
        context = context_of(request)
        provider_error = _provider_error(request)
        if provider_error is not None and context.fault.error_frame is None:
            raise provider_error
        fault = context.fault
        options = StreamOptions(
            warn=context.key is not None,
            keep_alive=fault.keep_alive or self._settings.keep_alive,
            error_frame=fault.error_frame,
            provider_error=provider_error,
            notice_disconnect=not fault.unnoticed,
        )
        deltas = self._service.deltas(generation, self._pace(context))

        async def settle() -> None:
            self._service.forget(generation)
            await self._limits.spend_tokens(team, generation.draft.usage.generated)

        return SSEResponse(generation, deltas, options, context, on_end=settle)

    async def retrieve(self, request: Request) -> Response:
        team = _team(context_of(request))
        return _json(await self._service.retrieve(team, request.path_params["id"]))

    async def cancel(self, request: Request) -> Response:
        context = context_of(request)
        team = _team(context)
        key = idempotency.read_key(context.headers)
        if key is not None:
            await self._service.check_key(team, Claim(key, request.url.path, fingerprint=""))
        return _json(await self._service.cancel(team, request.path_params["id"]))

    async def models(self, request: Request) -> Response:
        return _json(orjson.dumps(model_catalogue.listing()))

    async def balance(self, request: Request) -> Response:
        balance = await self._service.store.balance(_team(context_of(request)))
        return _json(orjson.dumps(balance.body()))

    def _pace(self, context: RequestContext) -> Pace:
        pace = self._settings.pace
        return pace if context.fault.pace is None else replace(pace, tokens_per_second=context.fault.pace)


def _team(context: RequestContext) -> str:
    assert context.team is not None, "the gateway lets nobody in without a team"
    return context.team


def accepts_provider_error(scope: Scope, fault: Fault) -> bool:
    """Whether the fault is a provider's, and the request one that asks the provider: it then fails in the middle of its
    work, and leaves a failed record behind."""
    if fault.html or fault.when == "after" or (scope["method"], scope["path"]) != ("POST", CREATE):
        return False
    return fault.error_frame is not None or (fault.is_error and error_of(fault).code in PROVIDER_FAILURES)


def _provider_error(request: Request) -> APIError | None:
    fault = context_of(request).fault
    return error_of(fault) if accepts_provider_error(request.scope, fault) else None


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers=headers)


async def _read_json(request: Request, headers: Mapping[str, str]) -> bytes:
    """The body of a request that says it is JSON, up to the documented size."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise APIError("invalid_format", "The Content-Type must be application/json.", param="Content-Type")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> APIError:
    return APIError("request_too_large", f"The request body is larger than {MAX_BODY} bytes.")
