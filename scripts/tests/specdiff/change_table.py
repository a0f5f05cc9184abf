"""The kinds of changes that the diff is held to: each as it was, as it became, and how the diff reports it."""

# A table is read by rows.
# ruff: noqa: E501

from __future__ import annotations

from change_kinds import (
    BREAKING,
    COMPATIBLE,
    DOCUMENTATION,
    TEXT,
    answered,
    both,
    event,
    in_request,
    kind,
    operation,
    parameter,
    record,
)  # fmt: skip

NUMBER = {"type": "integer"}
ENUM = {"type": "string", "enum": ["a", "b"]}
WIDER = {"type": "string", "enum": ["a", "b", "c"]}
OPEN = {"anyOf": [{"$ref": "#E"}, {"type": "string"}]}
NULLABLE = {"oneOf": [{"$ref": "#R"}, {"type": "null"}]}
REFERENCE = {"$ref": "#R"}
PAGING = {"items": "a", "cursor": "c", "parameter": "p"}
UNION = {"oneOf": [{"$ref": "#R"}, {"$ref": "#S"}]}
TAGGED = {
    "schemas": {
        "R": record(("k",), k={"type": "string", "const": "r"}),
        "S": record(("k",), k={"type": "string", "const": "s"}),
        "T": record(("k",), k={"type": "string", "const": "t"}),
    }
}
UNION3 = {"oneOf": [*UNION["oneOf"], {"$ref": "#T"}]}
ERROR = {"description": "No.", "content": {"application/json": {"schema": TEXT}}}
HEADERS = {"X-Left": {"schema": {"type": "integer"}}}
SHARED = {
    "parameters": [{"$ref": "#parameters/P"}],
    "components": {"P": {"name": "limit", "in": "query", "required": True, "schema": TEXT}},
}
FULL = {
    "responses": {
        "200": {"description": "Done.", "headers": HEADERS, "content": {"application/json": {"schema": TEXT}}}
    }
}


KINDS = [
    # ---------------------------------------------------------------- operations
    kind("operation added", {"item": {}}, {}, ("operation-added", COMPATIBLE)),
    kind("operation removed", {}, {"item": {}}, ("operation-removed", BREAKING)),
    kind("method added", {}, {"item": {"post": operation(2), "get": operation(2000)}}, ("operation-added", COMPATIBLE)),
    kind("method removed", {"item": {"post": operation(3), "get": operation(3000)}}, {}, ("operation-removed", BREAKING)),
    kind("operation renamed", {}, {"operationId": "renamed"}, ("operation-renamed", BREAKING)),
    kind("tag changed", {}, {"tags": ["others"]}, ("operation-moved", BREAKING)),
    kind("operation deprecated", {}, {"deprecated": True}, ("operation-deprecated", COMPATIBLE)),
    kind("summary changed", {"summary": "a"}, {"summary": "b"}, ("description-changed", DOCUMENTATION)),
    kind("operation's description changed", {"description": "a"}, {"description": "b"}, ("description-changed", DOCUMENTATION)),
    kind("security alternative added", {}, {"security": [{"key": []}, {"bearer": []}]}, ("security-alternative-added", COMPATIBLE)),
    kind("security alternative removed", {"security": [{"key": []}, {"bearer": []}]}, {}, ("security-changed", BREAKING)),
    # ---------------------------------------------------------------- parameters
    kind("optional parameter added", {}, parameter(), ("parameter-added-optional", COMPATIBLE)),
    kind("shared required parameter of a new operation", {"item": {}}, SHARED, ("operation-added", COMPATIBLE)),
    kind("shared required parameter added", {}, SHARED, ("parameter-added-required", BREAKING)),
    kind("required parameter added", {}, parameter(required=True), ("parameter-added-required", BREAKING)),
    kind("parameter removed", parameter(), {}, ("parameter-removed", BREAKING)),
    kind("parameter became required", parameter(), parameter(required=True), ("parameter-became-required", BREAKING)),
    kind("parameter became optional", parameter(required=True), parameter(), ("parameter-became-optional", COMPATIBLE)),
    kind("parameter's bound set", parameter(), parameter(schema={"type": "integer", "maximum": 9}), ("request-bound-tightened", BREAKING)),
    kind("parameter's default changed", parameter(schema={"type": "integer", "default": 1}), parameter(schema={"type": "integer", "default": 2}), ("request-default-changed", COMPATIBLE)),
    kind("parameter's description", parameter(description="a"), parameter(description="b"), ("description-changed", DOCUMENTATION)),
    # ---------------------------------------------------------------- bodies
    kind("body added, optional", {}, {"requestBody": {"content": {"application/json": {"schema": TEXT}}}}, ("request-body-added-optional", COMPATIBLE)),
    kind("body added, required", {}, in_request(TEXT), ("request-body-added-required", BREAKING)),
    kind("body removed", in_request(TEXT), {}, ("request-body-removed", BREAKING)),
    kind("body became required", {"requestBody": {"content": {"application/json": {"schema": TEXT}}}}, in_request(TEXT), ("request-body-became-required", BREAKING)),
    kind("body became optional", in_request(TEXT), {"requestBody": {"content": {"application/json": {"schema": TEXT}}}}, ("request-body-became-optional", COMPATIBLE)),
    # ---------------------------------------------------------------- members of requests
    kind("request member added", in_request(record()), in_request(record(a=TEXT)), ("request-member-added-optional", COMPATIBLE)),
    kind("required request member added", in_request(record()), in_request(record(("a",), a=TEXT)), ("request-member-added-required", BREAKING)),
    kind("request member removed", in_request(record(a=TEXT)), in_request(record()), ("request-member-removed", BREAKING)),
    kind("request member became required", in_request(record(a=TEXT)), in_request(record(("a",), a=TEXT)), ("request-member-became-required", BREAKING)),
    kind("request member became optional", in_request(record(("a",), a=TEXT)), in_request(record(a=TEXT)), ("request-member-became-optional", COMPATIBLE)),
    both("request type widened", in_request, NUMBER, {"type": "number"}, ("request-type-widened", COMPATIBLE)),
    both("request type narrowed", in_request, {"type": "number"}, NUMBER, ("request-type-narrowed", BREAKING)),
    both("request type changed", in_request, NUMBER, TEXT, ("request-type-changed", BREAKING)),
    both("request member became nullable", in_request, TEXT, {"type": ["string", "null"]}, ("request-type-widened", COMPATIBLE)),
    both("request member no longer nullable", in_request, {"type": ["string", "null"]}, TEXT, ("request-type-narrowed", BREAKING)),
    both("request enum value added", in_request, ENUM, WIDER, ("request-enum-value-added", COMPATIBLE)),
    both("request enum value removed", in_request, WIDER, ENUM, ("request-enum-value-removed", BREAKING)),
    both("request enum set", in_request, TEXT, ENUM, ("request-enum-set", BREAKING)),
    both("request maximum lowered", in_request, {**NUMBER, "maximum": 9}, {**NUMBER, "maximum": 5}, ("request-bound-tightened", BREAKING)),
    both("request maximum raised", in_request, {**NUMBER, "maximum": 5}, {**NUMBER, "maximum": 9}, ("request-bound-relaxed", COMPATIBLE)),
    both("request minimum raised", in_request, {**NUMBER, "minimum": 0}, {**NUMBER, "minimum": 1}, ("request-bound-tightened", BREAKING)),
    both("request maximum dropped", in_request, {**NUMBER, "maximum": 5}, NUMBER, ("request-bound-relaxed", COMPATIBLE)),
    both("request length set", in_request, TEXT, {**TEXT, "maxLength": 5}, ("request-bound-tightened", BREAKING)),
    both("request length raised", in_request, {**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 6}, ("request-bound-relaxed", COMPATIBLE)),
    both("request items lowered", in_request, {"type": "array", "items": TEXT, "maxItems": 4}, {"type": "array", "items": TEXT, "maxItems": 3}, ("request-bound-tightened", BREAKING)),
    both("request pattern set", in_request, TEXT, {**TEXT, "pattern": "^a"}, ("request-pattern-set", BREAKING)),
    both("request pattern dropped", in_request, {**TEXT, "pattern": "^a"}, TEXT, ("request-pattern-dropped", COMPATIBLE)),
    both("request pattern changed", in_request, {**TEXT, "pattern": "^a"}, {**TEXT, "pattern": "^b"}, ("request-pattern-changed", BREAKING)),
    both("request format set", in_request, TEXT, {**TEXT, "format": "date-time"}, ("request-format-set", BREAKING)),
    both("null as a default", in_request, {**NUMBER}, {**NUMBER, "default": None}, ("rephrased", DOCUMENTATION)),
    both("request default changed", in_request, {**NUMBER, "default": 1}, {**NUMBER, "default": 2}, ("request-default-changed", COMPATIBLE)),
    both("request constant changed", in_request, {**TEXT, "const": "a"}, {**TEXT, "const": "b"}, ("request-constant-changed", BREAKING)),
    kind("request alternative added", in_request(UNION) | TAGGED, in_request(UNION3) | TAGGED, ("request-alternative-added", COMPATIBLE)),
    kind("request alternative removed", in_request(UNION3) | TAGGED, in_request(UNION) | TAGGED, ("request-alternative-removed", BREAKING)),
    kind("request object became nullable", in_request(record(a=REFERENCE)) | TAGGED, in_request(record(a=NULLABLE)) | TAGGED, ("request-type-widened", COMPATIBLE)),
    kind("request object closed", in_request(record()), in_request({**record(), "additionalProperties": False}), ("request-closed", BREAKING)),
    # ---------------------------------------------------------------- responses
    kind("error response added", {}, {"responses": {**operation(0)["responses"], "409": ERROR}}, ("error-response-added", COMPATIBLE)),
    kind("error response removed", {"responses": {**operation(0)["responses"], "409": ERROR}}, {}, ("error-response-removed", COMPATIBLE)),
    kind("success response added", {}, {"responses": {**operation(0)["responses"], "202": ERROR}}, ("success-response-added", BREAKING)),
    kind("success response removed", {"responses": {**operation(0)["responses"], "202": ERROR}}, {}, ("success-response-removed", BREAKING)),
    kind("response header added", {}, FULL, ("response-header-added", COMPATIBLE)),
    kind("response header removed", FULL, {}, ("response-header-removed", BREAKING)),
    kind("media type added", {}, {"responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": TEXT}, "text/plain": {"schema": TEXT}}}}}, ("response-media-type-added", COMPATIBLE)),
    kind("media type removed", {"responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": TEXT}, "text/plain": {"schema": TEXT}}}}}, {}, ("response-media-type-removed", BREAKING)),
    # ---------------------------------------------------------------- members of responses
    kind("response member added", answered(record()), answered(record(a=TEXT)), ("response-member-added", COMPATIBLE)),
    kind("required response member added", answered(record()), answered(record(("a",), a=TEXT)), ("response-member-added-required", COMPATIBLE)),
    kind("optional response member removed", answered(record(a=TEXT)), answered(record()), ("response-member-removed", BREAKING)),
    kind("required response member removed", answered(record(("a",), a=TEXT)), answered(record()), ("response-member-removed", BREAKING)),
    kind("response member became optional", answered(record(("a",), a=TEXT)), answered(record(a=TEXT)), ("response-member-became-optional", BREAKING)),
    kind("response member became required", answered(record(a=TEXT)), answered(record(("a",), a=TEXT)), ("response-member-became-required", COMPATIBLE)),
    both("response type widened", answered, NUMBER, {"type": "number"}, ("response-type-widened", BREAKING)),
    both("response type narrowed", answered, {"type": "number"}, NUMBER, ("response-type-narrowed", COMPATIBLE)),
    both("response type changed", answered, NUMBER, TEXT, ("response-type-changed", BREAKING)),
    both("response member became nullable", answered, TEXT, {"type": ["string", "null"]}, ("response-type-widened", BREAKING)),
    both("response member no longer nullable", answered, {"type": ["string", "null"]}, TEXT, ("response-type-narrowed", COMPATIBLE)),
    kind("response object became nullable", answered(record(a=REFERENCE)) | TAGGED, answered(record(a=NULLABLE)) | TAGGED, ("response-type-widened", BREAKING)),
    kind("response object no longer nullable", answered(record(a=NULLABLE)) | TAGGED, answered(record(a=REFERENCE)) | TAGGED, ("response-type-narrowed", COMPATIBLE)),
    kind("value added to an open enum", answered(record(a=OPEN)) | {"schemas": {"E": ENUM}}, answered(record(a=OPEN)) | {"schemas": {"E": WIDER}}, ("response-open-enum-value-added", COMPATIBLE)),
    both("value added to a closed enum", answered, ENUM, WIDER, ("response-enum-value-added", BREAKING)),
    both("response enum value removed", answered, WIDER, ENUM, ("response-enum-value-removed", COMPATIBLE)),
    both("response bound relaxed", answered, {**NUMBER, "maximum": 5}, {**NUMBER, "maximum": 9}, ("response-bound-relaxed", BREAKING)),
    both("response bound tightened", answered, {**NUMBER, "maximum": 9}, {**NUMBER, "maximum": 5}, ("response-bound-tightened", COMPATIBLE)),
    both("response pattern changed", answered, {**TEXT, "pattern": "^a"}, {**TEXT, "pattern": "^b"}, ("response-pattern-changed", BREAKING)),
    both("response format dropped", answered, {**TEXT, "format": "uri"}, TEXT, ("response-format-dropped", BREAKING)),
    both("response example changed", answered, {**TEXT, "example": "a"}, {**TEXT, "example": "b"}, ("example-changed", DOCUMENTATION)),
    both("response description changed", answered, {**TEXT, "description": "a"}, {**TEXT, "description": "b"}, ("description-changed", DOCUMENTATION)),
    both("member deprecated", answered, TEXT, {**TEXT, "deprecated": True}, ("response-member-deprecated", COMPATIBLE)),
    kind("response alternative added", answered(UNION) | TAGGED, answered(UNION3) | TAGGED, ("response-alternative-added", BREAKING)),
    # ---------------------------------------------------------------- what Redocly does not see
    kind("member of an event removed", event({"$ref": "#V"}) | {"schemas": {"V": record(a=TEXT)}}, event({"$ref": "#V"}) | {"schemas": {"V": record()}}, ("response-member-removed", BREAKING)),
    kind("component used on both sides", in_request({"$ref": "#B"}) | answered({"$ref": "#B"}) | {"schemas": {"B": record(a=TEXT)}}, in_request({"$ref": "#B"}) | answered({"$ref": "#B"}) | {"schemas": {"B": record(("a",), a=TEXT)}}, ("request-member-became-required", BREAKING), ("response-member-became-required", COMPATIBLE)),
    kind("pages added", {}, {"x-paging": PAGING}, ("paging-added", COMPATIBLE)),
    kind("pages removed", {"x-paging": PAGING}, {}, ("paging-removed", BREAKING)),
    kind("pages changed", {"x-paging": PAGING}, {"x-paging": {**PAGING, "items": "b"}}, ("paging-changed", BREAKING)),
    kind("stream marked as custom", {}, {"x-sdk-stream": "custom"}, ("extension-changed", DOCUMENTATION)),
    kind("stream no longer custom", {"x-sdk-stream": "custom"}, {}, ("stream-class-changed", BREAKING)),
    kind("component renamed", answered({"$ref": "#One"}) | {"schemas": {"One": record()}}, answered({"$ref": "#Two"}) | {"schemas": {"Two": record()}}, ("model-removed", BREAKING), ("model-added", COMPATIBLE)),
    kind("documented error added", {"x-errors": ["a"]}, {"x-errors": ["a", "b"]}, ("documented-errors-changed", DOCUMENTATION)),
    kind("nothing", in_request(record()), in_request(record())),
]  # fmt: skip
