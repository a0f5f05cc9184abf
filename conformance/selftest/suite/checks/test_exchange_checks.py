"""The checks on every exchange find each fault in frames, receipts, answers and headers, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from aurous_mock.contract.renames import translate
from harness import contract
from harness.checks.exchange_checks import ExchangeChecks
from harness.client.exchange import Exchange
from harness.violations import NotTested
from rules.billing_math import Movement, require_repeated

URL = "https://api.example.com/v1/chat/completions"
MODEL = "aurous-grow-2.0-pro"
BASE = {"id": "cmp_1", "object": "chat.completion.chunk", "created": 1778800000, "model": MODEL}
USAGE = {
    "prompt_tokens": 4,
    "completion_tokens": 2,
    "total_tokens": 6,
    "credits_charged": 0.0012,
    "breakdown": {"input_credits": 0.0003, "output_credits": 0.0009, "model": MODEL, "pricing_version": 1},
}
LIMITS = {f"X-RateLimit-{part}": "9" for part in ("Limit", "Remaining", "Reset")}
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "Aurous-Request-Id": "req_1",
    "Aurous-Version": "2026-05-15",
    **LIMITS,
}
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
Frames = list[Any]


def chunk(delta: dict[str, Any], reason: str | None = None, **members: Any) -> dict[str, Any]:
    return {**BASE, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **members}


def frames() -> Frames:
    """A correct stream."""
    return [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Good"}),
        chunk({"content": " day"}),
        chunk({}, "stop", usage=deepcopy(USAGE)),
        "[DONE]",
    ]


def streamed(sent: Frames, asked: dict[str, Any] | None = None, **options: Any) -> Exchange:
    body = "".join(f"data: {frame if isinstance(frame, str) else json.dumps(frame)}\n\n" for frame in sent)
    members: dict[str, Any] = {"headers": HEADERS, "complete": True, **options}
    return Exchange("POST", URL, sent=json.dumps(asked or ASKED).encode(), status=200, body=body.encode(), **members)


def document(**members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Good day"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {**BASE, "object": "chat.completion", "choices": [choice], "usage": deepcopy(USAGE), "status": "completed"}
    return {**whole, **members}


def created(value: dict[str, Any], asked: dict[str, Any] | None = None) -> Exchange:
    headers = {**HEADERS, "Content-Type": "application/json"}
    sent = json.dumps(asked or {**ASKED, "stream": False}).encode()
    body = json.dumps(value).encode()
    return Exchange("POST", URL, sent=sent, status=200, headers=headers, body=body, complete=True)


def broken(*exchanges: Exchange) -> set[str]:
    """The rules that these exchanges break."""
    checks = ExchangeChecks()
    for exchange in exchanges:
        checks.inspect(exchange)
    return set(checks.findings.violations)


def edited(place: int, **members: Any) -> Callable[[Frames], Frames]:
    return lambda sent: [*sent[:place], {**sent[place], **members}, *sent[place + 1 :]]


FAULTS: list[tuple[str, Callable[[Frames], Frames]]] = [
    ("stream.role_first", lambda sent: [chunk({"content": ""}), *sent[1:]]),
    ("stream.choice_index", edited(1, choices=[{"index": 1, "delta": {"content": "Good"}, "finish_reason": None}])),
    ("stream.one_choice", edited(1, choices=[chunk({"content": "a"})["choices"][0]] * 2)),
    ("stream.one_finish_reason", lambda sent: [*sent[:3], chunk({}, usage=USAGE), "[DONE]"]),
    ("stream.one_finish_reason", lambda sent: [*sent[:3], chunk({}, "stop"), *sent[3:]]),
    ("stream.finish_last", lambda sent: [*sent[:3], chunk({}, "stop"), chunk({"content": "!"}, usage=USAGE), "[DONE]"]),
    ("stream.usage", lambda sent: [*sent[:3], chunk({}, "stop"), "[DONE]"]),
    ("stream.usage", lambda sent: [*sent[:2], chunk({}, usage=USAGE), *sent[2:3], chunk({}, "stop"), "[DONE]"]),
    ("stream.done", lambda sent: sent[:-1]),
    ("stream.done", lambda sent: [*sent, "[DONE]"]),
    ("stream.done_is_last", lambda sent: [*sent, chunk({})]),
    ("stream.id", edited(3, id="cmp_2")),
    ("stream.created", edited(3, created=1778800001)),
    ("stream.model", edited(3, model="aurous-grow-1.0")),
    ("stream.object", edited(3, object="chat.completion")),
    ("stream.content", lambda sent: [sent[0], *sent[3:]]),
    ("receipt.total", edited(3, usage={**USAGE, "total_tokens": 5})),
    ("receipt.sum", edited(3, usage={**USAGE, "credits_charged": 0.5})),
    ("receipt.text_counted", edited(1, choices=chunk({"content": "one two three four five six "})["choices"])),
]


def test_correct_exchanges_break_no_rule() -> None:
    second = {**HEADERS, "Aurous-Request-Id": "req_2", "Content-Type": "application/json"}
    answered = created(document())
    answered.headers = second
    assert broken(streamed(frames()), answered) == set()


@pytest.mark.parametrize(("rule", "spoil"), FAULTS)
def test_faulty_frames_break_their_rule(rule: str, spoil: Callable[[Frames], Frames]) -> None:
    assert rule in broken(streamed(spoil(frames())))


def finished(reason: Any) -> tuple[Exchange, Exchange]:
    """A stream and a document that end for some reason."""
    answered = created(document(choices=[{**document()["choices"][0], "finish_reason": reason}]))
    answered.headers = {**answered.headers, "Aurous-Request-Id": "req_2"}
    return streamed([*frames()[:3], chunk({}, reason, usage=USAGE), "[DONE]"]), answered


def test_finish_reason_may_be_a_new_one() -> None:
    assert broken(*finished("end_turn")) == set()


@pytest.mark.parametrize("reason", ["", 1])
def test_finish_reason_that_is_none_breaks_its_rules(reason: Any) -> None:
    assert {"stream.one_finish_reason", "completion.finish_reason"} <= broken(*finished(reason))


@pytest.mark.parametrize("kind", [{"tools": []}, {"logprobs": False}, {"stop": ["x"]}, {"reasoning_effort": "low"}])
def test_stream_of_any_kind_needs_its_usage(kind: dict[str, Any]) -> None:
    sent = [*frames()[:3], chunk({}, "stop"), "[DONE]"]
    assert broken(streamed(sent, {**ASKED, **kind})) == {"stream.usage"}


@pytest.mark.parametrize(
    "ending", [[], ["[DONE]"], [chunk({}, "cancelled", usage=USAGE), "[DONE]"]], ids=["none", "done", "whole"]
)
def test_cancelled_stream_may_just_end(ending: Frames) -> None:
    assert broken(streamed([*frames()[:2], *ending], cancelled=True)) == set()


@pytest.mark.parametrize(
    ("rule", "ending"),
    [
        ("stream.usage", [chunk({}, "cancelled"), "[DONE]"]),
        ("stream.one_finish_reason", [chunk({}, usage=USAGE), "[DONE]"]),
        ("stream.done", [chunk({}, "cancelled", usage=USAGE)]),
    ],
)
def test_cancelled_stream_that_ends_by_the_grammar_ends_by_all_of_it(rule: str, ending: Frames) -> None:
    assert broken(streamed([*frames()[:2], *ending], cancelled=True)) == {rule}


def test_stream_that_was_left_owes_no_ending() -> None:
    assert broken(streamed(frames()[:2], complete=False)) == set()


def test_stream_that_failed_owes_no_ending() -> None:
    assert broken(streamed([*frames()[:2], {"error": {"code": "internal_error"}}])) == set()


def test_document_in_place_of_a_stream_breaks_the_media_type() -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}
    assert broken(streamed([], headers=headers)) == {"stream.media_type"}


def test_response_to_an_injected_fault_is_not_checked() -> None:
    exchange = streamed(frames()[:2], sent_headers={"Aurous-Mock-Fault": "truncate=2"})
    assert broken(exchange) == set()


def entry(token: str, logprob: float = -0.1, alternatives: int = 2) -> dict[str, Any]:
    top = [{"token": token, "logprob": logprob}] * alternatives
    return {"token": token, "logprob": logprob, "top_logprobs": top}


@pytest.mark.parametrize(
    ("rule", "entries"),
    [
        ("completion.logprobs", None),
        ("completion.logprobs_negative", [entry("Good", 0.5), entry(" day")]),
        ("completion.logprobs_tokens", [entry("Good")]),
        ("completion.logprobs_tokens", [entry("Bad"), entry(" day")]),
        ("completion.top_logprobs", [entry("Good"), entry(" day", alternatives=1)]),
    ],
)
def test_missing_or_wrong_logprobs_break_their_rule(rule: str, entries: list[dict[str, Any]] | None) -> None:
    value = document()
    value["choices"][0]["logprobs"] = None if entries is None else {"content": entries}
    asked = {**ASKED, "stream": False, "logprobs": True, "top_logprobs": 2}
    assert rule in broken(created(value, asked))


def test_text_of_more_words_than_max_tokens_breaks_it() -> None:
    value = document()
    value["choices"][0]["message"]["content"] = "a b c d e f g h"
    asked = translate(
        {**ASKED, "stream": False, "max_tokens": 2}, contract.names("POST", "/v1/chat/completions").request
    )
    assert "completion.max_tokens" in broken(created(value, asked))


def test_rate_limits_are_missed_only_beside_others() -> None:
    without = streamed(frames())
    without.headers = {name: value for name, value in HEADERS.items() if name not in LIMITS}
    assert broken(without) == set()
    other = streamed(frames())
    other.headers = {**HEADERS, "Aurous-Request-Id": "req_2"}
    assert broken(without, other) == {"header.rate_limit_everywhere"}


def movement(decrease: str, charged: str) -> Movement:
    def balance(credits: Decimal) -> Exchange:
        body = json.dumps({"credits": float(credits), "held_credits": 0, "available_credits": float(credits)})
        return Exchange("GET", "https://api.example.com/v1/balance", status=200, body=body.encode())

    return Movement(balance(Decimal(100)), balance(Decimal(100) - Decimal(decrease)), Decimal(charged))


@pytest.mark.parametrize(
    "decreases", [("0", "0", "0"), ("2", "2", "2"), ("0.25", "0.5", "0.125")], ids=["nothing", "twice", "too little"]
)
def test_wrong_charge_that_repeats_is_the_servers(decreases: tuple[str, ...]) -> None:
    require_repeated([movement(decrease, "1") for decrease in decreases])


@pytest.mark.parametrize(
    "decreases", [("1.5", "3", "1.25"), ("-50", "2", "2"), ("2", "0.5", "3")], ids=["others spend", "top-up", "both"]
)
def test_difference_that_does_not_repeat_is_not_tested(decreases: tuple[str, ...]) -> None:
    with pytest.raises(NotTested):
        require_repeated([movement(decrease, "1") for decrease in decreases])
