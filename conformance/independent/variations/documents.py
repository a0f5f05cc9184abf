"""Variations of documents: more members, other spellings of the same values, other prices."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from ..application import Application
from ..changes import VARIATIONS
from ..completions import Completion
from ..faults.documents import edit_documents
from ..ledger import MICRO
from ..messages import Call, Response
from ..seams import around

CREATE = "api-reference/chat/create-a-chat-completion"
PRICING = "api-reference/chat/pricing"


@VARIATIONS.plant(CREATE, "create_text", "create_tools")
def documents_with_more_members(application: Application) -> None:
    """Completions have members that no page names, at every level."""

    def add(document: dict[str, Any]) -> None:
        document |= {"system_fingerprint": "fp_1", "service_tier": "default"}
        document["choices"][0]["message"] |= {"refusal": None, "annotations": []}
        document["usage"]["completion_tokens_details"] = {"reasoning_tokens": 0}
        document["usage"]["breakdown"]["cached_credits"] = 0

    edit_documents(application, lambda call, completion: True, add)


@VARIATIONS.plant(CREATE, "create_text", "replay")
def usage_with_more_members_on_create(application: Application) -> None:
    """The usage of a new completion has a member that a replay and a retrieved one do not have."""

    def add(call: Call, response: Response) -> None:
        if call.route == "create" and response.status == 200 and response.stream is None and not call.replayed:
            response.document["usage"] = response.document["usage"] | {"proxy_latency_ms": 7}

    application.seams.response.append(add)


@VARIATIONS.plant(CREATE, "create_text", "stream_text")
def error_null_when_completed(application: Application) -> None:
    """Completed documents have a null error."""
    edit_documents(
        application,
        lambda call, completion: completion.status != "cancelled",
        lambda document: document.update(error=None),
    )


@VARIATIONS.plant(CREATE, "create_text", "create_structured")
def members_null_when_unused(application: Application) -> None:
    """Choices have null logprobs when none were asked for."""
    edit_documents(
        application, lambda call, completion: True, lambda document: document["choices"][0].setdefault("logprobs", None)
    )


@VARIATIONS.plant(CREATE, "create_text", "stream_text")
def ids_are_uuids(application: Application) -> None:
    """Ids of completions are cmp_ and a UUID."""

    @around(application.chat, "_hold")
    def hold(original: Any, completion: Completion) -> None:
        completion.id = f"cmp_{uuid.uuid4()}"
        original(completion)


@VARIATIONS.plant(CREATE, "create_text", "models", "retrieve_unknown")
def documents_indented(application: Application) -> None:
    """Documents are indented."""

    def indent(call: Call, response: Response) -> None:
        response.indent = 2

    application.seams.response.append(indent)


@VARIATIONS.plant(CREATE, "create_text", "create_tools")
def members_in_another_order(application: Application) -> None:
    """The members of documents are in reverse order."""

    def reverse(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: reverse(value[name]) for name in reversed(value)}
        return [reverse(item) for item in value] if isinstance(value, list) else value

    def change(call: Call, response: Response) -> None:
        response.document = reverse(response.document)

    application.seams.response.append(change)


@VARIATIONS.plant(CREATE, "create_text", "create_reasoning")
def counts_written_with_a_fraction(application: Application) -> None:
    """Counts of tokens and created are written as 12.0."""
    counts = re.compile(r'("(?:\w+_tokens|created)":)(\d+)(?=[,}])')

    def change(call: Call, response: Response) -> None:
        if call.completion is not None and response.stream is None and call.error is None:
            text = json.dumps(response.document, separators=(",", ":"))
            response.body = counts.sub(r"\1\2.0", text).encode()

    application.seams.response.append(change)


@VARIATIONS.plant(PRICING, "create_text")
def credits_written_with_an_exponent(application: Application) -> None:
    """Credits are written as 5.1225e-2."""
    credits = re.compile(r'("\w*credits\w*":)([0-9.]+)')

    def change(call: Call, response: Response) -> None:
        if call.completion is not None and response.stream is None and call.error is None:
            text = json.dumps(response.document, separators=(",", ":"))
            response.body = credits.sub(lambda m: f"{m[1]}{float(m[2]):.9e}", text).encode()

    application.seams.response.append(change)


@VARIATIONS.plant("pricing/llm-pricing", "create_text", "models")
def other_rates(application: Application) -> None:
    """The rates are others than those of the first day, as the list of models states."""
    model = application.chat.models["aurous-grow-2.0-pro"]
    model.input_rate, model.output_rate = 120, 600


@VARIATIONS.plant("guides/cost-transparency", "create_text", "stream_text")
def credits_to_four_decimals(application: Application) -> None:
    """Credits are rounded to four decimals, each part on its own, and the sum is charged."""
    unit = 100

    def parts(completion: Completion) -> list[int]:
        model, prompt = completion.model, completion.request.prompt_tokens
        output, reasoning = completion.produced, completion.answer.reasoning_tokens
        amounts = (prompt * model.input_rate, output * model.output_rate, reasoning * model.output_rate)
        return [-(-amount // unit) * unit for amount in amounts]

    @around(application.chat, "_hold")
    def hold(original: Any, completion: Completion) -> None:
        usage = completion.usage

        def rounded() -> dict[str, Any]:
            document = usage()
            names = ("input_credits", "output_credits", "reasoning_credits")
            for name, amount in zip(names, parts(completion), strict=True):
                if name in document["breakdown"]:
                    document["breakdown"][name] = amount / MICRO
            document["credits_charged"] = sum(parts(completion)) / MICRO
            return document

        completion.usage = rounded  # type: ignore[method-assign]
        completion.charge = lambda: 0 if completion.status == "failed" else sum(parts(completion))  # type: ignore[method-assign]
        original(completion)


@VARIATIONS.plant("api-reference/public-api-v1/get-credit-balance", "balance")
def balance_without_billing_mode(application: Application) -> None:
    """The balance has no billing_mode, as on the home page."""

    @around(application, "balance")
    def balance(original: Any, call: Call) -> Any:
        document = original(call)
        del document["billing_mode"]
        return document


@VARIATIONS.plant("api-reference/public-api-v1/get-credit-balance", "balance_text", "spent_text", "held")
def team_exempt_from_charges(application: Application) -> None:
    """The team is exempt: nothing is held or charged, and receipts show what it would have cost."""
    application.chat._hold = lambda completion: None  # type: ignore[method-assign]
    application.chat.settle = lambda completion: None  # type: ignore[method-assign]

    @around(application, "balance")
    def balance(original: Any, call: Call) -> Any:
        return original(call) | {"billing_mode": "exempt"}


@VARIATIONS.plant("api-reference/chat/cancellation", "stream_cancelled")
def cancelled_with_dates(application: Application) -> None:
    """The answer to a cancel has created_at and cancelled_at beside the documented members."""
    dates = {"created_at": "2026-05-20T12:00:00Z", "cancelled_at": "2026-05-20T12:00:04Z"}
    edit_documents(
        application, lambda call, completion: call.route == "cancel", lambda document: document.update(dates)
    )


@VARIATIONS.plant("api-reference/chat/retrieve-a-stored-chat-completion", "in_progress")
def running_without_figures(application: Application) -> None:
    """A record that still runs has no text and no tokens yet."""

    def change(document: dict[str, Any]) -> None:
        document["choices"][0]["message"] = {"role": "assistant", "content": None}
        usage = document["usage"]
        usage |= dict.fromkeys(("completion_tokens", "total_tokens", "prompt_tokens", "credits_charged"), 0)
        usage.pop("reasoning_tokens", None)
        usage["breakdown"] = usage["breakdown"] | {"input_credits": 0, "output_credits": 0}
        usage["breakdown"].pop("reasoning_credits", None)

    edit_documents(application, lambda call, completion: completion.status == "in_progress", change)


@VARIATIONS.plant(CREATE, "create_text", "models")
def documents_end_with_a_line_break(application: Application) -> None:
    """A line break follows every JSON document."""

    def add(call: Call, response: Response) -> None:
        if response.stream is None:
            response.body = response.encode() + b"\n"

    application.seams.response.append(add)


@VARIATIONS.plant(CREATE, "create_text")
def clock_ahead_of_time(application: Application) -> None:
    """The server's clock is five minutes ahead."""

    @around(application.chat, "_start")
    def start(original: Any, call: Call) -> Completion:
        completion: Completion = original(call)
        completion.created += 300
        return completion
