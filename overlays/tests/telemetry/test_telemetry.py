"""Spans, as the SDK of OpenTelemetry exports them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aurous
import pytest
from aurous.telemetry import OpenTelemetry
from aurous_mock.server.launcher import Mock
from clientkit.callers import Make
from clientkit.request_members import named
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from testkit.raw_server import RawServer
from testkit.responses import BUSY, KEY, MESSAGES, MODEL, answer, completion, envelope


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    yield made
    made.shutdown()


def only(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, dict[str, Any]]:
    [span] = exporter.get_finished_spans()
    return span, dict(span.attributes or {})


def test_key_sent_back_in_a_successful_response_is_in_no_span(
    wire: RawServer, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    document = {**completion(KEY), "id": KEY, "model": KEY.upper()}
    document["choices"][0]["finish_reason"] = KEY
    wire.plays(answer(200, document, headers={"Aurous-Request-Id": KEY}))
    caller = make(wire.url, hooks=[OpenTelemetry(tracer_provider=provider, capture_content=True)])
    caller.create()
    span, attributes = only(exporter)
    assert attributes["gen_ai.response.id"] == "[secret]"
    assert KEY.lower() not in span.to_json().lower()


def test_call_with_retries_is_one_span(
    wire: RawServer, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    wire.plays(BUSY, answer(200, completion(), headers={"Aurous-Request-Id": "req_1"}))
    caller = make(wire.url, hooks=[OpenTelemetry(tracer_provider=provider)])
    caller.create(
        **named(max_tokens=9),
        temperature=0.5,
        top_p=1,
        seed=7,
        stop="END",
        presence_penalty=-1,
        response_format={"type": "text"},
    )
    span, attributes = only(exporter)
    port = int(wire.url.rpartition(":")[2])
    assert (span.name, span.kind, span.status.status_code) == (f"chat {MODEL}", SpanKind.CLIENT, StatusCode.UNSET)
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aurous_labs",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 1,
        "gen_ai.request.seed": 7,
        "gen_ai.request.presence_penalty": -1,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.output.type": "text",
        "gen_ai.response.id": "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM",
        "gen_ai.response.model": MODEL,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 650,
        "aurous.credits_charged": "0.2856",
        "aurous.attempts": 2,
        "aurous.idempotent_replayed": False,
        "aurous.request_id": "req_1",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.template": "/v1/chat/completions",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    [retry] = span.events
    assert retry.name == "aurous.retry"
    assert dict(retry.attributes or {})["aurous.delay"] == 1.0
    text = span.to_json()
    assert "colours" not in text
    assert "Red" not in text
    assert KEY not in text


@pytest.mark.parametrize(
    ("action", "error_type", "error"),
    [
        (answer(400, envelope("invalid_format")), "invalid_format", aurous.InvalidRequestError),
        (answer(418, b"", kind="text/plain"), "418", aurous.InvalidRequestError),
        (answer(400, envelope("nobody_knows_it")), "400", aurous.InvalidRequestError),
        (answer(200, {}), "APIResponseValidationError", aurous.APIResponseValidationError),
        (lambda connection: False, "APIConnectionError", aurous.APIConnectionError),
    ],
)
def test_error_type_of_a_span_has_low_cardinality(
    action: Any,
    error_type: str,
    error: type[Exception],
    wire: RawServer,
    make: Make,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    wire.plays(action)
    with pytest.raises(error):
        make(wire.url, max_retries=0, hooks=[OpenTelemetry(tracer_provider=provider)]).create()
    span, attributes = only(exporter)
    assert attributes["error.type"] == error_type
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, error.__name__)


def test_content_is_recorded_only_if_enabled(
    wire: RawServer, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    wire.plays(answer(200, completion()))
    make(wire.url, hooks=[OpenTelemetry(tracer_provider=provider, capture_content=True)]).create()
    _, attributes = only(exporter)
    assert json.loads(attributes["gen_ai.input.messages"]) == MESSAGES
    [message] = json.loads(attributes["gen_ai.output.messages"])
    assert message["content"] == "Red, green, blue."


def test_stream_is_one_span_until_its_end(
    mock: Mock, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    assert make(mock.url, hooks=[OpenTelemetry(tracer_provider=provider)]).stream()
    span, attributes = only(exporter)
    assert span.name == f"chat {MODEL}"
    assert attributes["gen_ai.usage.output_tokens"] > 0
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_interrupted_stream_ends_its_span_with_an_error(
    mock: Mock, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    mock.fault("reset=2", method="POST")
    with pytest.raises(aurous.StreamInterruptedError):
        make(mock.url, hooks=[OpenTelemetry(tracer_provider=provider)]).stream()
    _, attributes = only(exporter)
    assert attributes["error.type"] == "StreamInterruptedError"


def test_other_operations_are_named_by_their_id(
    wire: RawServer, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    wire.plays(answer(200, {"object": "list", "data": []}))
    caller = make(wire.url, hooks=[OpenTelemetry(tracer_provider=provider, capture_content=True)])
    caller.run(lambda client: client.models.list())
    span, attributes = only(exporter)
    assert (span.name, attributes["url.template"]) == ("listModels", "/v1/models")
    assert "gen_ai.operation.name" not in attributes


def test_spans_are_children_of_the_callers_span(
    wire: RawServer, make: Make, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    wire.plays(answer(200, completion()))
    caller = make(wire.url, hooks=[OpenTelemetry(tracer_provider=provider)])
    with provider.get_tracer("test").start_as_current_span("mine"):
        caller.create()
    inner, outer = exporter.get_finished_spans()
    assert inner.parent == outer.get_span_context()


def test_cancelled_calls_end_their_span(
    wire: RawServer, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    wire.plays(lambda connection: not connection.over.wait(5))

    async def cancelled() -> None:
        client = aurous.AsyncAurous(KEY, base_url=wire.url, hooks=[OpenTelemetry(tracer_provider=provider)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.chat.completions.create(model=MODEL, messages=MESSAGES), 0.05)
        await client.close()

    asyncio.run(cancelled())
    _, attributes = only(exporter)
    assert attributes["error.type"] == "CancelledError"


def test_without_a_tracer_provider_nothing_is_recorded(wire: RawServer, make: Make) -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    wire.plays(answer(200, completion()))
    assert make(wire.url, hooks=[OpenTelemetry()]).create().status == "completed"
