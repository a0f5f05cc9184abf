"""Hooks that record calls as OpenTelemetry spans, by its conventions for generative AI.

    from aurous.telemetry import OpenTelemetry

    client = Aurous(hooks=[OpenTelemetry()])

Needs `pip install 'aurous-labs[otel]'`. A span covers a whole call: all attempts, the waits between them, and a stream
until its end. Messages and answers are left out unless `capture_content` is set.
Conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from aurous_client.error_codes import ERROR_CODES
from aurous_client.types import JsonObject

from ._config.hooks import CallDetails, Hooks
from ._config.secret import redact_all
from ._optional import OPENTELEMETRY
from ._version import __version__
from .billing.receipts import has_usage, receipt
from .errors import APIStatusError
from .types import Attempt, context_of

if (_problem := OPENTELEMETRY.problem()) is not None:
    raise ImportError(f"aurous.telemetry needs an extra: {_problem}", name="opentelemetry")

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer

PROVIDER: Final = "aurous_labs"
_SPAN: Final = "aurous.telemetry.span"

# Members of a request, and their attributes.
_REQUEST: Final[Mapping[str, str]] = {
    "model": "gen_ai.request.model",
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "seed": "gen_ai.request.seed",
}
_PORTS: Final = {"http": 80, "https": 443}


class OpenTelemetry(Hooks):
    """Makes a span for each call.

    tracer_provider: where spans go; the global one by default
    capture_content: whether messages and answers become attributes (`gen_ai.input.messages`, `gen_ai.output.messages`)
    """

    def __init__(self, *, tracer_provider: TracerProvider | None = None, capture_content: bool = False) -> None:
        self._tracer = get_tracer("aurous", __version__, tracer_provider)
        self._capture_content = capture_content

    def on_start(self, call: CallDetails) -> None:
        attributes = dict(_request_attributes(call))
        if self._capture_content and "messages" in call.request:
            attributes["gen_ai.input.messages"] = json.dumps(call.request["messages"])
        name = f"chat {call.model}" if attributes.get("gen_ai.operation.name") == "chat" else call.operation_id
        call.state[_SPAN] = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def on_attempt(self, call: CallDetails, attempt: Attempt) -> None:
        span = call.state.get(_SPAN)
        if isinstance(span, Span):
            span.set_attribute("aurous.attempts", attempt.number)
            if attempt.delay is not None:
                span.add_event("aurous.retry", {"aurous.attempt": str(attempt), "aurous.delay": attempt.delay})

    def on_end(self, call: CallDetails, result: object | None, error: BaseException | None) -> None:
        span = call.state.pop(_SPAN, None)
        if not isinstance(span, Span):
            return
        span.set_attributes({name: _redact(value) for name, value in _result_attributes(result)})
        if self._capture_content and isinstance(result, JsonObject):
            choices = result.to_dict().get("choices", [])
            messages = json.dumps([choice.get("message") for choice in choices])
            span.set_attribute("gen_ai.output.messages", redact_all(messages))
        if error is not None:
            span.set_attributes(dict(_error_attributes(error)))
            # Not its message, which can quote the request.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()


def _request_attributes(call: CallDetails) -> Iterator[tuple[str, Any]]:
    request, server = call.request, urlsplit(call.base_url)
    yield "gen_ai.provider.name", PROVIDER
    yield "http.request.method", call.method
    yield "url.template", call.path
    if server.hostname is not None:
        yield "server.address", server.hostname
        yield "server.port", server.port or _PORTS.get(server.scheme, 443)
    if "messages" in request:
        yield "gen_ai.operation.name", "chat"
    for member, attribute in _REQUEST.items():
        if isinstance(request.get(member), (str, int, float)):
            yield attribute, request[member]
    stop = request.get("stop")
    if stop:
        yield "gen_ai.request.stop_sequences", [stop] if isinstance(stop, str) else list(stop)
    response_format = request.get("response_format")
    if isinstance(response_format, Mapping):
        yield "gen_ai.output.type", "text" if response_format.get("type") == "text" else "json"


def _result_attributes(result: object | None) -> Iterator[tuple[str, Any]]:
    context = context_of(result)
    if context is not None:
        yield "http.response.status_code", context.info.status_code
        yield "aurous.idempotent_replayed", context.info.idempotent_replayed
        if context.info.request_id is not None:
            yield "aurous.request_id", context.info.request_id
    if not isinstance(result, JsonObject):
        return
    if not has_usage(result):
        if context is not None and context.operation is not None and context.operation.charge is not None:
            yield "aurous.credits_charged", str(receipt(result).credits)
        return
    yield "gen_ai.response.id", getattr(result, "id", "")
    yield "gen_ai.response.model", getattr(result, "model", "")
    reasons = [choice.finish_reason for choice in getattr(result, "choices", []) if choice.finish_reason]
    if reasons:
        yield "gen_ai.response.finish_reasons", reasons
    cost = receipt(result)
    yield "gen_ai.usage.input_tokens", cost.prompt_tokens
    # The convention includes reasoning in the output; the API does not.
    yield "gen_ai.usage.output_tokens", cost.completion_tokens + cost.reasoning_tokens
    yield "aurous.credits_charged", str(cost.credits)


def _redact(value: Any) -> Any:
    """An attribute without the key, which a server may send back as an id or a name."""
    if isinstance(value, str):
        return redact_all(value)
    return [_redact(item) for item in value] if isinstance(value, list) else value


def _error_attributes(error: BaseException) -> Iterator[tuple[str, Any]]:
    if not isinstance(error, APIStatusError):
        yield "error.type", type(error).__name__
        return
    # Low cardinality, as the convention asks: undocumented codes are reported by their status.
    yield "error.type", error.code if error.code in ERROR_CODES else str(error.status_code)
    yield "http.response.status_code", error.status_code
    if error.request_id is not None:
        yield "aurous.request_id", error.request_id
