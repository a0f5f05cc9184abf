"""A server with a handful of faults that do not hide one another, and the rule that each one breaks."""

from __future__ import annotations

import json
from typing import Any

from harness import contract
from mutants.messages import BALANCE, MODELS, Frame, Request, Response
from mutants.registry import Behaviour, Frames, Kind, MockVariant

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


class Faulty(Behaviour):
    """Has all of the faults."""

    def request(self, request: Request) -> None:
        """Accept what must be refused."""
        if request.headers.get("aurous-version") == "latest":
            del request.headers["aurous-version"]
        body = request.body
        if isinstance(body.get("temperature"), float | int) and body["temperature"] > HOTTEST:
            body["temperature"] = HOTTEST
        if isinstance(body.get("tools"), str):
            del body["tools"]
        if body.get("tool_choice") == "required":
            body["tool_choice"] = "auto"
        if "inner" in json.dumps(body.get("response_format")):
            del body["response_format"]

    def response(self, request: Request, response: Response) -> None:
        del response.headers["aurous-idempotent-replayed"]
        if request.path == BALANCE:
            del response.headers["aurous-request-id"]
        if error := response.error:
            _spoil_error(error)
        elif request.path == BALANCE:
            response.body["available_credits"] = response.body["credits"] + 1
        elif request.path == MODELS:
            response.body["data"][-1]["object"] = "thing"
        elif completion := response.completion:
            _spoil_completion(request, completion)

    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.has_warning:
            return ()
        return (frame, frame) if frame.is_done else None


def _spoil_error(error: dict[str, Any]) -> None:
    if error["code"] == "resource_not_found":
        error["doc_url"] = "/errors"
    if error["code"] == "invalid_api_key":
        error["code"] = "missing_api_key"
    if error["code"] == "chat_cancel_target_not_found":
        error["code"] = "resource_not_found"


def _spoil_completion(request: Request, completion: dict[str, Any]) -> None:
    if request.method == "POST":
        completion["object"] = "completion"
        completion["usage"]["total_tokens"] += 1
    elif completion["choices"][0]["message"]["content"]:
        completion["choices"][0]["message"]["content"] += " "


FAULTY = MockVariant("faulty", Kind.FAULT, "Many faults at once.", "", Faulty)
