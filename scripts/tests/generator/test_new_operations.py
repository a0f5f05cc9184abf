"""An operation added to the spec becomes a typed method by regenerating, without hand-written code.

A copy of openapi.yaml gets operations of every kind, with names that the API will never have; its package is generated,
type-checked, and called over a socket.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import program_runs
import pytest
import regenerate
import small_specs
from generator.yaml_loader import load

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("programs") / "use_new_operations.py"


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def operation(name: str, tag: str, success: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": f"Does {name}",
        "security": [{"ApiKey": []}],
        "responses": {**success, "4XX": {"$ref": "#/components/responses/ClientFault"}},
        **more,
    }


def ok(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "Fine.", "content": {"application/json": {"schema": schema}}}}


def body(name: str, **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": ref(name)}}, **more}


ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}

PATHS = {
    "/v1/imaginary_team": {
        "get": operation("retrieveImaginaryTeam", "imaginary_team", ok(ref("ImaginaryTeam"))),
        "patch": operation(
            "updateImaginaryTeam",
            "imaginary_team",
            ok(ref("ImaginaryTeam")),
            requestBody=body("ImaginaryTeamUpdate", required=True),
        ),
    },
    "/v1/imaginary_webhook_endpoints/{id}": {
        "parameters": [ID],
        "put": operation(
            "replaceImaginaryWebhook",
            "imaginary_webhooks",
            ok(ref("ImaginaryWebhook")),
            parameters=[
                {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}},
                {"name": "since", "in": "query", "schema": {"type": "string", "format": "date-time"}},
                {"name": "fields", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}},
            ],
            requestBody=body("ImaginaryWebhookUpdate", required=True),
        ),
        "delete": operation(
            "deleteImaginaryWebhook", "imaginary_webhooks", {"204": {"description": "Gone."}}, deprecated=True
        ),
    },
    "/v1/imaginary_webhook_endpoints/{id}/rotate_secret": {
        "parameters": [ID],
        "post": operation("rotateImaginarySecret", "imaginary_webhooks", {"204": {"description": "Done."}}),
    },
    "/v1/imaginary_loras": {
        "get": operation("listImaginaryLoras", "imaginary_loras", ok({"type": "array", "items": ref("ImaginaryLora")}))
    },
    "/v1/imaginary_tree": {
        "get": operation("retrieveImaginaryTree", "imaginary_trees", ok(ref("ImaginaryTree"))),
        "put": operation(
            "replaceImaginaryTree",
            "imaginary_trees",
            ok(ref("ImaginaryTree")),
            requestBody=body("ImaginaryTree", required=True),
        ),
        "patch": operation(
            "countImaginaryTree",
            "imaginary_trees",
            ok(ref("ImaginaryEither")),
            **{"x-sdk-method": "imaginary_tree.count"},
        ),
    },
    "/v1/imaginary_usage/events": {
        "get": operation(
            "listImaginaryEvents",
            "imaginary_usage",
            ok(ref("ImaginaryEventList")),
            **{"x-sdk-method": "imaginary_usage.events"},
        ),
    },
}
SCHEMAS = {
    "ImaginaryTeam": {
        "type": "object",
        "required": ["id", "created_at"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "created_at": {"type": "string", "format": "date-time"},
            "birthday": {"type": "string", "format": "date"},
            "plan": {"anyOf": [ref("ImaginaryPlan"), {"type": "string"}, {"type": "null"}]},
            "parent": {"oneOf": [ref("ImaginaryTeam"), {"type": "null"}]},
            "teams": {"type": "array", "items": ref("ImaginaryTeam")},
            "labels": ref("ImaginaryLabels"),
            "title": {"type": "string", "title": "Mapping"},
        },
    },
    "ImaginaryTeamUpdate": {
        "type": "object",
        "required": ["name", "contact"],
        "properties": {
            "name": {"type": "string"},
            "contact": {"type": ["string", "null"]},
            "email": {"type": ["string", "null"], "description": "Where bills go."},
            "size": {"type": "integer"},
        },
    },
    "ImaginaryPlan": {"type": "string", "enum": ["free", "pro"], "title": "A plan"},
    "ImaginaryLabels": {"type": "object", "additionalProperties": {"type": "integer"}},
    "ImaginaryWebhook": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
    "ImaginaryWebhookUpdate": {
        "type": "object",
        "required": ["id", "url", "kind"],
        "properties": {
            "id": {"type": "string"},
            "url": {"type": "string"},
            "kind": {"type": "string", "const": "webhook", "default": "webhook"},
            "timeout": {"type": "number"},
            "dry_run": {"type": "string"},
            "stream": {"type": "boolean"},
        },
    },
    "ImaginaryLora": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
    "ImaginaryEvent": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "integer", "const": 7}}},
    "ImaginaryEventList": {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": ref("ImaginaryEvent")}},
    },
    # Never referred to, and generated all the same.
    "ImaginaryAlone": {"type": "object", "properties": {"either": ref("ImaginaryEither")}},
    "ImaginaryEither": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    "ImaginaryNode": {
        "type": "object",
        "required": ["kind"],
        "properties": {"left": ref("ImaginaryTree"), "kind": {"type": "string", "const": "node", "default": "node"}},
    },
    "ImaginaryLeaf": {
        "type": "object",
        "required": ["kind"],
        "properties": {"left": ref("ImaginaryTree"), "kind": {"type": "string", "const": "leaf", "default": "leaf"}},
    },
    "ImaginaryTree": {"oneOf": [ref("ImaginaryNode"), ref("ImaginaryLeaf")]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generated = tmp_path_factory.mktemp("extended")
    document = load(ROOT / "openapi.yaml")
    document["paths"] |= PATHS
    document["components"]["schemas"] |= SCHEMAS
    document["tags"].append({"name": "imaginary_webhooks", "description": "Calls back when something ends."})
    assert regenerate.generate(small_specs.write(generated / "extended.yaml", document), generated / "aurous_client")
    shutil.copy(PROGRAM, generated / "use.py")
    return generated


def test_generator_names_no_endpoint() -> None:
    sources = [*(ROOT / "scripts" / "generator").rglob("*.py"), *(ROOT / "scripts" / "generator").rglob("*.jinja")]
    for source in sources:
        # These show in their docstrings what they make.
        if source.name not in ("method_tree.py", "resources.py.jinja", "__init__.py"):
            text = source.read_text(encoding="utf-8")
            assert not any(word in text for word in ("/v1/", "chat.completions", "ChatCompletion", "createChat")), (
                source
            )


@pytest.mark.slow
def test_package_with_new_operations_is_strictly_typed(folder: Path) -> None:
    """With a module that uses the new methods, so that their signatures are what a caller expects."""
    program_runs.check_types(folder, "aurous_client", "use.py")


def test_methods_of_new_operations_work_over_a_socket(folder: Path) -> None:
    program_runs.check_program(folder, "-W", "error", "use.py")
