"""The changes of made-up next versions of the API, as edits of openapi.yaml."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import new_operations
from testkit.renamed_spec import rename_in_examples, rename_member, rename_value

Document = dict[str, Any]
TEXT = {"type": "string", "description": "Made up.", "example": "Ada"}


@dataclass(frozen=True)
class ApiChange:
    """One change of the API.

    apply:  edits the spec
    kinds:  the kinds of changes that the spec diff reports for it, with their effects
    """

    name: str
    apply: Callable[[Document], object]
    kinds: frozenset[tuple[str, str]]


def _schemas(document: Document) -> Document:
    schemas: Document = document["components"]["schemas"]
    return schemas


def _request(document: Document) -> Document:
    members: Document = _schemas(document)["ChatCompletionRequest"]["properties"]
    return members


def _new_schema(name: str, required: list[str], **members: Any) -> Callable[[Document], object]:
    schema = {"type": "object", "description": "Made up.", "required": required, "properties": members}
    return lambda document: _schemas(document).update({name: deepcopy(schema)})


def _add_operation(
    document: Document, method: str, path: str, name: str, schema: str, example: Any, body: str = ""
) -> None:
    operation = deepcopy(document["paths"]["/v1/balance"]["get"])
    operation |= {"operationId": name, "tags": ["imaginary_drawings"], "summary": f"Does {name}"}
    operation["responses"]["200"]["content"]["application/json"] = {
        "schema": {"$ref": f"#/components/schemas/{schema}"},
        "examples": {"one": {"value": example}},
    }
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        }
    document["paths"].setdefault(path, {})[method] = operation
    if not any(tag["name"] == "imaginary_drawings" for tag in document["tags"]):
        document["tags"].append({"name": "imaginary_drawings", "description": "Drawings that nobody will ever offer."})


def _rename(document: Document, schema: str, old: str, new: str) -> None:
    rename_member(document, schema, old, new)
    rename_in_examples(document, old, new)


def _shift(schema: Document, bound: str, by: float) -> None:
    schema[bound] += by


def _retype(schema: Document, kind: str) -> None:
    schema["type"] = kind
    schema.pop("example", None)


def _add_code(document: Document) -> None:
    document["components"]["x-error-codes"]["imaginary_quota_exceeded"] = {
        "status": 429,
        "type": "rate_limit",
        "retryable": True,
        "when": "The imaginary quota is used up.",
        "page": "errors",
    }
    _schemas(document)["ErrorCode"]["enum"].append("imaginary_quota_exceeded")
    document["paths"]["/v1/chat/completions"]["post"]["x-errors"].append("imaginary_quota_exceeded")


def _add_header(document: Document) -> None:
    document["components"]["headers"]["ImaginaryRegion"] = {
        "description": "Where the request was served.",
        "schema": {"type": "string", "example": "moon"},
    }
    headers = document["paths"]["/v1/balance"]["get"]["responses"]["200"].setdefault("headers", {})
    headers["Imaginary-Region"] = {"$ref": "#/components/headers/ImaginaryRegion"}


def change(name: str, apply: Callable[[Document], object], *kinds: tuple[str, str]) -> ApiChange:
    return ApiChange(name, apply, frozenset(kinds))


DRAWING = {"id": "drw_1", "title": "Ada"}
ADDITIONS = [
    change("new model", _new_schema("ImaginaryDrawing", ["id"], id=TEXT, title=TEXT), ("model-added", "compatible")),
    change(
        "new model of a body",
        _new_schema("ImaginaryDrawingRequest", ["title"], title={**TEXT, "maxLength": 40}),
        ("model-added", "compatible"),
    ),
    change(
        "new operation",
        lambda document: _add_operation(
            document, "get", "/v1/imaginary_drawings/latest", "retrieveImaginaryDrawing", "ImaginaryDrawing", DRAWING
        ),
        ("operation-added", "compatible"),
        ("tags-described", "documentation"),
    ),
    change(
        "new operation with body",
        lambda document: _add_operation(
            document,
            "post",
            "/v1/imaginary_drawings",
            "createImaginaryDrawing",
            "ImaginaryDrawing",
            DRAWING,
            "ImaginaryDrawingRequest",
        ),
        ("operation-added", "compatible"),
    ),
    change(
        "operations of every kind",
        new_operations.add,
        ("operation-added", "compatible"),
        ("model-added", "compatible"),
    ),
    change(
        "new optional member of a request",
        lambda document: _request(document).update(imaginary_mood=dict(TEXT)),
        ("request-member-added-optional", "compatible"),
    ),
    change(
        "new enum value of a request",
        lambda document: _schemas(document)["ReasoningEffort"]["enum"].append("imaginary"),
        ("request-enum-value-added", "compatible"),
    ),
    change(
        "new optional member of a response",
        lambda document: _schemas(document)["Balance"]["properties"].update(imaginary_note=dict(TEXT)),
        ("response-member-added", "compatible"),
    ),
    change(
        "new error code",
        _add_code,
        ("error-code-added", "compatible"),
        ("documented-errors-changed", "documentation"),
        ("response-open-enum-value-added", "compatible"),
    ),
    change("new response header", _add_header, ("response-header-added", "compatible")),
    change(
        "widened bound",
        lambda document: _shift(_request(document)["top_logprobs"], "maximum", 5),
        ("request-bound-relaxed", "compatible"),
    ),
]
BREAKING = [
    change(
        "tightened bound",
        lambda document: _shift(_request(document)["temperature"], "maximum", -0.5),
        ("request-bound-tightened", "breaking"),
    ),
    change(
        "tightened length",
        lambda document: _shift(_request(document)["model"], "maxLength", -28),
        ("request-bound-tightened", "breaking"),
    ),
    change(
        "tightened number of items",
        lambda document: _shift(_request(document)["messages"], "maxItems", -50),
        ("request-bound-tightened", "breaking"),
    ),
    change(
        "enum value of a request removed",
        lambda document: _schemas(document)["ImageDetail"]["enum"].remove("auto"),
        ("request-enum-value-removed", "breaking"),
    ),
    change(
        "member of a request removed",
        lambda document: _request(document).pop("vision_quality"),
        ("request-member-removed", "breaking"),
    ),
    change(
        "member of a request renamed",
        lambda document: _rename(document, "NamedJsonSchema", "strict", "is_strict"),
        ("request-member-removed", "breaking"),
        ("request-member-added-optional", "compatible"),
    ),
    change(
        "member of most requests renamed",
        lambda document: _rename(document, "ChatCompletionRequest", "max_tokens", "max_output_tokens"),
        ("request-member-removed", "breaking"),
        ("request-member-added-optional", "compatible"),
    ),
    change(
        "enum value of a response renamed",
        lambda document: rename_value(document, "ModelKind", "embedding", "vectors"),
        ("response-open-enum-value-added", "compatible"),
    ),
    change(
        "optional member of a request required",
        lambda document: _schemas(document)["NamedJsonSchema"]["required"].append("schema"),
        ("request-member-became-required", "breaking"),
    ),
    change(
        "member of a response removed",
        lambda document: _schemas(document)["Balance"]["properties"].pop("billing_mode"),
        ("response-member-removed", "breaking"),
    ),
    change(
        "member of a response renamed",
        lambda document: _rename(document, "ModelMetadata", "max_input_items", "input_items_limit"),
        ("response-member-removed", "breaking"),
        ("response-member-added", "compatible"),
    ),
    change(
        "required member of a response renamed",
        lambda document: _rename(document, "Balance", "available_credits", "spendable_credits"),
        ("response-member-removed", "breaking"),
    ),
    change(
        "type of a response member changed",
        lambda document: _retype(_schemas(document)["ModelMetadata"]["properties"]["context_window"], "number"),
        ("response-type-widened", "breaking"),
        ("example-changed", "documentation"),
    ),
    change(
        "member of a request deprecated",
        lambda document: _request(document)["frequency_penalty"].update(deprecated=True),
        ("request-member-deprecated", "compatible"),
    ),
    change(
        "operation deprecated",
        lambda document: document["paths"]["/v1/balance"]["get"].update(deprecated=True),
        ("operation-deprecated", "compatible"),
    ),
]


def apply(document: Document, changes: Sequence[ApiChange]) -> None:
    """Make all changes to a spec."""
    for each in changes:
        each.apply(document)
