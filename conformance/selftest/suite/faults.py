"""A handful of faults that do not hide one another, and the rule that each one breaks."""

from __future__ import annotations

import json
from typing import Any

from harness import contract
from tampering_proxy import Answered, Asked, Tamper

HOTTEST = contract.schema("ChatCompletionRequest")["properties"]["temperature"]["maximum"]
# The faults of `FAULTY`, by the rule that must find each.
BREAKS = [
    "authentication.wrong_key",
    "balance.available",
    "cancel.unknown",
    "completion.object",
    "error.doc_url",
    "header.request_id",
    "idempotency.replay_header",
    "models.row",
    "receipt.total",
    "request.temperature.maximum",
    "request.tools.wrong_type",
    "retrieval.same_as_created",
    "stream.done",
    "stream.warning_first",
    "structured.too_deep",
    "tools.required",
    "version.malformed",
]


def request(asked: Asked) -> None:
    """Accept what must be refused."""
    if asked.headers.get("aurous-version") == "latest":
        del asked.headers["aurous-version"]
    body = asked.json
    if not isinstance(body, dict):
        return
    if isinstance(body.get("temperature"), float | int) and body["temperature"] > HOTTEST:
        body["temperature"] = HOTTEST
    if isinstance(body.get("tools"), str):
        del body["tools"]
    if body.get("tool_choice") == "required":
        body["tool_choice"] = "auto"
    if "inner" in json.dumps(body.get("response_format")):
        del body["response_format"]
    asked.body = json.dumps(body).encode()


def document(asked: Asked, answered: Answered, body: bytes) -> bytes:
    value = json.loads(body)
    _spoil(asked, value)
    return json.dumps(value).encode()


def _spoil(asked: Asked, value: Any) -> None:
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict) and "doc_url" in error:
        if error["code"] == "resource_not_found":
            error["doc_url"] = "/errors"
        if error["code"] == "invalid_api_key":
            error["code"] = "missing_api_key"
        if error["code"] == "chat_cancel_target_not_found":
            error["code"] = "resource_not_found"
    if asked.path == "/v1/balance" and "credits" in value:
        value["available_credits"] = value["credits"] + 1
    if asked.path == "/v1/models" and "data" in value:
        value["data"][-1]["object"] = "thing"
    if value.get("object") == "chat.completion":
        if asked.method == "POST":
            value["object"] = "completion"
            value["usage"]["total_tokens"] += 1
        elif value["choices"][0]["message"]["content"]:
            value["choices"][0]["message"]["content"] += " "


def head(asked: Asked, answered: Answered) -> None:
    answered.drop("Aurous-Idempotent-Replayed")
    if asked.path == "/v1/balance":
        answered.drop("Aurous-Request-Id")


def block(asked: Asked, answered: Answered, block: bytes) -> bytes:
    if b'"warning"' in block:
        return b""
    return block * 2 if b"[DONE]" in block else block


FAULTY = Tamper(request, document, block, head)
