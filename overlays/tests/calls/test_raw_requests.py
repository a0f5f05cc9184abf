"""`client.request`: what this version has no method for, with the retries, keys, errors and costs of all calls."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict

import aurous
import pytest
from aurous import errors
from clientkit.callers import Caller, Make
from testkit.raw_server import RawServer
from testkit.responses import BUSY, MESSAGES, MODEL, answer, completion, envelope


def request(caller: Caller, *arguments: Any, **options: Any) -> Any:
    return caller.run(lambda client: client.request(*arguments, **options))


def test_request_sends_what_it_is_given_and_returns_the_json(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, {"name": "new"}, headers={"Aurous-Request-Id": "req_1"}))
    document = request(
        make(wire.url),
        "POST",
        "/v1/things",
        body={"a": [1, "é"], "at": aurous.models.UserMessage(content="Hi")},
        query={"days": 7, "of": ["x", "y"]},
        headers={"X-Own": "1"},
    )
    [seen] = wire.requests
    assert seen.line == "POST /v1/things?days=7&of=x&of=y HTTP/1.1"
    assert seen.body == '{"a":[1,"é"],"at":{"role":"user","content":"Hi"}}'.encode()
    assert (seen.header("X-Own"), seen.header("Content-Type")) == ("1", "application/json")
    assert seen.header("Aurous-Version") == aurous.API_VERSION
    assert document == {"name": "new"}
    assert aurous.response_info(document).request_id == "req_1"
    assert aurous.response_info(document).idempotency_key == seen.header("Idempotency-Key")
    assert type(pickle.loads(pickle.dumps(document))) is dict


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_request_that_changes_something_is_repeated_under_one_key(method: str, wire: RawServer, make: Make) -> None:
    wire.plays(BUSY, answer(200, {}))
    assert request(make(wire.url), method, "/v1/things") == {}
    first, second = wire.keys
    assert first == second is not None


def test_request_that_reads_has_no_key_and_is_repeated(wire: RawServer, make: Make) -> None:
    wire.plays(BUSY, answer(200, [1, 2]))
    assert request(make(wire.url), "GET", "/v1/things", parse=list) == [1, 2]
    assert wire.keys == [None, None]


def test_own_key_of_a_request_is_sent(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, {}))
    request(make(wire.url), "POST", "/v1/things", headers={"Idempotency-Key": "mine"})
    assert wire.keys == ["mine"]


@pytest.mark.parametrize(
    ("parse", "expected"),
    [
        (str, '{"id": "a"}'),
        (bytes, b'{"id": "a"}'),
        (dict, {"id": "a"}),
        (lambda document: document["id"], "a"),
        (None, None),
    ],
)
def test_result_of_a_request_is_what_parse_says(parse: Any, expected: object, wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, b'{"id": "a"}'))
    assert request(make(wire.url), "GET", "/v1/things", parse=parse) == expected


def test_model_class_parses_a_request(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, {"object": "list", "data": []}))
    assert request(make(wire.url), "GET", "/v1/models", parse=aurous.models.ModelList).data == []


class Thing(TypedDict):
    id: str


@pytest.mark.parametrize(
    ("parse", "body", "expected"),
    [
        (Thing, {"id": "a"}, {"id": "a"}),
        (dict[str, Any], {"id": "a"}, {"id": "a"}),
        (list[int], [1], [1]),
        (Mapping, {"id": "a"}, {"id": "a"}),
        (object, [1], [1]),
        (Any, [1], [1]),
        (float, 1.5, 1.5),
        (Decimal, "1.5", Decimal("1.5")),
    ],
)
def test_class_and_annotation_parse_a_request(
    parse: Any, body: object, expected: object, wire: RawServer, make: Make
) -> None:
    wire.plays(answer(200, body))
    assert request(make(wire.url), "GET", "/v1/things", parse=parse) == expected


@pytest.mark.parametrize("parse", ["dict", 7, list[aurous.models.Model], dict[str, aurous.models.Model]])
def test_parse_that_makes_no_result_is_refused_before_anything_is_sent(parse: Any, wire: RawServer, make: Make) -> None:
    with pytest.raises(aurous.EncodeError, match=r"parse: .* makes no result of the JSON; give a"):
        request(make(wire.url), "POST", "/v1/things", parse=parse)
    assert wire.requests == []


@pytest.mark.parametrize(
    "parse",
    [
        dict,
        list,
        Thing,
        Decimal,
        aurous.models.ModelList,
        lambda document: document["no"],
        lambda document: document.no,
    ],
)
def test_body_that_cannot_be_parsed_raises_validation_error(parse: Any, wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, "text"))
    with pytest.raises(errors.APIResponseValidationError):
        request(make(wire.url), "GET", "/v1/things", parse=parse)


def test_failed_request_raises_the_errors_of_a_call(wire: RawServer, make: Make) -> None:
    wire.plays(answer(404, envelope("resource_not_found", "not_found")))
    with pytest.raises(errors.NotFoundError):
        request(make(wire.url), "GET", "/v1/things/1")


def test_cost_of_a_request_is_entered_and_budgeted(wire: RawServer, make: Make) -> None:
    first = answer(200, completion())
    wire.plays(first, first, answer(200, {**completion(), "id": "cmp_2"}))
    caller = make(wire.url)
    body = {"model": MODEL, "messages": MESSAGES}
    request(caller, "POST", "/v1/chat/completions", body=body)
    assert caller.client.ledger.credits == Decimal("0.2856")
    request(caller, "GET", "/v1/chat/completions/cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM")
    assert caller.client.ledger.credits == Decimal("0.2856")
    limited = caller.client.with_options(budget=caller.client.budget(credits="0.1"))
    caller.run(lambda _: limited.request("POST", "/v1/chat/completions", body=body))
    with pytest.raises(errors.BudgetExceededError):
        caller.run(lambda _: limited.request("POST", "/v1/chat/completions", body=body))
    assert len(wire.requests) == 3


@pytest.mark.parametrize("parse", [list, Decimal, lambda document: document["no"], lambda document: document.no])
def test_cost_of_a_request_is_entered_though_its_body_cannot_be_parsed(parse: Any, wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, completion()))
    caller = make(wire.url)
    limited = caller.client.with_options(budget=caller.client.budget(credits="0.1"))
    with pytest.raises(errors.APIResponseValidationError):
        caller.run(lambda _: limited.request("POST", "/v1/chat/completions", body={}, parse=parse))
    assert caller.client.ledger.credits == Decimal("0.2856")
    with pytest.raises(errors.BudgetExceededError):
        caller.run(lambda _: limited.request("POST", "/v1/chat/completions", body={}))


def test_record_of_a_running_completion_is_no_charge_yet(wire: RawServer, make: Make) -> None:
    whole = completion()
    wire.plays(answer(200, {**whole, "status": "in_progress"}), answer(200, whole), answer(200, whole))
    caller = make(wire.url)
    caller.client.ledger.begin(whole["id"])
    for expected in ("0", "0.2856", "0.2856"):
        # A result without the id.
        request(caller, "GET", f"/v1/chat/completions/{whole['id']}", parse=lambda found: found["usage"])
        assert caller.client.ledger.credits == Decimal(expected)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("FETCH", "/v1/things"),
        ("get", "/v1/things"),
        ("GET", "v1/things"),
        ("GET", "https://elsewhere.example/v1"),
        ("GET", "/v1/things?a=b"),
        ("GET", "/v1/a thing"),
        ("GET", "/v1/thing\r\nX-Own: 1"),
        ("GET", "/v1/ding\u00e9"),
    ],
)
def test_request_that_cannot_be_sent_is_refused(method: str, path: str, wire: RawServer, make: Make) -> None:
    with pytest.raises(aurous.EncodeError):
        request(make(wire.url), method, path)
    assert wire.requests == []
