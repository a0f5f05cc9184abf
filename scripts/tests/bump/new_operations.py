"""Operations of a made-up next version, of every kind that the pages of the platform have: as edits of openapi.yaml."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
TAG = "imaginary_uploads"
_TEXT = {"type": "string"}
_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "example": "upl_1"}
_VERSION = {"$ref": "#/components/parameters/AurousVersion"}
_KEY = {"$ref": "#/components/parameters/IdempotencyKey"}
_ERRORS = {
    "4XX": {"$ref": "#/components/responses/ClientFault"},
    "5XX": {"$ref": "#/components/responses/ServerFault"},
}
_UPLOAD = {
    "type": "object",
    "required": ["id", "size", "created_at"],
    "properties": {
        "id": _TEXT,
        "size": {"type": "integer", "minimum": 0},
        "state": {"type": "string", "enum": ["waiting", "stored"]},
        "created_at": {"type": "string", "format": "date-time"},
        "cost": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}},
        "labels": {"type": "object", "additionalProperties": _TEXT},
    },
}
_PAGE = {
    "type": "object",
    "required": ["data", "has_more"],
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/ImaginaryUpload"}},
        "has_more": {"type": "boolean"},
        "next_cursor": {"type": ["string", "null"]},
    },
}
_FORM = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": ["look", "learn"]},
        "note": {"type": "string", "maxLength": 40},
    },
}
_INPUT = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["text"], "properties": {"text": _TEXT}},
        },
    ]
}


def _tagged(tag: str, **members: Any) -> Document:
    properties = {"type": {"type": "string", "const": tag}, **members}
    return {"type": "object", "required": list(properties), "properties": properties}


def _operation(
    name: str, content: Document | None, *parameters: Document, status: str = "200", **more: Any
) -> Document:
    success: Document = {"description": "Fine."}
    if content is not None:
        success["content"] = content
    return {
        "operationId": name,
        "tags": [TAG],
        "summary": f"Does {name}",
        "security": more.pop("security", [{"ApiKey": []}, {"Bearer": []}]),
        "parameters": [*parameters, _VERSION],
        "responses": {status: success, **_ERRORS},
        **more,
    }


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _body(media_type: str, schema: Document) -> Document:
    return {"required": True, "content": {media_type: {"schema": schema}}}


_UPLOADED = _json({"$ref": "#/components/schemas/ImaginaryUpload"})
PATHS: Document = {
    "/v1/imaginary_uploads": {
        "post": _operation(
            "createImaginaryUpload",
            _UPLOADED,
            _KEY,
            status="201",
            requestBody=_body("multipart/form-data", _FORM),
            **{"x-charge": {"amount": "cost.amount"}},
        ),
        "get": _operation(
            "listImaginaryUploads",
            _json(_PAGE),
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
            {"name": "starting_after", "in": "query", "schema": _TEXT},
            {"name": "since", "in": "query", "schema": {"type": "string", "format": "date-time"}},
            {"name": "states", "in": "query", "explode": False, "schema": {"type": "array", "items": _TEXT}},
            **{"x-paging": {"items": "data", "cursor": "next_cursor", "parameter": "starting_after"}},
        ),
    },
    "/v1/imaginary_uploads/{id}": {
        "parameters": [_ID],
        "get": _operation(
            "retrieveImaginaryUpload",
            _UPLOADED,
            **{"x-charge": {"amount": "cost.amount", "record_of": "createImaginaryUpload"}},
        ),
        "patch": _operation(
            "updateImaginaryUpload",
            _UPLOADED,
            requestBody=_body(
                "application/json",
                {"type": "object", "additionalProperties": False, "properties": {"note": {**_TEXT, "maxLength": 9}}},
            ),
        ),
        "delete": _operation("deleteImaginaryUpload", None, status="204"),
    },
    # For everybody.
    "/v1/imaginary_uploads/{id}/parts/{number}": {
        "parameters": [_ID, {**_ID, "name": "number", "schema": {"type": "integer", "minimum": 0}, "example": 1}],
        "get": _operation(
            "downloadImaginaryUpload",
            {"image/png": {"schema": {"type": "string", "format": "binary"}}},
            security=[],
        ),
    },
    "/v1/imaginary_uploads/{id}/cancel": {
        "parameters": [_ID],
        "post": _operation("cancelImaginaryUpload", _UPLOADED),
    },
    "/v1/imaginary_uploads/{id}/events": {
        "parameters": [_ID],
        "get": _operation(
            "watchImaginaryUpload",
            {
                "text/event-stream": {
                    "schema": {
                        "oneOf": [
                            _tagged("progress", percent={"type": "integer", "minimum": 0, "maximum": 100}),
                            _tagged("done", upload={"$ref": "#/components/schemas/ImaginaryUpload"}),
                        ]
                    }
                }
            },
        ),
    },
    "/v1/imaginary_uploads/rows": {
        "get": _operation("exportImaginaryUploads", {"application/x-ndjson": {"schema": _UPLOAD["properties"]["cost"]}})
    },
    "/v1/imaginary_uploads/estimate": {
        "post": _operation(
            "estimateImaginaryUpload",
            _json({"type": "object", "required": ["cost"], "properties": {"cost": {"type": "number"}}}),
            requestBody=_body(
                "application/json", {"type": "object", "required": ["input"], "properties": {"input": _INPUT}}
            ),
            **{"x-repeatable": True},
        )
    },
    "/v1/imaginary_uploads/tokens": {
        "post": _operation(
            "createImaginaryUploadToken",
            {"text/plain": {"schema": _TEXT}},
            requestBody=_body(
                "application/x-www-form-urlencoded",
                {"type": "object", "required": ["days"], "properties": {"days": {"type": "integer", "minimum": 1}}},
            ),
        )
    },
}
WEBHOOKS: Document = {
    "imaginary_upload.stored": {
        "post": {
            "summary": "An upload is stored",
            "requestBody": {"content": _json({"$ref": "#/components/schemas/ImaginaryUpload"})},
            "responses": {"200": {"description": "Received."}},
        }
    }
}


def add(document: Document) -> None:
    """Add all of them to a spec."""
    document["paths"].update(PATHS)
    document["components"]["schemas"]["ImaginaryUpload"] = _UPLOAD
    document["tags"].append({"name": TAG, "description": "Uploads that nobody will ever offer."})
    document["webhooks"] = WEBHOOKS
