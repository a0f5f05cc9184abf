"""Rules on the bodies that are sent with one key: which are equal, and which conflict."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient, encode
from harness.generation.request_normalizer import EFFORTS
from harness.rules import IDEMPOTENCY, rule
from harness.violations import not_tested, require

from .idempotency_requests import REPLAYED, is_replayed, require_conflict, require_fresh, require_replay, with_key
from .refusals import can_require_tools, require_refusal

TOOL = {"type": "function", "function": {"name": "get_rain", "parameters": {"type": "object"}}}

# One change for every member of a request; "the whole POST body counts".
CHANGES: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Something else entirely."}],
    "max_tokens": 7,
    "temperature": 0.9,
    "top_p": 0.8,
    "seed": 8,
    "stop": ["never"],
    "presence_penalty": 0.2,
    "frequency_penalty": 0.2,
    "logprobs": True,
    "reasoning_effort": EFFORTS[-1],
    "tools": [TOOL],
    "response_format": {"type": "text"},
}


def with_default(body: dict[str, Any], default: Any) -> dict[str, Any]:
    """The body with another default in the schema of its tool, deep inside."""
    parameters = {"type": "object", "properties": {"days": {"description": "1/2", "default": default}}}
    function = {"name": "get_rain", "description": "The rain.", "parameters": parameters}
    return {**body, "tools": [{"type": "function", "function": function}], "tool_choice": "none"}


def rich_body(api: ApiClient) -> dict[str, Any]:
    """A body with nested objects, numbers, letters beyond ASCII and characters that may be escaped."""
    return with_default(api.chat_body('Say: é/"🌧".', temperature=1, max_tokens=2, response_format={"type": "text"}), 1)


def reversed_members(value: Any) -> Any:
    """The same value with the members of every object, at any depth, in the reverse order."""
    if isinstance(value, dict):
        return {name: reversed_members(member) for name, member in reversed(value.items())}
    return [reversed_members(item) for item in value] if isinstance(value, list) else value


def escaped(body: dict[str, Any]) -> bytes:
    """Every letter of every string and name as an escape, and slashes as `\\/`."""
    text = json.dumps(body, ensure_ascii=False).replace("/", "\\/")
    return re.sub(r"(?<!\\)[a-z]", lambda letter: f"\\u{ord(letter[0]):04x}", text).encode()


def with_number(body: dict[str, Any], written: str) -> bytes:
    """The body with its temperature, and the default in the schema of its tool, written in another way."""
    text = json.dumps(body, ensure_ascii=False)
    return re.sub(r'"(temperature|default)": 1\b', lambda member: f'"{member[1]}": {written}', text).encode()


# Other ways of writing the same JSON value.
SPELLINGS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "key order": lambda body: encode(dict(reversed(body.items()))),
    "nested key order": lambda body: encode(reversed_members(body)),
    "white space": lambda body: json.dumps(body, ensure_ascii=False, separators=(" , ", "\t:\n ")).encode(),
    "escapes": lambda body: json.dumps(body, ensure_ascii=True).encode(),
    "every letter escaped": escaped,
    "indented": lambda body: json.dumps(body, ensure_ascii=False, indent=4).encode(),
    "sorted": lambda body: json.dumps(body, sort_keys=True).encode(),
}
# Small changes of a text that make another JSON value.
TEXTS: dict[str, Callable[[str], str]] = {
    "a space": lambda text: text + " ",
    "a capital": str.upper,
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
}
NUMBERS = ["1.0", "1e0", "1E0", "10e-1", "0.1e+1", "1.00"]


@rule(
    "idempotency.canonical_json",
    page=IDEMPOTENCY,
    sentence="Bodies are compared as canonical JSON: order and space do not matter.",
)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_equivalent_json_replays_the_completion(api: ApiClient, key: str, spelling: str) -> None:
    body = rich_body(api)
    first = api.complete(body, headers=with_key(key))
    again = api.create(body, content=SPELLINGS[spelling](body), headers=with_key(key))
    require_replay(again, first)


@rule(
    "idempotency.canonical_numbers",
    page=IDEMPOTENCY,
    sentence="Bodies are compared as canonical JSON: a number is the same however it is written.",
)
@pytest.mark.parametrize("written", NUMBERS)
def test_equal_number_in_another_notation_replays_the_completion(api: ApiClient, key: str, written: str) -> None:
    body = rich_body(api)
    first = api.complete(body, headers=with_key(key))
    again = api.create(body, content=with_number(body, written), headers=with_key(key))
    require_replay(again, first)


@rule(
    "idempotency.canonical_json",
    page=IDEMPOTENCY,
    sentence="Bodies are compared as canonical JSON: order and space do not matter.",
)
def test_all_equivalent_bodies_replay_under_one_key(api: ApiClient, key: str) -> None:
    body = rich_body(api)
    first = api.complete(body, headers=with_key(key))
    for respell in SPELLINGS.values():
        require_replay(api.create(body, content=respell(body), headers=with_key(key)), first)


@rule(
    "idempotency.conflict_by_type",
    page=IDEMPOTENCY,
    sentence='Values of different JSON types are different: `1` is neither `true` nor `"1"`.',
)
@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, "1"), (0, False), (0, None)], ids=str)
def test_value_of_another_json_type_is_a_conflict(api: ApiClient, key: str, one: Any, other: Any) -> None:
    body = rich_body(api)
    first = api.complete(with_default(body, one), headers=with_key(key))
    require_conflict(api.create(with_default(body, other), headers=with_key(key), expect_error=True), first)


@rule("idempotency.array_order_matters", page=IDEMPOTENCY, sentence="The order of messages is part of the body.")
def test_messages_in_another_order_are_a_conflict(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    body["messages"] = [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}]
    first = api.complete(body, headers=with_key(key))
    reversed_order = {**body, "messages": body["messages"][::-1]}
    require_conflict(api.create(reversed_order, headers=with_key(key)), first)


@rule(
    "idempotency.conflict", page=IDEMPOTENCY, sentence="The same key with another body is 409 `idempotency_key_in_use`."
)
@pytest.mark.parametrize("member", CHANGES)
def test_same_key_with_another_body_is_a_conflict(api: ApiClient, key: str, member: str) -> None:
    body = api.chat_body(temperature=0.5, max_tokens=2)
    first = api.complete(body, headers=with_key(key))
    require_conflict(api.create({**body, member: CHANGES[member]}, headers=with_key(key), expect_error=True), first)


@rule("idempotency.conflict_on_less", page=IDEMPOTENCY, sentence="A body that lacks a member is another body.")
def test_body_lacking_a_member_is_a_conflict(api: ApiClient, key: str) -> None:
    body = api.chat_body(temperature=0.5, max_tokens=2)
    first = api.complete(body, headers=with_key(key))
    less = {name: value for name, value in body.items() if name != "temperature"}
    require_conflict(api.create(less, headers=with_key(key), expect_error=True), first)


@rule(
    "idempotency.conflict_in_depth", page=IDEMPOTENCY, sentence="A small change deep in a message makes another body."
)
@pytest.mark.parametrize("change", TEXTS)
def test_small_change_deep_in_a_message_is_a_conflict(api: ApiClient, key: str, change: str) -> None:
    body = api.chat_body("Say: caf\u00e9.")
    first = api.complete(body, headers=with_key(key))
    message = {**body["messages"][0], "content": TEXTS[change](body["messages"][0]["content"])}
    require_conflict(api.create({**body, "messages": [message]}, headers=with_key(key), expect_error=True), first)


@rule(
    "idempotency.conflict_by_unknown_member",
    page=IDEMPOTENCY,
    sentence="The whole body is compared, with members that no page lists.",
)
def test_undocumented_member_makes_another_body(api: ApiClient, key: str) -> None:
    body = api.chat_body(metadata={"order": "7"})
    first = api.create(body, headers=with_key(key))
    if first.status in (400, 422):
        not_tested(f"members that no page lists are refused: {first.outcome}")
    other = {**body, "metadata": {"order": "8"}}
    require_conflict(api.create(other, headers=with_key(key), expect_error=True), first.expect(200))


@rule("idempotency.conflict_keeps_first", page=IDEMPOTENCY, sentence="A conflict does not replace the stored response.")
def test_conflict_keeps_the_first_completion(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    api.create(api.chat_body(), headers=with_key(key), expect_error=True)
    require_replay(api.create(body, headers=with_key(key)), first)


@rule(
    "idempotency.conflict_hides_id",
    page=IDEMPOTENCY,
    sentence="A conflict does not reveal the id of the first completion.",
)
def test_conflict_does_not_reveal_the_first_completion_id(api: ApiClient, key: str) -> None:
    first = api.complete(api.chat_body(), headers=with_key(key))
    response = api.create(api.chat_body(), headers=with_key(key), expect_error=True)
    require(first.at("id").encode() not in response.body, "the 409 shows the id", first, response)


@rule("idempotency.no_caching_of_4xx", page=IDEMPOTENCY, sentence="A response of type invalid_request is not stored.")
def test_invalid_request_is_not_kept_under_its_key(api: ApiClient, key: str) -> None:
    body = api.chat_body(temperature=3)
    first = api.create(body, headers=with_key(key), expect_error=True).expect(400, 422)
    again = api.create(body, headers=with_key(key), expect_error=True).expect(400, 422)
    require(again.header(REPLAYED) is None, f"{REPLAYED} is {again.header(REPLAYED)!r}", first, again)
    fresh = again.at("error", "request_id") != first.at("error", "request_id")
    require(fresh, "the second answer repeats the first one's request_id", first, again)


@rule(
    "idempotency.repaired_request",
    page=IDEMPOTENCY,
    sentence="The key of a refused request can be used for the corrected one.",
)
@pytest.mark.parametrize("fault", [{"temperature": 3}, {"messages": []}, {"tool_choice": "required"}], ids=str)
def test_key_of_a_refused_request_accepts_the_corrected_one(api: ApiClient, key: str, fault: dict[str, Any]) -> None:
    if "tool_choice" in fault and can_require_tools(api):
        not_tested(f"{api.model} has the capability tool_choice_required")
    body = api.chat_body()
    require_refusal(api.create({**body, **fault}, headers=with_key(key), expect_error=True))
    repaired = api.create(body, headers=with_key(key))
    require_fresh(repaired)
    require_replay(api.create(body, headers=with_key(key)), repaired)


@rule(
    "idempotency.concurrent",
    page=IDEMPOTENCY,
    sentence="Of concurrent requests with one key, one is carried out; the others are replayed or 409.",
)
def test_concurrent_requests_with_one_key_run_once(api: ApiClient, key: str) -> None:
    body = api.chat_body(max_tokens=16)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.create(body, headers=with_key(key)), range(8)))
    fresh = [exchange for exchange in answers if exchange.status == 200 and not is_replayed(exchange)]
    require(len(fresh) == 1, f"{len(fresh)} of 8 requests were carried out", *fresh)
    for exchange in answers:
        if exchange.status == 200:
            same, first = (contract.documented("ChatCompletion", each.json) for each in (exchange, fresh[0]))
            require(same == first, "there are two different answers", fresh[0], exchange)
        else:
            require_conflict(exchange, fresh[0])
    require_replay(api.create(body, headers=with_key(key)), fresh[0])
