"""An operation that streams becomes a method with typed events by regenerating, without hand-written code.

A copy of openapi.yaml gets streams of every phrasing, with names that the API will never have; both clients read them
from a mock that answers by the spec alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import program_runs
import pytest
import regenerate
import small_specs
from aurous_mock.server.launcher import running
from generator.yaml_loader import load

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("programs") / "read_streaming_operations.py"
TEXT = {"type": "string"}
NUMBER = {"type": "number"}
ID = {"name": "id", "in": "path", "required": True, "schema": TEXT}
SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"


def thing(*required: str, **members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": members}


def tagged(tag: str, *required: str, **members: Any) -> dict[str, Any]:
    return thing("kind", *required, kind={"type": "string", "const": tag, "default": tag}, **members)


def data(*schemas: dict[str, Any], last: str | None = None) -> dict[str, Any]:
    """The `data` of an event, which is one of these as JSON, or the last word."""
    decoded = {"type": "string", "contentMediaType": JSON, "contentSchema": {"anyOf": list(schemas)}}
    return {"anyOf": [decoded, *[{"const": last}] * (last is not None)]}


def media(schema: dict[str, Any], *examples: Any) -> dict[str, Any]:
    return {"schema": schema, "examples": {f"number{index}": {"value": each} for index, each in enumerate(examples)}}


def operation(name: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["imaginary"],
        "summary": f"Does {name}",
        "security": [{"ApiKey": []}],
        "responses": {
            "200": {"description": "Fine.", "content": content},
            "4XX": {"$ref": "#/components/responses/ClientFault"},
        },
        **more,
    }


PROGRESS = '{"kind":"progress","percent":50}'
READY = '{"kind":"ready","id":"story_1","cost":{"amount":0.75}}'
PATHS = {
    # A body that asks for a stream, events of several kinds with the fields of SSE, a price in the last one.
    "/v1/imaginary_stories": {
        "post": operation(
            "createImaginaryStory",
            {
                JSON: media(small_specs.ref("ImaginaryReady"), {"kind": "ready", "id": "s", "cost": {"amount": 0.5}}),
                SSE: media(
                    thing(
                        "data",
                        event=TEXT,
                        data=data(
                            small_specs.ref("ImaginaryProgress"), small_specs.ref("ImaginaryReady"), last="[END]"
                        ),
                    ),
                    {"event": "progress", "data": PROGRESS},
                    {"event": "ready", "data": READY},
                    {"data": "[END]"},
                ),
            },
            requestBody={
                "required": True,
                "content": {JSON: {"schema": thing("title", title=TEXT, stream={"type": "boolean"})}},
            },
            **{"x-charge": {"amount": "cost.amount"}},
        )
    },
    # Nothing but a stream; the schema is that of the data.
    "/v1/imaginary_stories/{id}/events": {
        "parameters": [ID],
        "get": operation(
            "watchImaginaryStory",
            {SSE: media(small_specs.ref("ImaginaryProgress"), {"kind": "progress", "percent": 1})},
        ),
    },
    # An inline schema, and a parameter of the query that asks for the stream.
    "/v1/imaginary_stories/{id}": {
        "parameters": [ID, {"name": "stream", "in": "query", "schema": {"type": "boolean"}}],
        "get": operation(
            "retrieveImaginaryStory",
            {JSON: {"schema": small_specs.ref("ImaginaryReady")}, SSE: {"schema": thing("word", word=TEXT)}},
        ),
    },
    # Each kind of event by its name, without examples.
    "/v1/imaginary_weather": {
        "get": operation(
            "watchImaginaryWeather",
            {
                SSE: media(
                    {
                        "oneOf": [
                            thing("data", event={"const": "sun"}, data=data(tagged("sun", "degrees", degrees=NUMBER))),
                            thing("data", event={"const": "rain"}, data=data(tagged("rain"), last="[END]")),
                        ]
                    }
                )
            },
        )
    },
    # JSON lines, and a document for those who want that.
    "/v1/imaginary_rows": {
        "get": operation(
            "listImaginaryRows",
            {
                JSON: media({"type": "array", "items": small_specs.ref("ImaginaryRow")}, [{"number": 1}]),
                NDJSON: media(small_specs.ref("ImaginaryRow"), {"number": 1}, {"number": 2}),
            },
        )
    },
    "/v1/imaginary_stories/{id}:dictate": {
        "parameters": [ID],
        "post": operation("dictateImaginaryStory", {SSE: media(TEXT, "one", "two")}),
    },
}
SCHEMAS = {
    "ImaginaryProgress": tagged("progress", "percent", percent={"type": "integer"}),
    "ImaginaryReady": tagged("ready", "id", "cost", id=TEXT, cost=thing("amount", amount=NUMBER)),
    "ImaginaryRow": thing("number", number={"type": "integer"}),
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = load(ROOT / "openapi.yaml")
    document["paths"] |= PATHS
    document["components"]["schemas"] |= SCHEMAS
    document["tags"].append({"name": "imaginary", "description": "What nobody will ever offer."})
    spec_file = small_specs.write(tmp_path_factory.mktemp("streaming") / "streaming.yaml", document)
    assert regenerate.generate(spec_file, spec_file.parent / "aurous_client")
    return spec_file


@pytest.mark.slow
def test_events_of_new_operations_are_typed(spec: Path) -> None:
    program_runs.check_types(spec.parent, PROGRAM)


@pytest.mark.slow
def test_events_of_new_operations_are_read_from_a_mock(spec: Path) -> None:
    with running(specs=(spec,)) as mock:
        program_runs.check_program(spec.parent, "-W", "error", "-P", PROGRAM, mock.url)
