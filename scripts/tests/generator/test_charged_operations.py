"""No operation that the spec declares as charged escapes the ledger and the budgets.

A copy of openapi.yaml gets charged operations with names that the API will never have; both clients call them on the
mock, which answers by the spec alone.
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
PROGRAM = Path(__file__).with_name("programs") / "call_charged_operations.py"
TEXT = {"type": "string"}
BODY = small_specs.ref("ImaginaryText")
KEY = {"name": "Idempotency-Key", "in": "header", "schema": TEXT}
ID = {"name": "id", "in": "path", "required": True, "schema": TEXT}


def operation(name: str, schema: str, example: dict[str, Any], charge: dict[str, Any], **more: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": small_specs.ref(schema), "examples": {"one": {"value": example}}}}
    return {
        "operationId": name,
        "tags": ["imaginary"],
        "summary": f"Does {name}",
        "security": [{"ApiKey": []}],
        "x-charge": charge,
        "responses": {
            more.pop("status", "200"): {"description": "Fine.", "content": content},
            "4XX": {"$ref": "#/components/responses/ClientFault"},
        },
        **more,
    }


def body() -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": BODY}}}


PICTURE = {"id": "pic_1", "cost": {"amount": 2, "currency": "credit"}}
RENDER = {"id": "ren_1", "status": "pending", "cost": 3}
HELD = {"held_while": {"status": ["pending", "running"]}}
JOB = {"id": "job_1", "status": "pending", "cost": None}
PATHS = {
    "/v1/imaginary_embeddings": {
        "post": operation(
            "createImaginaryEmbedding",
            "ImaginaryEmbedding",
            {
                "model": "imaginary-embedder",
                "usage": {
                    "prompt_tokens": 7,
                    "total_tokens": 7,
                    "credits_charged": 0.1875,
                    "breakdown": {"input": 0.1875},
                },
            },
            {"amount": "usage.credits_charged"},
            parameters=[KEY],
            requestBody=body(),
        )
    },
    "/v1/imaginary_pictures": {
        "post": operation(
            "createImaginaryPicture",
            "ImaginaryPicture",
            PICTURE,
            {"amount": "cost.amount"},
            status="201",
            requestBody=body(),
        ),
        "get": operation(
            "findImaginaryPictures", "ImaginaryPictureList", {"data": [], "price": 0.25}, {"amount": "price"}
        ),
    },
    "/v1/imaginary_pictures/{id}": {
        "parameters": [ID],
        "get": operation(
            "retrieveImaginaryPicture",
            "ImaginaryPicture",
            PICTURE,
            {"amount": "cost.amount", "record_of": "createImaginaryPicture"},
        ),
    },
    "/v1/imaginary_voices": {
        "post": operation(
            "createImaginaryVoice", "ImaginaryVoice", {"cost": 0.5}, {"amount": "cost"}, requestBody=body()
        )
    },
    "/v1/imaginary_jobs": {
        "post": operation(
            "createImaginaryJob", "ImaginaryJob", JOB, {"amount": "cost"}, status="202", requestBody=body()
        )
    },
    "/v1/imaginary_jobs/{id}": {
        "parameters": [ID],
        "get": operation(
            "retrieveImaginaryJob",
            "ImaginaryJob",
            {**JOB, "status": "ready", "cost": 1.25},
            {"amount": "cost", "record_of": "createImaginaryJob"},
        ),
    },
    "/v1/imaginary_renders": {
        "post": operation(
            "createImaginaryRender", "ImaginaryJob", RENDER, {"amount": "cost", **HELD}, requestBody=body()
        )
    },
    "/v1/imaginary_renders/{id}": {
        "parameters": [ID],
        "get": operation(
            "retrieveImaginaryRender",
            "ImaginaryJob",
            {**RENDER, "status": "failed", "cost": 0.5},
            {"amount": "cost", "record_of": "createImaginaryRender", **HELD},
        ),
    },
    "/v1/imaginary_renders/{id}/progress": {
        "parameters": [ID],
        "get": operation(
            "watchImaginaryRender",
            "ImaginaryJob",
            {**RENDER, "status": "running"},
            {"amount": "cost", "record_of": "createImaginaryRender", **HELD},
        ),
    },
}


def thing(*required: str, **members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": members}


NUMBER = {"type": "number"}
SCHEMAS = {
    "ImaginaryText": thing("text", text=TEXT),
    "ImaginaryEmbedding": thing("model", "usage", model=TEXT, usage=small_specs.ref("ImaginaryUsage")),
    "ImaginaryUsage": thing(
        "credits_charged",
        prompt_tokens={"type": "integer"},
        total_tokens={"type": "integer"},
        credits_charged=NUMBER,
        breakdown=small_specs.ref("ImaginaryBreakdown"),
    ),
    "ImaginaryBreakdown": thing("input", input=NUMBER),
    "ImaginaryPicture": thing("id", id=TEXT, cost=small_specs.ref("ImaginaryCost")),
    "ImaginaryCost": thing("amount", amount=NUMBER, currency=TEXT),
    "ImaginaryPictureList": thing(
        "data", data={"type": "array", "items": small_specs.ref("ImaginaryPicture")}, price=NUMBER
    ),
    "ImaginaryVoice": thing("cost", cost=NUMBER),
    "ImaginaryJob": thing("id", "status", id=TEXT, status=TEXT, cost={"type": ["number", "null"]}),
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = load(ROOT / "openapi.yaml")
    document["paths"] |= PATHS
    document["components"]["schemas"] |= SCHEMAS
    document["tags"].append({"name": "imaginary", "description": "What nobody will ever offer."})
    return small_specs.write(tmp_path_factory.mktemp("charged") / "charged.yaml", document)


@pytest.mark.slow
def test_no_charged_operation_escapes_ledger_and_budget(spec: Path) -> None:
    assert regenerate.generate(spec, spec.parent / "aurous_client")
    with running(specs=(spec,)) as mock:
        program_runs.check_program(spec.parent, "-P", PROGRAM, mock.url, load(spec)["info"]["version"])
