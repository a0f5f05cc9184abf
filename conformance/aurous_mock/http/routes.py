"""The operations that do more than their spec says: completions, models and balance."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from aurous_mock.completions.service import Service
from aurous_mock.contract import model_catalogue
from aurous_mock.contract.null_members import drop_null_members
from aurous_mock.contract.operations import JSON
from aurous_mock.contract.renames import translate
from aurous_mock.errors import PROVIDER_FAILURES, APIError
from aurous_mock.generation import parsed_request
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.http import admin_access, idempotency_key, offload
from aurous_mock.http.faults import Fault, error_of
from aurous_mock.http.rate_limits import Limits
from aurous_mock.http.request_context import RequestContext, context_of
from aurous_mock.http.sse_response import SSEResponse, StreamOptions
from aurous_mock.scripting import scripted_answers
from aurous_mock.scripting.scripted_answers import HEADER as ANSWER_HEADER
from aurous_mock.settings import Settings
from aurous_mock.storage.idempotency import Claim

CREATE = "/v1/chat/completions"

# Returns the response, which is an ASGI application.
Handler = Callable[[Request], Awaitable[ASGIApp]]


class Routes:
    """The handlers of one server."""

    def __init__(self, settings: Settings, service: Service, limits: Limits) -> None:
        self._settings = settings
        self._service = service
        self._limits = limits
        self._models = {model.id: model for model in settings.models} or model_catalogue.MODELS

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """The handlers by method and path; they get requests that were checked against the spec."""
        return {
            ("POST", CREATE): self.create,
            ("GET", CREATE + "/{}"): self.retrieve,
            ("POST", CREATE + "/{}/cancel"): self.cancel,
            ("GET", "/v1/models"): self.models,
            ("GET", "/v1/balance"): self.balance,
        }

    async def create(self, request: Request) -> ASGIApp:
        context = context_of(request)
        team = _team(context)
        size, body = context.body_size, context.body
        context.key = idempotency_key.read_key(context.headers)
        # What is compared for a key is the body as it was sent.
        parsed = await offload.run(size, _parse, context, self._models)
        if context.scripts or ANSWER_HEADER in context.headers:
            parsed = replace(parsed, scripted_answer=self._scripted_answer(context), scripts=context.scripts)
        admission = await self._limits.admit_tokens(team, parsed.prompt_tokens)
        context.tokens = admission.info
        if admission.error is not None:
            raise admission.error
        if parsed.streamed:
            return self._stream(context, parsed, _provider_error(request))
        claim = None
        if context.key is not None:
            claim = Claim(context.key, CREATE, await offload.run(size, idempotency_key.fingerprint, body))
        created = await self._service.create(parsed, team, claim, self._pace(context), _provider_error(request))
        if not created.is_replay:
            await self._limits.spend_tokens(team, created.generated)
        return _json(created.body, {"Aurous-Idempotent-Replayed": "true"} if created.is_replay else None)

    def _scripted_answer(self, context: RequestContext) -> Any:
        """The scripted answer in the request's own header, where a fault might be injected, too."""
        text = context.headers.get(ANSWER_HEADER)
        if text is None or not admin_access.may_inject_faults(context.headers, self._settings):
            return None
        try:
            return scripted_answers.read_header(text)
        except ValueError as error:
            raise APIError("invalid_format", f"{error}.", param="Aurous-Mock-Answer") from error

    def _stream(self, context: RequestContext, parsed: ParsedRequest, provider_error: APIError | None) -> SSEResponse:
        team, fault = _team(context), context.fault
        options = StreamOptions(
            warn=context.key is not None,
            keep_alive=fault.keep_alive or self._settings.keep_alive,
            pace=self._pace(context),
            error_frame=fault.error_frame,
            provider_error=provider_error,
            notice_disconnect=not fault.unnoticed,
        )

        async def settle(generated: int) -> None:
            await self._limits.spend_tokens(team, generated)

        return SSEResponse(self._service, parsed, team, options, context, on_end=settle)

    async def retrieve(self, request: Request) -> ASGIApp:
        context = context_of(request)
        return _json(await self._service.retrieve(_team(context), _id(context)))

    async def cancel(self, request: Request) -> ASGIApp:
        context = context_of(request)
        team = _team(context)
        key = idempotency_key.read_key(context.headers)
        if key is not None:
            await self._service.check_key(team, Claim(key, request.url.path, fingerprint=""))
        return _json(await self._service.cancel(team, _id(context)))

    async def models(self, request: Request) -> ASGIApp:
        return _json(orjson.dumps(model_catalogue.listing(self._models.values())))

    async def balance(self, request: Request) -> ASGIApp:
        balance = await self._service.store.balance(_team(context_of(request)))
        return _json(orjson.dumps(balance.body()))

    def _pace(self, context: RequestContext) -> Pace:
        pace = self._settings.pace
        return pace if context.fault.pace is None else replace(pace, tokens_per_second=context.fault.pace)


def _parse(context: RequestContext, models: Mapping[str, model_catalogue.Model]) -> ParsedRequest:
    operation = context.operation
    assert operation is not None, "the middleware admits no request without an operation"
    assert operation.body is not None, "the spec has a body for each completion"
    body = drop_null_members(operation.body.content[JSON], context.body)
    return parsed_request.read(translate(body, operation.request_names.inverse), models)


def _id(context: RequestContext) -> str:
    """The one path parameter, whatever the spec calls it."""
    return next(iter(context.path_parameters.values()))


def _team(context: RequestContext) -> str:
    assert context.team is not None, "the middleware admits nobody without a team"
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
