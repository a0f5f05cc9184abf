"""What generated requests may spend on charged operations that the suite knows by the spec alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from answering_server import AnsweringServer, answering, response
from harness import contract
from harness.client import spend_limit
from harness.client.api_client import ApiClient
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.generation import schemathesis_adapter
from harness.settings import Profile, Settings
from harness.turns import turn_of
from harness.violations import NotTested

PATH = "/v1/imaginary_drawings/{number}"
DRAWN = {"201": {"description": "Drawn.", "content": {"application/json": {"schema": {"type": "object"}}}}}
DRAWINGS = {
    PATH: {
        "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "post": {"operationId": "drawImaginaryDrawing", "x-charge": {"amount": "price"}, "responses": DRAWN},
        "put": {"operationId": "replaceImaginaryDrawing", "responses": DRAWN},
    }
}


@pytest.fixture(autouse=True)
def drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract with operations that no version will ever have."""
    document = deepcopy(contract.document())
    document["paths"] |= DRAWINGS
    monkeypatch.setattr(contract, "document", lambda: document)


@contextmanager
def client_of(body: bytes, *, limit: float) -> Iterator[tuple[ApiClient, AnsweringServer]]:
    identified = {"Aurous_Request_Id": "req_1", "Aurous_Version": "2026-05-15"}
    with answering(lambda server, head: [response(201, body, **identified)]) as server:
        settings = Settings(server.url, "al_live_" + "7" * 64, None, "2026-05-15")
        client = ApiClient(settings, Recorder(), SpendLimit(limit))
        try:
            yield client, server
        finally:
            client.close()


def generated(method: str, number: int) -> Any:
    schema = schemathesis_adapter.load(Profile.QUICK, 0)
    return schema[PATH][method].Case(path_parameters={"number": number})


def spend(api: ApiClient, call: Callable[[int], object]) -> float:
    """What is spent by as many calls as the limit allows, twenty at most. call: takes the number of each"""
    for number in range(20):
        try:
            call(number)
        except NotTested:
            break
    return api.spend_limit.spent


def spent_on(api: ApiClient, method: str) -> float:
    """What generated requests spend."""
    return spend(api, lambda number: schemathesis_adapter.check_case(generated(method, number), api, set()))


@pytest.mark.parametrize(
    ("body", "calls", "spent"),
    [(b'{"price": 1.5}', 3, 4.5), (b'{"price": 0.5}', 7, 3.5), (b"{}", 4, 4.0), (b'{"price": -1}', 4, 4.0)],
    ids=["dear", "cheap", "no receipt", "false receipt"],
)
def test_generated_requests_to_a_charged_operation_end_at_the_limit(body: bytes, calls: int, spent: float) -> None:
    with client_of(body, limit=4) as (api, server):
        assert spent_on(api, "POST") == pytest.approx(spent)
        assert len(server.heads) == calls


def test_generated_requests_to_a_free_operation_are_not_limited() -> None:
    with client_of(b'{"price": 9}', limit=0.5) as (api, server):
        assert spent_on(api, "PUT") == 0
        assert len(server.heads) == 20


def spent_by_rules(api: ApiClient, operation_id: str) -> float:
    """What rules on any operation spend."""
    operation = next(each for each in contract.operations() if each.id == operation_id)
    return spend(api, lambda _: api.call(operation))


@pytest.mark.parametrize(
    ("body", "limit", "calls", "spent"),
    [(b'{"price": 1.5}', 4, 3, 4.5), (b"{}", 4, 4, 4.0), (b'{"price": 40}', 4, 1, 40.0), (b'{"price": 40}', 0, 0, 0.0)],
    ids=["stated", "no receipt", "dear", "no credits"],
)
def test_rules_on_any_operation_end_at_the_limit(body: bytes, limit: float, calls: int, spent: float) -> None:
    with client_of(body, limit=limit) as (api, server):
        assert spent_by_rules(api, "drawImaginaryDrawing") == pytest.approx(spent)
        assert len(server.heads) == calls


def test_rules_on_a_free_operation_are_not_limited() -> None:
    with client_of(b'{"price": 9}', limit=0) as (api, server):
        assert spent_by_rules(api, "replaceImaginaryDrawing") == 0
        assert len(server.heads) == 20


def item_of(file: str, marker: str = "", **attributes: Any) -> pytest.Item:
    item = SimpleNamespace(path=Path(f"{file}.py"), get_closest_marker=lambda name: name == marker, **attributes)
    return cast(pytest.Item, item)


def test_calls_of_unknown_price_run_when_nothing_else_needs_the_budget() -> None:
    operations = {each.id: each for each in contract.operations()}
    drawn, replaced, created = (
        item_of("test_authentication", callspec=SimpleNamespace(params={"operation": operations[name]}))
        for name in ("drawImaginaryDrawing", "replaceImaginaryDrawing", "createChatCompletion")
    )
    properties = item_of("test_properties", operation_label="POST /v1/chat/completions")
    of_drawings = item_of("test_properties", operation_label=f"POST {PATH}")
    expensive, whole_run = item_of("test_streams", "expensive"), item_of("test_every_response")
    in_order = [replaced, created, expensive, properties, drawn, of_drawings, whole_run]
    assert sorted([whole_run, drawn, of_drawings, properties, expensive, replaced, created], key=turn_of) == in_order


def test_unknown_price_is_the_same_for_rules_and_properties() -> None:
    assert schemathesis_adapter.UNKNOWN_PRICE == spend_limit.UNKNOWN_PRICE


def test_accepted_request_is_not_sent_again_whatever_its_status() -> None:
    with client_of(b'{"price": 1}', limit=9) as (api, server):
        accepted: set[str] = set()
        for _ in range(3):
            schemathesis_adapter.check_case(generated("POST", 7), api, accepted)
        assert len(server.heads) == 1
